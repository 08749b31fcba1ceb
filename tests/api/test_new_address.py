"""`PATCH /users/me` with an address, and its link, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient, Response

from api.ports import ApiPorts
from domain.accounts.mails import Template
from domain.accounts.users import User
from tests.auth_world import EMAIL, PASSWORD, AuthWorld

NEW = "jane@new.example"
WISH = {"email": NEW, "current_password": PASSWORD}


@pytest.fixture
def world() -> AuthWorld:
    return AuthWorld()


@pytest.fixture
def jane(world: AuthWorld) -> User:
    return world.add_user(username="jane", username_key="jane")


@pytest.fixture
async def browser(world: AuthWorld, jane: User, ports: ApiPorts) -> AsyncIterator[AsyncClient]:
    """Jane's, signed in."""
    async with world.open_client(ports) as client:
        token = (await client.post("/auth/login", json={"email": EMAIL, "password": PASSWORD})).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def newest_token(world: AuthWorld) -> str:
    return world.token_of([mail for mail in world.post.mails if mail.template is Template.NEW_EMAIL][-1])


def pointers(answer: Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


async def test_an_address_is_asked_for_and_confirmed(world: AuthWorld, browser: AsyncClient) -> None:
    answer = await browser.patch("/users/me", json=WISH)
    shown = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert (shown["email"], shown["pending_email"], shown["version"]) == (EMAIL, NEW, 1)
    assert shown["pending_email_until"] is not None
    assert (await browser.get("/users/me")).json() == shown
    confirmed = await browser.put(f"/auth/confirmation/{newest_token(world)}")
    assert confirmed.status_code == 200
    assert "gateway_refresh" not in browser.cookies
    assert (await browser.get("/users/me")).status_code == 401
    old, new = [
        await browser.post("/auth/login", json={"email": email, "password": PASSWORD}) for email in (EMAIL, NEW)
    ]
    assert (old.status_code, new.status_code) == (401, 200)
    templates = [mail.template for mail in world.post.mails]
    assert templates == [Template.EMAIL_ASKED, Template.NEW_EMAIL, Template.EMAIL_CHANGED]


async def test_a_used_link_is_as_void_as_any(world: AuthWorld, browser: AsyncClient) -> None:
    await browser.patch("/users/me", json=WISH)
    token = newest_token(world)
    await browser.put(f"/auth/confirmation/{token}")
    used, forged = [await browser.put(f"/auth/confirmation/{shown}") for shown in (token, "forged")]
    for answer in (used, forged):
        assert (answer.status_code, answer.json()["code"]) == (404, "void-link")
    assert used.json()["detail"] == forged.json()["detail"]


async def test_the_answer_is_the_same_where_somebody_has_the_address(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user("somebody@new.example")
    answers = []
    for email in ("nobody@new.example", "somebody@new.example"):
        answer = await browser.patch("/users/me", json={**WISH, "email": email}, headers={"X-Request-ID": "same"})
        answers.append((answer.status_code, answer.text.replace(email, "").replace('"version":2', '"version":1')))
    assert answers[0] == answers[1]
    assert Template.EMAIL_TAKEN in [mail.template for mail in world.post.mails]


async def test_with_it_the_rest_of_the_profile_is_changed_in_one_step(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user("bob@example.com", username="bob", username_key="bob")
    refused = await browser.patch("/users/me", json={**WISH, "username": "bob"})
    assert (refused.status_code, refused.json()["code"]) == (409, "taken")
    assert (await browser.get("/users/me")).json()["pending_email"] is None
    changed = (await browser.patch("/users/me", json={**WISH, "name": "Jane"})).json()
    assert (changed["name"], changed["pending_email"], changed["version"]) == ("Jane", NEW, 1)


async def test_if_match_holds_for_it_too(world: AuthWorld, browser: AsyncClient) -> None:
    answer = await browser.patch("/users/me", json=WISH, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "outdated")
    assert not world.post.mails


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"email": NEW}, ["/current_password"]),
        ({"current_password": PASSWORD}, ["/current_password"]),
        ({"name": "Jane", "current_password": PASSWORD}, ["/current_password"]),
        ({**WISH, "email": None}, ["/email"]),
        ({**WISH, "email": {"$gt": ""}}, ["/email"]),
        ({**WISH, "email": "jane@new.example\r\nBcc: x@example.com"}, ["/email"]),
        ({**WISH, "email": "j\u0430ne@new.example"}, ["/email"]),
        ({**WISH, "current_password": {"$ne": ""}}, ["/current_password"]),
        ({**WISH, "current_password": None}, ["/current_password"]),
        ({**WISH, "current_password": "x" * 10_000}, ["/current_password"]),
        ({"email": "x", "current_password": "x" * 10_000, "name": ""}, ["/name", "/email", "/current_password"]),
        ({**WISH, "pending_email": NEW}, ["/pending_email"]),
        ({**WISH, "email_key": NEW}, ["/email_key"]),
        ({**WISH, "pending": {"email": NEW}}, ["/pending"]),
    ],
)
async def test_it_is_read_strictly(
    world: AuthWorld, jane: User, browser: AsyncClient, sent: dict[str, Any], told: list[str]
) -> None:
    answer = await browser.patch("/users/me", json=sent)
    assert (answer.status_code, pointers(answer)) == (422, told)
    assert world.user(jane) == jane
    assert not world.post.mails


async def test_a_wrong_password_is_a_403_and_then_a_429(world: AuthWorld, jane: User, browser: AsyncClient) -> None:
    for _ in range(5):
        answer = await browser.patch("/users/me", json={**WISH, "current_password": "not this one"})
        assert (answer.status_code, answer.json()["code"], pointers(answer)) == (
            403,
            "wrong-password",
            ["/current_password"],
        )
    answer = await browser.patch("/users/me", json=WISH)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert world.user(jane) == jane


async def test_without_a_session_nobody_asks(browser: AsyncClient) -> None:
    del browser.headers["Authorization"]
    assert (await browser.patch("/users/me", json=WISH)).status_code == 401


async def test_of_two_who_want_one_address_the_first_to_follow_the_link_gets_it(
    world: AuthWorld, browser: AsyncClient
) -> None:
    await browser.patch("/users/me", json=WISH)
    token = newest_token(world)
    world.add_user(NEW)
    answer = await browser.put(f"/auth/confirmation/{token}")
    assert (answer.status_code, answer.json()["code"]) == (409, "taken")
    assert NEW not in answer.text
    assert (await browser.get("/users/me")).json()["pending_email"] is None


async def test_an_export_holds_it_and_a_removed_account_leaves_none(
    world: AuthWorld, jane: User, browser: AsyncClient
) -> None:
    await browser.patch("/users/me", json=WISH)
    assert (await browser.get("/users/me/export")).json()["profile"]["pending_email"] == NEW
    gone = await browser.request("DELETE", "/users/me", json={"password": PASSWORD})
    assert gone.status_code == 204
    assert not world.links.stored
    assert (await browser.put(f"/auth/confirmation/{newest_token(world)}")).status_code == 404
    assert world.users.stored == {}
