"""`/auth` over HTTP: registering, confirming, signing in, refreshing, signing out."""

from collections.abc import AsyncIterator
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.app import build_app
from api.ports import ApiPorts
from domain.accounts.mails import Template
from tests.auth_world import EMAIL, PASSWORD, AuthWorld

REGISTRATION = {"email": EMAIL, "username": "jane.doe", "password": PASSWORD, "name": "Jane"}
SIGN_IN = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def world() -> AuthWorld:
    return AuthWorld()


@pytest.fixture
async def browser(world: AuthWorld, ports: ApiPorts) -> AsyncIterator[AsyncClient]:
    """Somebody's browser, which keeps cookies."""
    async with world.open_client(ports) as client:
        yield client


def cookie_set(answer: Response) -> Morsel[str]:
    (line,) = answer.headers.get_list("set-cookie")
    return SimpleCookie(line)["gateway_refresh"]


async def test_from_registering_to_signing_out(world: AuthWorld, browser: AsyncClient) -> None:
    registered = await browser.post("/auth/register", json=REGISTRATION)
    assert registered.status_code == 201
    assert (await browser.post("/auth/login", json=SIGN_IN)).json()["code"] == "unconfirmed"
    (mail,) = world.post.mails
    assert mail.template is Template.CONFIRM
    assert (await browser.put(f"/auth/confirmation/{world.token_of(mail)}")).status_code == 200
    by_name = await browser.post("/auth/login", json={"username": "Jane.Doe", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {by_name.json()['token']}"}
    assert (await browser.get("/users/me", headers=bearer)).json()["email"] == EMAIL
    refreshed = await browser.post("/auth/refresh-token")
    assert refreshed.status_code == 200
    assert (await browser.put("/auth/logout", headers=bearer)).status_code == 200
    assert (await browser.get("/users/me", headers=bearer)).status_code == 401
    assert (await browser.post("/auth/refresh-token")).status_code == 401


async def test_nothing_but_what_is_asked_for_is_assigned(world: AuthWorld, browser: AsyncClient) -> None:
    for more in ({"role": "admin"}, {"confirmed_at": "2026-01-01T00:00:00Z"}, {"id": "x"}, {"version": 7}):
        answer = await browser.post("/auth/register", json={**REGISTRATION, **more})
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{next(iter(more))}"]
    assert not world.users.stored


async def test_a_taken_username_is_a_409(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user("other@example.com", username="Jane.Doe", username_key="jane.doe")
    answer = await browser.post("/auth/register", json=REGISTRATION)
    assert (answer.status_code, answer.json()["code"]) == (409, "taken")


async def test_all_faults_of_a_registration_are_told_at_once(browser: AsyncClient) -> None:
    answer = await browser.post(
        "/auth/register", json={"email": "jane", "username": "j", "password": "short", "name": " "}
    )
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert (answer.status_code, pointers) == (422, {"/email", "/username", "/password", "/name"})


async def test_a_link_that_is_no_good_is_one_404(world: AuthWorld, browser: AsyncClient) -> None:
    await browser.post("/auth/register", json=REGISTRATION)
    used = world.token_of(world.post.mails[0])
    await browser.put(f"/auth/confirmation/{used}")
    told = set()
    for token in (
        used,
        "forged",
        "link~confirm~0192d5a8-0000-7000-8000-000000000000",
        used.replace("confirm", "reset"),
    ):
        answer = await browser.put(f"/auth/confirmation/{token}")
        assert (answer.status_code, answer.json()["code"]) == (404, "void-link")
        told.add(answer.text.replace(answer.json()["trace_id"], ""))
        assert token not in answer.text
    assert len(told) == 1


async def test_the_refresh_token_goes_into_a_cookie_that_no_script_and_no_other_site_gets(
    world: AuthWorld, browser: AsyncClient
) -> None:
    world.add_user()
    answer = await browser.post("/auth/login", json=SIGN_IN)
    assert answer.json() == {"token": answer.json()["token"], "token_type": "Bearer", "expires_in": 600}
    assert answer.headers["cache-control"] == "no-store"
    cookie = cookie_set(answer)
    assert (cookie["path"], cookie["samesite"], cookie["domain"]) == ("/auth", "Strict", "")
    assert cookie["httponly"]
    assert cookie["secure"]
    assert int(cookie["max-age"]) == 30 * 24 * 3600


async def test_or_into_the_body_without_a_cookie(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user()
    answer = await browser.post("/auth/login?cookie=false", json=SIGN_IN)
    assert "set-cookie" not in answer.headers
    first = answer.json()["refresh_token"]
    refreshed = await browser.post("/auth/refresh-token", json={"refresh_token": first})
    assert "set-cookie" not in refreshed.headers
    assert refreshed.json()["refresh_token"] != first


@pytest.mark.parametrize("query", ["cookie=no", "cookie=", "cookie=false&cookie=true", "redirect=https://evil.example"])
async def test_any_other_query_is_a_422(world: AuthWorld, browser: AsyncClient, query: str) -> None:
    world.add_user()
    assert (await browser.post(f"/auth/login?{query}", json=SIGN_IN)).status_code == 422


async def test_the_bodys_refresh_token_wins_over_the_cookies(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user()
    await browser.post("/auth/login", json=SIGN_IN)
    in_cookie = browser.cookies["gateway_refresh"]
    in_body = (await browser.post("/auth/login?cookie=false", json=SIGN_IN)).json()["refresh_token"]
    answer = await browser.post("/auth/refresh-token", json={"refresh_token": in_body})
    assert "refresh_token" in answer.json()
    assert browser.cookies["gateway_refresh"] == in_cookie
    assert sorted(session.number for session in world.sessions.stored.values()) == [1, 2]


async def test_a_reused_refresh_token_ends_the_session_and_its_access_token(
    world: AuthWorld, browser: AsyncClient
) -> None:
    world.add_user()
    first = (await browser.post("/auth/login?cookie=false", json=SIGN_IN)).json()
    second = (await browser.post("/auth/refresh-token", json={"refresh_token": first["refresh_token"]})).json()
    world.move(seconds=11)
    for shown in (first, second):
        answer = await browser.post("/auth/refresh-token", json={"refresh_token": shown["refresh_token"]})
        assert (answer.status_code, answer.json()["code"]) == (401, "refresh-refused")
    bearer = {"Authorization": f"Bearer {second['token']}"}
    assert (await browser.get("/users/me", headers=bearer)).status_code == 401


async def test_without_any_refresh_token_it_is_a_401(browser: AsyncClient) -> None:
    bodies: list[dict[str, str] | None] = [None, {}]
    for body in bodies:
        assert (await browser.post("/auth/refresh-token", json=body)).status_code == 401


async def test_signing_out_takes_the_cookie_back_and_twice_is_as_once(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user()
    await browser.post("/auth/login", json=SIGN_IN)
    answer = await browser.put("/auth/logout")
    assert (answer.status_code, cookie_set(answer)["max-age"]) == (200, "0")
    assert "gateway_refresh" not in browser.cookies
    assert [session.why_ended for session in world.sessions.stored.values()] == ["logout"]
    assert (await browser.put("/auth/logout")).status_code == 200


async def test_a_refresh_token_in_the_body_signs_out_too(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user()
    token = (await browser.post("/auth/login?cookie=false", json=SIGN_IN)).json()["refresh_token"]
    await browser.put("/auth/logout", json={"refresh_token": token})
    assert [session.why_ended for session in world.sessions.stored.values()] == ["logout"]


async def test_too_many_failures_are_a_429_that_says_when(world: AuthWorld, browser: AsyncClient) -> None:
    wrong = {**SIGN_IN, "password": "not this one, sorry"}
    world.add_user()
    for _ in range(5):
        assert (await browser.post("/auth/login", json=wrong)).status_code == 401
    answer = await browser.post("/auth/login", json=SIGN_IN)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


async def test_stores_that_are_away_are_a_503(world: AuthWorld, browser: AsyncClient) -> None:
    world.users.down = True
    for path, body in (("register", REGISTRATION), ("login", SIGN_IN)):
        answer = await browser.post(f"/auth/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_what_fails_behind_the_answers_back_is_not_told(world: AuthWorld, browser: AsyncClient) -> None:
    world.post.down = True
    assert (await browser.post("/auth/register", json=REGISTRATION)).status_code == 201


async def test_a_process_without_accounts_has_no_such_routes(ports: ApiPorts) -> None:
    app = build_app(replace(ports, accounts=None))
    async with AsyncClient(transport=ASGITransport(app), base_url="https://gateway.test") as stranger:  # type: ignore[arg-type]
        assert (await stranger.post("/auth/login", json=SIGN_IN)).status_code == 404


@pytest.mark.parametrize(
    "body", [{"password": PASSWORD}, {**SIGN_IN, "username": "jane.doe"}], ids=["no name", "two names"]
)
async def test_one_name_is_needed_to_sign_in(world: AuthWorld, browser: AsyncClient, body: dict[str, Any]) -> None:
    world.add_user()
    answer = await browser.post("/auth/login", json=body)
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, ["/email"])
