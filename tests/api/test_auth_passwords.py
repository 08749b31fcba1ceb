"""`/auth` over HTTP: forgotten passwords, and other ones."""

from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from api.ports import ApiPorts
from domain.accounts.mails import Template
from tests.auth_world import EMAIL, OTHER_PASSWORD, PASSWORD, AuthWorld

SIGN_IN = {"email": EMAIL, "password": PASSWORD}
CHANGE = {"old_password": PASSWORD, "new_password": OTHER_PASSWORD}


@pytest.fixture
def world() -> AuthWorld:
    world = AuthWorld()
    world.add_user()
    return world


@pytest.fixture
async def browser(world: AuthWorld, ports: ApiPorts) -> AsyncIterator[AsyncClient]:
    async with world.open_client(ports) as client:
        yield client


async def mailed_token(world: AuthWorld, browser: AsyncClient) -> str:
    assert (await browser.put("/auth/forgot-password", json={"email": EMAIL})).status_code == 202
    return world.token_of(world.post.mails[-1])


async def test_a_forgotten_password_becomes_another_and_every_session_ends(
    world: AuthWorld, browser: AsyncClient
) -> None:
    await browser.post("/auth/login", json=SIGN_IN)
    token = await mailed_token(world, browser)
    answer = await browser.put(f"/auth/reset-password/{token}", json={"password": OTHER_PASSWORD})
    assert answer.status_code == 200
    assert "gateway_refresh" not in browser.cookies
    assert [session.why_ended for session in world.sessions.stored.values()] == ["password"]
    assert (await browser.post("/auth/login", json=SIGN_IN)).status_code == 401
    assert (await browser.post("/auth/login", json={**SIGN_IN, "password": OTHER_PASSWORD})).status_code == 200
    assert world.post.mails[-1].template is Template.PASSWORD_RESET


async def test_a_replayed_link_is_a_404_as_any_other(world: AuthWorld, browser: AsyncClient) -> None:
    token = await mailed_token(world, browser)
    await browser.put(f"/auth/reset-password/{token}", json={"password": OTHER_PASSWORD})
    for shown in (token, "forged"):
        answer = await browser.put(f"/auth/reset-password/{shown}", json={"password": "something else entirely"})
        assert (answer.status_code, answer.json()["code"]) == (404, "void-link")
        assert answer.json()["instance"] == "/auth/reset-password/{token}"


async def test_a_refused_password_leaves_the_link_and_does_not_tell_it(world: AuthWorld, browser: AsyncClient) -> None:
    token = await mailed_token(world, browser)
    answer = await browser.put(f"/auth/reset-password/{token}", json={"password": "short"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")
    assert token not in answer.text
    answer = await browser.put(f"/auth/reset-password/{token}", json={"password": OTHER_PASSWORD})
    assert answer.status_code == 200


async def test_forgetting_is_answered_alike_whether_or_not_there_is_somebody(
    world: AuthWorld, browser: AsyncClient
) -> None:
    answers = [
        await browser.put("/auth/forgot-password", json={"email": email}, headers={"X-Request-ID": "same"})
        for email in (EMAIL, "nobody@example.com")
    ]
    assert len({(answer.status_code, answer.content, str(answer.headers)) for answer in answers}) == 1
    assert len(world.post.mails) == 1


async def test_forgetting_does_not_wait_for_the_stores(world: AuthWorld, browser: AsyncClient) -> None:
    world.users.down = True
    assert (await browser.put("/auth/forgot-password", json={"email": EMAIL})).status_code == 202


async def test_the_old_password_opens_the_way_to_a_new_one(world: AuthWorld, browser: AsyncClient) -> None:
    token = (await browser.post("/auth/login", json=SIGN_IN)).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    wrong = await browser.put("/auth/change-password", json={**CHANGE, "old_password": "wrong"}, headers=bearer)
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong-password")
    assert (await browser.put("/auth/change-password", json=CHANGE, headers=bearer)).status_code == 200
    assert (await browser.get("/users/me", headers=bearer)).status_code == 401
    assert [mail.template for mail in world.post.mails] == [Template.PASSWORD_CHANGED]


async def test_without_a_session_nobody_changes_a_password(world: AuthWorld, browser: AsyncClient) -> None:
    assert (await browser.put("/auth/change-password", json=CHANGE)).status_code == 401


async def test_a_new_password_that_is_the_old_one_is_a_422(world: AuthWorld, browser: AsyncClient) -> None:
    token = (await browser.post("/auth/login", json=SIGN_IN)).json()["token"]
    answer = await browser.put(
        "/auth/change-password",
        json={**CHANGE, "new_password": PASSWORD},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/new_password")
