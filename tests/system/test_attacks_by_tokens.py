"""Attacks by tokens over HTTP: forged ones, copied ones, and those of who is out by now, in every process."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from tests.system.besieged import NEW_PASSWORD, RESET, Besieged, Json, Person, statuses
from tests.system.client import PATIENCE_SECONDS

pytestmark = pytest.mark.system

WITHIN_SECONDS = 10.0  # the contract's
STRANGERS_SECRET = "a secret of the attacker's own, 32 characters or more"


@dataclass(frozen=True)
class Sample:
    """A genuine access token, taken apart, and what it was signed by."""

    head: Json
    claims: Json
    signature: str
    secret: str

    @classmethod
    def of(cls, token: str, secret: str) -> "Sample":
        head, claims, signature = token.split(".")
        return cls(unspelt(head), unspelt(claims), signature, secret)

    def signed(self, *, secret: str | None = None, head: Json | None = None, **claims: object) -> str:
        """With another head or other claims, by who has the secret."""
        said = self.unsigned(head=head, **claims)
        key = (self.secret if secret is None else secret).encode()
        return f"{said}.{spelt(hmac.digest(key, said.encode(), 'sha256'))}"

    def unsigned(self, *, head: Json | None = None, **claims: object) -> str:
        parts = ({**self.head, **(head or {})}, {**self.claims, **claims})
        return ".".join(spelt(json.dumps(part).encode()) for part in parts)


FORGED: dict[str, Callable[[Sample], str]] = {
    "signed by the attacker": lambda sample: sample.signed(secret=STRANGERS_SECRET),
    "other claims under the old signature": lambda sample: f"{sample.unsigned(role='admin')}.{sample.signature}",
    "alg=none": lambda sample: f"{sample.unsigned(head={'alg': 'none'})}.",
    "alg=None, with the old signature": lambda sample: f"{sample.unsigned(head={'alg': 'None'})}.{sample.signature}",
    "no signature": lambda sample: f"{sample.unsigned()}.",
    "for another audience": lambda sample: sample.signed(aud="other"),
    "of another issuer": lambda sample: sample.signed(iss="https://evil.example"),
    "of this gateway by its inner address": lambda sample: sample.signed(iss="http://127.0.0.1:8000"),
    "over": lambda sample: sample.signed(exp=int(time.time()) - 1),
    "without an end": lambda sample: sample.signed(exp=None),
    "not begun yet": lambda sample: sample.signed(nbf=int(time.time()) + 600),
    "of no type": lambda sample: sample.signed(head={"typ": "JWT"}),
    "a kid that is a file": lambda sample: sample.signed(secret="", head={"kid": "../../../../dev/null"}),
    "a kid that is a query": lambda sample: sample.signed(secret="", head={"kid": "x' UNION SELECT '' --"}),
    "a kid that is an operator": lambda sample: sample.signed(head={"kid": {"$gt": ""}}),
    "a key that it brings along": lambda sample: sample.signed(
        secret=STRANGERS_SECRET, head={"jwk": {"kty": "oct", "k": spelt(STRANGERS_SECRET.encode())}}
    ),
    "a key to be fetched": lambda sample: sample.signed(head={"jku": "http://127.0.0.1:1/k", "kid": "x"}),
    "another user's id under nobody's session": lambda sample: sample.signed(
        sid="01980000-0000-7000-8000-000000000000"
    ),
}


def spelt(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unspelt(part: str) -> Json:
    return dict(json.loads(urlsafe_b64decode(f"{part}==")))


async def status_at(fortress: Besieged, url: str, token: str, path: str = "/jobs") -> int:
    async with fortress.client(at=url) as http:
        return (await http.get(path, headers={"Authorization": f"Bearer {token}"})).status_code


async def refresh_at(fortress: Besieged, url: str, token: str) -> httpx.Response:
    async with fortress.client(at=url) as http:
        answer = await http.post("/auth/refresh-token", json={"refresh_token": token})
    fortress.secrets |= {answer.json()[name] for name in ("token", "refresh_token") if name in answer.json()}
    return answer


async def test_a_token_that_is_signed_by_hand_opens_so_that_each_forgery_fails_for_one_reason(
    fortress: Besieged,
) -> None:
    token = Sample.of((await fortress.person("ada")).access, fortress.signing_secret).signed(jti="x")
    assert [await status_at(fortress, url, token) for url in (fortress.first, fortress.second)] == [200, 200]


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_token_opens_nothing_in_any_process(fortress: Besieged, forge: Callable[[Sample], str]) -> None:
    forged = forge(Sample.of((await fortress.person("ada")).access, fortress.signing_secret))
    for url in (fortress.first, fortress.second):
        async with fortress.client(at=url) as http:
            answer = await http.get("/jobs", headers={"Authorization": f"Bearer {forged}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert forged not in answer.text


async def test_no_token_of_another_kind_opens_anything(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    for token in (ada.refresh, ada.password, f"{ada.access} {ada.access}", "gwk_0123", "a" * 5_000):
        assert await status_at(fortress, fortress.first, token) == 401


async def test_an_endless_header_is_refused_and_the_gateway_goes_on(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    for length in (5_000, 60_000, 100_000):
        assert await status_at(fortress, fortress.first, ada.access + "a" * length) in {401, 431}
    assert await status_at(fortress, fortress.first, ada.access) == 200


@pytest.mark.parametrize("count", [2, 20])
async def test_refreshes_at_once_in_two_processes_are_given_one_successor(fortress: Besieged, count: int) -> None:
    ada = await fortress.person("ada")
    async with fortress.client() as http:
        token = (await fortress.sign_in(http, ada)).refresh
    urls = [fortress.first, fortress.second] * (count // 2)
    answers = await asyncio.gather(*(refresh_at(fortress, url, token) for url in urls))
    assert statuses(answers) == [200] * count
    successors = {answer.json()["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert (await refresh_at(fortress, fortress.second, *successors)).status_code == 200


async def test_a_copied_refresh_token_ends_the_session_of_the_thief_and_of_the_owner(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    async with fortress.client() as http:
        session, other = await fortress.sign_in(http, ada), await fortress.sign_in(http, ada)
    copied, newest = session.refresh, session.refresh
    for _ in range(2):  # the one before the newest is good for who lost the answer
        newest = (await refresh_at(fortress, fortress.first, newest)).json()["refresh_token"]
    stolen = await refresh_at(fortress, fortress.second, copied)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh-refused")
    assert (await refresh_at(fortress, fortress.first, newest)).status_code == 401
    found = await fortress.acts(act="session.reused", subject=f"user:{ada.id}")
    assert [entry["detail"]["session"] for entry in found] == [sid_of(session)]
    assert (await refresh_at(fortress, fortress.first, other.refresh)).status_code == 200, "another session of hers"


async def test_a_forged_refresh_token_ends_nobodys_session(fortress: Besieged) -> None:
    bob = await fortress.person("bob")
    raw = bytearray(urlsafe_b64decode(bob.refresh + "=" * (-len(bob.refresh) % 4)))
    for place in (0, 19, 51):  # the session's id, the number, the signature
        forged = raw.copy()
        forged[place] ^= 1
        assert (await refresh_at(fortress, fortress.first, spelt(bytes(forged)))).status_code == 401
    assert await status_at(fortress, fortress.first, bob.access) == 200
    assert not await fortress.acts(act="session.reused", subject=f"user:{bob.id}")


async def test_a_session_that_was_planted_is_not_the_one_that_begins(fortress: Besieged) -> None:
    """Session fixation: the victim signs in with the attacker's cookie in the browser."""
    ada, eve = await fortress.person("ada"), await fortress.person("eve")
    async with fortress.client() as http:
        planted = (await fortress.sign_in(http, eve)).refresh
        answer = await http.post(
            "/auth/login",
            json={"email": ada.email, "password": ada.password},
            headers={"Cookie": f"gateway_refresh={planted}", "Sec-Fetch-Site": "same-origin"},
        )
    given = answer.headers["Set-Cookie"]
    fortress.secrets |= {answer.json()["token"], given.partition(";")[0].partition("=")[2]}
    assert planted not in given
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/auth"} <= set(given.split("; "))
    mine = (await refresh_at(fortress, fortress.first, planted)).json()["token"]
    assert unspelt(mine.split(".")[1])["sub"] == eve.id


