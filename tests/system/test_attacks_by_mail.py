"""Attacks by mail over HTTP: headers that are not ours, links that lead elsewhere, links that are used again."""

import asyncio
import re
from urllib.parse import urlsplit

import httpx
import pytest

from tests.system.besieged import CONFIRM, NEW_PASSWORD, PASSWORD, PUBLIC, RESET, Besieged, statuses, text_of
from tests.system.raw import exchange

pytestmark = pytest.mark.system

EVIL = "evil.example"
TURNED = {
    "Host": EVIL,
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Server": EVIL,
    "X-Host": EVIL,
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"https://{EVIL}/",
    "Forwarded": f"host={EVIL};proto=http",
    "Origin": f"https://{EVIL}",
    "Referer": f"https://{EVIL}/",
}
BREAKS = ["\r\n", "\n", "\r", "\u2028", "\x0b", "%0d%0a"]
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")


def links_of(text: str) -> list[str]:
    return [link.rstrip(".") for link in re.findall(r"https?://[^\s<>\"]+", text)]


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
async def test_a_line_break_begins_no_header(fortress: Besieged, line_break: str) -> None:
    async with fortress.client() as http:
        injected = f"carol@example.com{line_break}Bcc: all@{EVIL}"
        for method, path, body in (
            ("POST", "/auth/register", {"email": injected, "password": PASSWORD}),
            ("POST", "/auth/register", {"email": "carol@example.com", "username": injected, "password": PASSWORD}),
            ("PUT", "/auth/forgot-password", {"email": injected}),
        ):
            answer = await http.request(method, path, json=body)
            assert answer.status_code == 422
            assert EVIL not in answer.text
        name = {"email": "carol@example.com", "password": PASSWORD, "name": f"Carol{line_break}Bcc: all@{EVIL}"}
        if line_break != "%0d%0a":  # in a name that is text like any other
            assert (await http.post("/auth/register", json=name)).status_code == 422
    assert not [mail for mail in fortress.mails() if "carol" in mail["To"]]


