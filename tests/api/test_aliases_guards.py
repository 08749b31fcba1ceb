"""No alias is a way around anything: access, limits, caps, the cookie, the guard against pages of other sites."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie

import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.access import ACCESS
from api.alias_calls import LARGEST_NAMING
from api.alias_rows import Alias
from api.aliases import ALIASES
from api.limits import COUNTED_BY_ADDRESS, RequestLimits
from api.rules import Door
from domain.callers import Caller, Role
from domain.quotas import Standing, Verdict
from tests.api.aliases_sent import LOGIN, PAYMENTS, SENT, V1, OldClient, Sent, Stage
from tests.api.everybody import Town, key_caller, somebody
from tests.auth_world import PASSWORD
from tests.fakes import FakeCallers

LARGEST = 1024 * 1024
ALICE, ROOT = somebody("alice"), somebody("root", Role.ADMIN)
CALLERS = FakeCallers(
    alice=ALICE.caller,
    alice_key=key_caller(Role.USER, client=ALICE.user.client, user=ALICE.user.id),
    narrow_key=replace(key_caller(Role.USER, client=ALICE.user.client, user=ALICE.user.id), scopes=frozenset()),
    service=key_caller(Role.SERVICE),
    root=ROOT.caller,
    operator=Caller("admin", Role.ADMIN),
)
BY_COOKIE = ("/auth/login", "/auth/refresh-token", "/auth/logout")
COOKIE_ROWS = [row for row in ALIASES if row.ours[1] in BY_COOKIE]
EVIL = ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"})


def named(row: Alias) -> str:
    return f"{row.method} {row.old}"


class Taken:
    """Two requests for each."""

    def __init__(self) -> None:
        self.by: Counter[str] = Counter()

    async def take(self, whom: Caller | str) -> Verdict:
        name = whom if isinstance(whom, str) else whom.client
        self.by[name] += 1
        over = self.by[name] > 2
        return Verdict(29.0 if over else 0.0, (Standing(2, 900, max(0, 2 - self.by[name]), 29.0),))


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(CALLERS, ALICE, ROOT)


@pytest.mark.parametrize("row", ALIASES, ids=named)
async def test_everybody_is_let_in_or_not_as_by_our_route(town: Town, row: Alias) -> None:
    async with AsyncClient(transport=ASGITransport(town.app), base_url="http://gateway.test") as http:  # type: ignore[arg-type]
        named = {} if row.named is None else {row.body.usual[row.named]: str(ALICE.order.id)}

        async def ask(method: str, template: str, token: str | None) -> tuple[int, str | None, str | None]:
            town.restore()
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            body: dict[str, str] | None = None if method == "GET" else named if template == row.old else {}
            answer = await http.request(method, ALICE.path(template), headers=headers, json=body)
            return answer.status_code, answer.json().get("code"), answer.headers.get("www-authenticate")

        for token in (None, "nobody", "alice", "alice_key", "narrow_key", "service", "root", "operator"):
            assert await ask(row.method, row.old, token) == await ask(*row.ours, token), token


async def test_who_may_not_come_in_is_refused_before_the_body_is_read(jane: OldClient) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(b"{}")
        yield b"{}"

    nobody = {"Authorization": "Bearer nobody", "Content-Type": "application/json"}
    answer = await jane.send("PUT", f"{V1}/change-password", content=body(), headers=nobody)
    assert (answer.status_code, read) == (401, [])


async def test_of_a_body_that_names_an_order_no_more_is_read_than_an_id_takes(jane: OldClient) -> None:
    """Before anybody asks who sent it: a stranger must not have us keep and read what they like."""
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(1024):
            read.append(b" " * 1024)
            yield read[-1]

    nobody = {"Authorization": "Bearer nobody", "Content-Type": "application/json"}
    answer = await jane.send("POST", "/api/pay-order", content=body(), headers=nobody)
    assert (answer.status_code, len(read)) == (401, LARGEST_NAMING // 1024 + 1)


async def test_failures_are_counted_together_by_whichever_path(jane: OldClient) -> None:
    wrong = {**LOGIN, "password": "not this one, sorry"}
    paths = ("/api/login", f"{V1}/login", f"{PAYMENTS}/login", "/auth/login", "/api/login")
    assert [(await jane.send("POST", path, wrong)).status_code for path in paths] == [401] * 5
    for path in paths:
        answer = await jane.send("POST", path, LOGIN)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


async def test_a_wrong_old_password_counts_as_well(jane: OldClient) -> None:
    body = {"currentPassword": "wrong", "newPassword": "a password of some length"}
    for _ in range(5):
        assert (await jane.send("PUT", f"{V1}/change-password", body)).status_code == 403
    for path in (f"{V1}/change-password", "/auth/change-password"):
        right = {"old_password": PASSWORD, "new_password": "a password of some length"}
        assert (await jane.send("PUT", path, right)).status_code == 429
    assert (await jane.send("POST", "/api/login", LOGIN)).status_code == 401


async def test_an_address_is_counted_as_by_our_routes() -> None:
    addresses = Taken()
    stage = Stage(limits=RequestLimits(of_addresses=addresses))
    counted = [row for row in ALIASES if row.ours in COUNTED_BY_ADDRESS]
    assert counted
    for row in counted:
        addresses.by.clear()
        async with stage.client() as jane:
            paths = [template.format(token="forged") for template in (row.old, row.ours[1])]
            addresses.by.clear()
            await jane.send(row.ours[0], paths[1])
            await jane.send(row.method, paths[0])
            answer = await jane.send(row.method, paths[0])
        assert (answer.status_code, answer.headers["ratelimit"]) == (429, '"address";r=0;t=29')
        assert answer.json()["instance"] == row.old
        assert sum(addresses.by.values()) == 3


def test_every_open_row_that_changes_something_is_counted_by_address() -> None:
    uncounted = [row for row in ALIASES if row.ours not in COUNTED_BY_ADDRESS and ACCESS[row.ours].door is Door.OPEN]
    assert {row.ours[0] for row in uncounted} == {"GET"}


async def test_a_client_is_counted_as_by_our_route() -> None:
    async with Stage(limits=RequestLimits(of_callers=Taken())).client() as jane:
        paths = ("/users/me", "/api/user", "/api/auth/me", "/api/auth/profile")
        statuses = [(await jane.send("GET", path)).status_code for path in paths]
    assert statuses == [200, 200, 429, 429]


@pytest.mark.parametrize("sent", [sent for sent in SENT if sent.body], ids=str)
async def test_a_body_over_the_cap_is_a_413_announced_or_not(jane: OldClient, sent: Sent) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):  # twice the cap, if anybody read on
            read.append(1)
            yield b" " * (LARGEST // 32)

    read: list[int] = []
    for content in (b" " * (LARGEST + 1), endless()):
        path, headers = jane.path(sent.old), {"Content-Type": "application/json"}
        answer = await jane.send(sent.method, path, content=content, headers=headers)
        assert answer.status_code == 413
    assert len(read) <= 34


@pytest.mark.parametrize("row", COOKIE_ROWS, ids=named)
async def test_another_sites_page_cannot_use_the_cookie(jane: OldClient, row: Alias) -> None:
    before = dict(jane.world.sessions.stored)
    for page in EVIL:
        answer = await jane.send(row.method, row.old, headers=page)
        assert answer.status_code == 403, page
        assert "set-cookie" not in answer.headers
    assert jane.world.sessions.stored == before


def cookie_set(answer: Response) -> Morsel[str]:
    (line,) = answer.headers.get_list("set-cookie")
    assert line.endswith("; HttpOnly; Secure; SameSite=Strict")
    return SimpleCookie(line)["gateway_refresh"]


@pytest.mark.parametrize(
    ("login", "prefix"), [(f"{V1}/login", V1), (f"{PAYMENTS}/login", PAYMENTS), ("/api/login", "/auth")]
)
async def test_a_browser_sends_the_cookie_where_the_client_refreshes(jane: OldClient, login: str, prefix: str) -> None:
    cookie = cookie_set(await jane.browser.post(login, json=LOGIN))
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == (prefix, "", str(30 * 24 * 3600))
    prefixes = ("/auth", V1, PAYMENTS)
    assert {path for path in prefixes if await refreshes(jane, path)} == {prefix}
    out = await jane.browser.request("PUT" if prefix == "/auth" else "POST", f"{prefix}/logout")
    assert (cookie_set(out)["path"], cookie_set(out)["max-age"]) == (prefix, "0")
    assert "gateway_refresh" not in jane.browser.cookies
    assert [session.why_ended for session in jane.world.sessions.stored.values()] == [None, "logout"]


async def refreshes(jane: OldClient, prefix: str) -> bool:
    answer = await jane.browser.post(f"{prefix}/refresh-token")
    assert answer.status_code in {200, 401}
    return answer.status_code == 200 and cookie_set(answer)["path"] == prefix


async def test_without_a_cookie_the_refresh_token_comes_in_the_body(jane: OldClient) -> None:
    answer = await jane.browser.post(f"{PAYMENTS}/login?cookie=false", json=LOGIN)
    assert "set-cookie" not in answer.headers
    body = {"refreshToken": answer.json()["refresh_token"]}
    assert (await jane.browser.post(f"{PAYMENTS}/refresh", json=body)).status_code == 200


async def test_a_reset_takes_back_the_cookie_of_the_alias(jane: OldClient) -> None:
    body = {"password": "a password of some length"}
    answer = await jane.send("PUT", f"{V1}/reset-password/{{token}}", body)
    assert (answer.status_code, cookie_set(answer)["path"], cookie_set(answer)["max-age"]) == (200, V1, "0")