async def test_who_is_out_is_refused_in_every_process_within_ten_seconds(fortress: Besieged) -> None:
    """Slow: what a process remembers of a token is good for ten seconds, and that is waited for, for all at once."""
    names = ("locked", "signed.out.of", "gone", "renewed", "reset")
    people = dict(zip(names, await asyncio.gather(*map(fortress.sign_up, names)), strict=True))
    key = await api_key_of(fortress, people["locked"])
    tokens = [*(person.access for person in people.values()), key]
    both = (fortress.first, fortress.second)
    for token in tokens:
        assert [await status_at(fortress, url, token) for url in both] == [200, 200]
    await shut_out(fortress, people)
    out_at = time.monotonic()
    assert await last_time_let_in(fortress, tokens) - out_at < WITHIN_SECONDS
    for person in people.values():
        assert (await refresh_at(fortress, fortress.second, person.refresh)).status_code == 401


async def api_key_of(fortress: Besieged, person: Person) -> str:
    async with fortress.client(as_=person) as http:
        made = await http.post("/api-keys", json={"name": "ci"})
    fortress.secrets.add(made.json()["key"])
    return str(made.json()["key"])


async def shut_out(fortress: Besieged, people: dict[str, Person]) -> None:
    """Each in the way of their name."""
    async with fortress.client() as http:
        answers = [
            await http.post(f"/users/{people['locked'].id}/lock", headers=fortress.admin),
            await http.put("/auth/logout", headers=people["signed.out.of"].bearer),
            await http.request(
                "DELETE", "/users/me", json={"password": people["gone"].password}, headers=people["gone"].bearer
            ),
            await http.put(
                "/auth/change-password",
                json={"old_password": people["renewed"].password, "new_password": NEW_PASSWORD},
                headers=people["renewed"].bearer,
            ),
            await http.put("/auth/forgot-password", json={"email": people["reset"].email}),
            await http.put(
                f"/auth/reset-password/{await fortress.token_mailed(people['reset'].email, RESET)}",
                json={"password": NEW_PASSWORD},
            ),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 204, 200, 202, 200]


async def last_time_let_in(fortress: Besieged, tokens: list[str]) -> float:
    """When the last request was sent that was let in; returns when none is any more."""
    left, last = [(url, token) for token in tokens for url in (fortress.first, fortress.second)], 0.0
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while left:
        asked_at = time.monotonic()
        assert asked_at < give_up_at, "somebody is let in for ever"
        told = await asyncio.gather(*(status_at(fortress, *each) for each in left))
        assert set(told) <= {200, 401}
        left = [each for each, status in zip(left, told, strict=True) if status == 200]
        last = asked_at if left else last
        await asyncio.sleep(0.2)
    return last


def sid_of(person: Person) -> str:
    return str(unspelt(person.access.split(".")[1])["sid"])
