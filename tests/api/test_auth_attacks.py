"""What is tried against `/auth`: guessing who is there, operators, look-alikes, other sites' pages, huge passwords."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient, Response

from api.ports import ApiPorts
from tests.auth_world import EMAIL, OTHER_PASSWORD, PASSWORD, SHOP, AuthWorld

NOBODY = "nobody@example.com"
SAME = {"X-Request-ID": "same"}
BODIES: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/auth/register"): {"email": EMAIL, "username": "jane.doe", "password": PASSWORD, "name": "Jane"},
    ("POST", "/auth/login"): {"email": EMAIL, "password": PASSWORD},
    ("POST", "/auth/refresh-token"): {"refresh_token": "x"},
    ("PUT", "/auth/logout"): {"refresh_token": "x"},
    ("PUT", "/auth/forgot-password"): {"email": EMAIL},
    ("PUT", "/auth/reset-password/link~reset~0192d5a8-0000-7000-8000-000000000000"): {"password": PASSWORD},
    ("PUT", "/auth/change-password"): {"old_password": PASSWORD, "new_password": OTHER_PASSWORD},
}
FIELDS = [(*route, field) for route, body in BODIES.items() for field in body]
OPERATORS: list[Any] = [{"$gt": ""}, {"$ne": None}, {"$regex": ".*"}, ["x"], [{"$gt": ""}], 0, True, None]


@pytest.fixture
def world() -> AuthWorld:
    world = AuthWorld()
    world.add_user(username="jane.doe", username_key="jane.doe")
    return world


@pytest.fixture
async def browser(world: AuthWorld, ports: ApiPorts) -> AsyncIterator[AsyncClient]:
    async with world.open_client(ports) as client:
        yield client


@pytest.fixture
async def bearer(world: AuthWorld, browser: AsyncClient) -> dict[str, str]:
    answer = await browser.post("/auth/login", json={"email": EMAIL, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def seen(answer: Response) -> tuple[int, bytes, str]:
    return answer.status_code, answer.content, str(answer.headers)


@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
async def test_an_operator_where_text_belongs_is_a_422_that_names_the_field(
    world: AuthWorld, browser: AsyncClient, bearer: dict[str, str], method: str, path: str, field: str
) -> None:
    before = (dict(world.users.stored), dict(world.sessions.stored))
    for operator in OPERATORS:
        body = {**BODIES[method, path], field: operator}
        answer = await browser.request(method, path, json=body, headers=bearer)
        assert answer.status_code == 422, operator
        assert f"/{field}" in [fault["pointer"] for fault in answer.json()["errors"]]
    assert (world.users.stored, world.sessions.stored) == before


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_an_operator_as_a_name_is_a_422(
    browser: AsyncClient, bearer: dict[str, str], method: str, path: str
) -> None:
    usual = BODIES[method, path]
    bodies: list[Any] = [{**usual, "$where": "sleep(1000)"}, {"$or": [{}]}, [usual]]
    for body in bodies:
        assert (await browser.request(method, path, json=body, headers=bearer)).status_code == 422


async def test_registering_tells_nobody_who_is_known(world: AuthWorld, browser: AsyncClient) -> None:
    answers = [
        await browser.post("/auth/register", json={"email": email, "password": OTHER_PASSWORD}, headers=SAME)
        for email in (EMAIL, NOBODY, EMAIL, NOBODY)
    ]
    assert len(set(map(seen, answers))) == 1
    assert answers[0].status_code == 201
    assert world.passwords.hashed == [OTHER_PASSWORD] * 4


async def test_signing_in_tells_nobody_who_is_known(world: AuthWorld, browser: AsyncClient) -> None:
    world.add_user("locked@example.com", locked_at=world.now)
    tries = [(EMAIL, "wrong"), (NOBODY, "wrong"), (NOBODY, PASSWORD), ("locked@example.com", PASSWORD)]
    answers = [
        await browser.post("/auth/login", json={"email": email, "password": password}, headers=SAME)
        for email, password in tries
    ]
    assert len(set(map(seen, answers))) == 1
    assert answers[0].status_code == 401
    assert len(world.passwords.verified) == 4


@pytest.mark.parametrize("name", [EMAIL, NOBODY], ids=["known", "unknown"])
async def test_neither_does_the_limit(world: AuthWorld, browser: AsyncClient, name: str) -> None:
    statuses = [
        (await browser.post("/auth/login", json={"email": name, "password": "wrong"})).status_code for _ in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2


@pytest.mark.parametrize(
    "email",
    [
        "jаne@example.com",
        "jane@exаmple.com",
        "ｊane@example.com",
        "jane@example.com\u200b",
        "\u202ejane@example.com",
        "jane@example。com",
        "jane@example.com.",
        " jane@example.com",
        "jane@example.com\x00",
        "jane@example.com\r\nBcc: all@example.com",
        "jane@example.com%0d%0aBcc:all@example.com",
        '"jane"@example.com',
        "jane@example.com,all@example.com",
        "Jane <jane@example.com>",
        "jane@[127.0.0.1]",
        "jane@localhost",
    ],
    ids=str.encode,
)
async def test_what_looks_like_an_address_or_holds_more_than_one_is_a_422(
    world: AuthWorld, browser: AsyncClient, email: str
) -> None:
    for method, path in (("POST", "/auth/register"), ("POST", "/auth/login"), ("PUT", "/auth/forgot-password")):
        answer = await browser.request(method, path, json={**BODIES[method, path], "email": email})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/email")
        assert email.strip() not in answer.text
    assert not world.post.mails


@pytest.mark.parametrize("name", ["Jane\r\nBcc: all@example.com", "Jane\nX: y", "Jane\u2028", "\x00", "Jane\u202eenaj"])
async def test_a_name_that_would_be_a_header_is_a_422(world: AuthWorld, browser: AsyncClient, name: str) -> None:
    body = {"email": NOBODY, "password": PASSWORD, "name": name}
    assert (await browser.post("/auth/register", json=body)).status_code == 422
    assert not world.post.mails


async def test_two_spellings_of_an_address_are_one_account(world: AuthWorld, browser: AsyncClient) -> None:
    await browser.post("/auth/register", json={"email": EMAIL.upper(), "password": OTHER_PASSWORD})
    assert len(world.users.stored) == 1
    answer = await browser.post("/auth/login", json={"email": EMAIL.upper(), "password": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [route for route in FIELDS if "password" in route[2]],
    ids=lambda value: str(value)[:40],
)
async def test_a_password_of_a_megabyte_is_refused_and_not_hashed(
    world: AuthWorld, browser: AsyncClient, bearer: dict[str, str], method: str, path: str, field: str
) -> None:
    looked_at = len(world.passwords.verified)
    body = {**BODIES[method, path], field: "x" * 1_000_000}
    answer = await browser.request(method, path, json=body, headers=bearer)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{field}")
    assert len(answer.content) < 2_000
    body[field] += "x" * 100_000
    assert (await browser.request(method, path, json=body, headers=bearer)).status_code == 413
    assert (world.passwords.hashed, len(world.passwords.verified)) == ([], looked_at)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/auth/login"), ("POST", "/auth/refresh-token"), ("PUT", "/auth/logout")]
)
async def test_another_sites_page_cannot_use_the_cookie(
    world: AuthWorld, browser: AsyncClient, bearer: dict[str, str], method: str, path: str
) -> None:
    before = dict(world.sessions.stored)
    for page in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.gateway.test"},
    ):
        answer = await browser.request(method, path, headers=page)
        assert answer.status_code == 403, page
        assert "set-cookie" not in answer.headers
    assert world.sessions.stored == before


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://gateway.test"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"},
    ],
    ids=["own origin", "same origin", "a listed one"],
)
async def test_our_own_pages_and_listed_ones_can(
    world: AuthWorld, browser: AsyncClient, bearer: dict[str, str], page: dict[str, str]
) -> None:
    assert (await browser.post("/auth/refresh-token", headers=page)).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_a_form_of_another_site_is_not_even_read(browser: AsyncClient, kind: str) -> None:
    body = b'{"email": "jane@example.com", "password": "four unrelated words here"}'
    assert (await browser.post("/auth/login", content=body, headers={"Content-Type": kind})).status_code == 415


async def test_no_route_redirects_wherever_it_is_asked_to(world: AuthWorld, browser: AsyncClient) -> None:
    for (method, path), body in BODIES.items():
        for name in ("redirect", "next", "return_to", "url"):
            to = f"{path}?{name}=https://evil.example"
            answer = await browser.request(method, to, json=body, headers={"Host": "evil.example"})
            assert answer.status_code >= 400
            assert "location" not in answer.headers


async def test_no_answer_repeats_a_password(world: AuthWorld, browser: AsyncClient, bearer: dict[str, str]) -> None:
    secret = "hunter2-hunter2-hunter2"
    for (method, path), body in BODIES.items():
        shown = {field: secret if "password" in field or "token" in field else text for field, text in body.items()}
        for also in ({}, {"unknown": secret}):
            answer = await browser.request(method, path, json={**shown, **also}, headers=bearer)
            assert secret not in answer.text