async def test_every_mail_has_our_headers_once_one_recipient_and_links_to_us_alone(fortress: Besieged) -> None:
    name = f"Carol https://{EVIL}/win Bcc: all@{EVIL}"
    async with fortress.client() as http:
        wanted = {"email": "bait@example.com", "password": PASSWORD, "name": name}
        assert (await http.post("/auth/register", json=wanted, headers=TURNED)).status_code == 201
    await fortress.mail_to("bait@example.com", CONFIRM)
    for mail in fortress.mails():
        assert [len(mail.get_all(header, [])) for header in ONCE] == [1] * len(ONCE), mail.keys()
        assert not {"bcc", "cc", "reply-to", "sender"} & {header.lower() for header in mail.keys()}  # noqa: SIM118
        assert len(mail["To"].addresses) == 1
        for part in mail.walk():
            if not part.is_multipart():
                told = str(part.get_content())
                assert EVIL not in told
                assert {f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" for link in links_of(told)} <= {PUBLIC}


async def test_no_header_of_the_request_turns_a_mailed_link(fortress: Besieged) -> None:
    """Password-reset poisoning: the victim's link would bring its token to the attacker's machine."""
    ada = await fortress.person("ada")
    async with fortress.client() as http:
        answer = await http.put("/auth/forgot-password", json={"email": ada.email}, headers=TURNED)
        assert answer.status_code == 202
    mail = await fortress.mail_to(ada.email, RESET)
    assert EVIL not in mail.as_string()
    assert f"{PUBLIC}/auth/reset-password#" in text_of(mail)


async def test_neither_does_a_request_line_with_a_host_nor_a_second_host(fortress: Besieged) -> None:
    bob = await fortress.person("bob")
    body = b'{"email": "%s"}' % bob.email.encode()
    head = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    for line, hosts in (
        (b"PUT http://evil.example/auth/forgot-password HTTP/1.1", b"Host: evil.example\r\n"),
        (b"PUT /auth/forgot-password HTTP/1.1", b"Host: gateway.example\r\nHost: evil.example\r\n"),
    ):
        status = await exchange(fortress.first, line + b"\r\n" + hosts + head + b"\r\n" + body)
        assert status in {202, 400, 404, 405}, line
    async with fortress.client() as http:
        await http.put("/auth/forgot-password", json={"email": bob.email})
    assert EVIL not in (await fortress.mail_to(bob.email, RESET)).as_string()


async def test_a_confirmation_is_good_once_though_ten_follow_it_at_once(fortress: Besieged) -> None:
    async with fortress.client() as http:
        wanted = {"email": "once@example.com", "password": PASSWORD}
        await http.post("/auth/register", json=wanted)
        token = await fortress.token_mailed("once@example.com", CONFIRM)
        crossed = await http.put(f"/auth/reset-password/{token}", json={"password": NEW_PASSWORD})
        assert crossed.status_code == 404, "it is no link to a new password"
    answers = await asyncio.gather(*(follow(fortress, url, token) for url in (fortress.first, fortress.second) * 5))
    assert statuses(answers) == [200] + [404] * 9
    replayed, forged = [await follow(fortress, fortress.first, each) for each in (token, "A" * len(token))]
    assert replayed.status_code == forged.status_code == 404
    assert replayed.json()["detail"] == forged.json()["detail"]
    assert token not in replayed.text


async def test_a_reset_is_good_once_though_four_follow_it_at_once(fortress: Besieged) -> None:
    victim = await fortress.sign_up("resetter")
    async with fortress.client() as http:
        await http.put("/auth/forgot-password", json={"email": victim.email})
    token = await fortress.token_mailed(victim.email, RESET)
    wishes = [f"{NEW_PASSWORD} number {number}" for number in range(4)]
    urls = (fortress.first, fortress.second) * 2
    answers = await asyncio.gather(
        *(follow(fortress, url, token, wish) for url, wish in zip(urls, wishes, strict=True))
    )
    assert statuses(answers) == [200] + [404] * 3
    won = next(wish for wish, answer in zip(wishes, answers, strict=True) if answer.status_code == 200)
    fortress.secrets.add(won)
    assert (await follow(fortress, fortress.first, token, PASSWORD)).status_code == 404
    async with fortress.client() as http:
        told = [
            (await http.post("/auth/login", json={"email": victim.email, "password": wish})).status_code
            for wish in (PASSWORD, won)
        ]
    assert told == [401, 200]


async def test_no_client_can_have_a_mail_sent(fortress: Besieged) -> None:
    mail = {"to": f"all@{EVIL}", "template": "reset", "link": {"id": "01980000-0000-7000-8000-000000000000"}}
    async with fortress.client() as http:
        for headers in ({}, (await fortress.person("ada")).bearer, fortress.admin):
            answer = await http.post("/jobs", json={"vendorType": "email", "vendorPayload": mail}, headers=headers)
            assert answer.status_code == 422


async def test_nobody_is_flooded_by_asking_again(fortress: Besieged) -> None:
    """Ten at once within one step of five minutes are one mail; a step may end in between, then two."""
    eve = await fortress.person("eve")
    async with fortress.client() as http:
        await asyncio.gather(*(http.put("/auth/forgot-password", json={"email": eve.email}) for _ in range(10)))
    await fortress.mail_to(eve.email, RESET)
    asked = await fortress.recorded(lambda acts: len(acts) >= 10, act="user.reset_asked", subject=f"user:{eve.id}")
    assert len(asked) >= 10
    assert 1 <= sum((mail["To"], mail["Subject"]) == (eve.email, RESET) for mail in fortress.mails()) <= 2


async def test_the_inbox_is_shown_to_this_machine_in_development_only(fortress: Besieged) -> None:
    async with fortress.client() as http, fortress.client(at=fortress.second) as production:
        assert (await http.get("/dev/mail")).status_code == 200
        for turned in ({"Host": EVIL}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
            assert (await http.get("/dev/mail", headers=turned)).status_code == 404
        assert (await production.get("/dev/mail")).status_code == 404
        for path in ("/dev/mail/..%2f..%2fjwt.secret", "/dev/mail/../../jwt.secret", "/dev/mail/%2e%2e%2fjwt.secret"):
            assert (await http.get(path)).status_code == 404


async def follow(fortress: Besieged, url: str, token: str, password: str | None = None) -> httpx.Response:
    """The link, to confirm or, with a password, to choose that."""
    async with fortress.client(at=url) as http:
        if password is None:
            return await http.put(f"/auth/confirmation/{token}")
        return await http.put(f"/auth/reset-password/{token}", json={"password": password})
