"""`/dev/mail`: for the developer at this machine, and for nobody else."""

import re
from collections.abc import Sequence

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar.types import ASGIApp

from api.app import build_app
from api.dev_mail import SHOWN, LocalMail, build_dev_mail
from api.operations import OPERATIONS
from api.ports import ApiPorts

MAIL = LocalMail("m1.eml", "ann@example.com", "Confirm", "Thu, 01 Jan 2026 12:00:00 +0000", "Hello\n#token")
NASTY = LocalMail("m2.eml", '"><script>', "<script>alert(1)</script>", "<i>", "</pre><script>alert(2)</script>")


class FakeLocalInbox:
    """A `LocalInbox` of given mails."""

    def __init__(self, *mails: LocalMail) -> None:
        self.mails = mails

    async def newest(self, limit: int) -> Sequence[LocalMail]:
        return self.mails[:limit]

    async def find(self, name: str) -> LocalMail | None:
        return next((mail for mail in self.mails if mail.name == name), None)


async def get(
    path: str, *mails: LocalMail, peer: str = "127.0.0.1", host: str = "localhost:8000", **headers: str
) -> Response:
    app: ASGIApp = build_dev_mail(FakeLocalInbox(*mails))
    transport = ASGITransport(app, client=(peer, 123))  # type: ignore[arg-type]
    async with AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        return await client.get(path, headers={"Host": host, **headers})


async def test_the_list_leads_to_each_mail_the_newest_first() -> None:
    page = await get("/dev/mail", MAIL, NASTY)
    assert page.headers["content-type"].startswith("text/html")
    assert re.findall(r'href="([^"]+)"', page.text) == ["/dev/mail/m1.eml", "/dev/mail/m2.eml"]


async def test_an_empty_inbox_is_a_page_too() -> None:
    assert (await get("/dev/mail")).status_code == 200


async def test_no_more_are_listed_than_can_be_read_at_once() -> None:
    assert (await get("/dev/mail", *[MAIL] * (SHOWN + 1))).text.count("<li>") == SHOWN


async def test_a_mail_is_shown_as_text() -> None:
    page = await get("/dev/mail/m1.eml", MAIL)
    assert "<pre>Hello\n#token</pre>" in page.text
    assert "ann@example.com" in page.text


@pytest.mark.parametrize("path", ["/dev/mail", "/dev/mail/m2.eml"])
async def test_nothing_in_a_mail_is_more_than_text_and_no_script_would_run(path: str) -> None:
    page = await get(path, NASTY)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<i>" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"


async def test_a_mail_that_is_not_there_is_a_404() -> None:
    assert (await get("/dev/mail/m3.eml", MAIL)).status_code == 404


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1"])
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000"])
async def test_this_machine_is_answered(peer: str, host: str) -> None:
    assert (await get("/dev/mail", peer=peer, host=host)).status_code == 200


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "testclient", ""])
async def test_another_machine_is_told_that_there_is_nothing(peer: str) -> None:
    for path in ("/dev/mail", "/dev/mail/m1.eml"):
        assert (await get(path, MAIL, peer=peer)).status_code == 404


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"])
async def test_nobody_comes_in_through_a_proxy(name: str) -> None:
    assert (await get("/dev/mail", MAIL, **{name: "127.0.0.1"})).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "[::2]"])
async def test_a_name_that_somebody_else_leads_here_is_not_answered(host: str) -> None:
    assert (await get("/dev/mail", MAIL, host=host)).status_code == 404


async def test_the_api_itself_does_not_serve_it(ports: ApiPorts) -> None:
    transport = ASGITransport(build_app(ports))  # type: ignore[arg-type]
    async with AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/dev/mail")).status_code == 404
    assert not [path for _, path in OPERATIONS if path.startswith("/dev")]
