"""What every answer tells a browser."""

from http import HTTPStatus
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Response, get
from litestar.response.base import ASGIResponse

from domain.edge.app import build_edge
from domain.edge.malformed import malformed_answer, oversized_answer, slow_answer
from domain.edge.security import ALWAYS, BrowserRules
from domain.errors import Conflict

RULES = BrowserRules(https=True, unkept=("/auth/", "/users"))


@get("/jobs")
async def plain() -> dict[str, str]:
    return {}


@get("/users/me")
async def person() -> dict[str, str]:
    return {}


@get("/users/me/export")
async def kept() -> Response[str]:
    return Response("", headers={"Cache-Control": "private, max-age=5"})


@get("/page")
async def page() -> Response[str]:
    return Response("", headers={"Content-Security-Policy": "default-src 'self'"})


@get("/users/refused")
async def refused() -> None:
    raise Conflict("not now")


@get("/users/broken")
async def broken() -> None:
    raise RuntimeError("a bug")


@get("/raw")
async def raw() -> ASGIResponse:
    return ASGIResponse(status_code=HTTPStatus.NO_CONTENT)


def client(rules: BrowserRules = RULES) -> AsyncClient:
    app: Any = build_edge([plain, person, kept, page, refused, broken, raw], browsers=rules)
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/jobs", 200),
        ("HEAD", "/jobs", 200),
        ("OPTIONS", "/jobs", 204),
        ("POST", "/jobs", 405),
        ("GET", "/nothing", 404),
        ("GET", "/users/refused", 409),
        ("GET", "/users/broken", 500),
        ("GET", "/raw", 204),
    ],
)
async def test_every_answer_carries_each_header_once(method: str, path: str, status: int) -> None:
    answer = await client().request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get_list(name) for name in ALWAYS} == {name: [told] for name, told in ALWAYS.items()}
    assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]


async def test_a_page_keeps_the_policy_that_it_brings() -> None:
    answer = await client().get("/page")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_other_machines_are_bound_to_https_only_where_the_operator_says_so() -> None:
    answer = await client(BrowserRules(https=True, subdomains=True)).get("/jobs")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert "strict-transport-security" not in (await client(BrowserRules(subdomains=True)).get("/jobs")).headers


async def test_without_https_browsers_are_not_bound_to_it() -> None:
    assert "strict-transport-security" not in (await client(BrowserRules()).get("/jobs")).headers


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/users/me", ["no-store"]),
        ("/users/refused", ["no-store"]),
        ("/users/nobody", ["no-store"]),
        ("/users/me/export", ["private, max-age=5"]),
        ("/jobs", []),
    ],
)
async def test_no_cache_keeps_what_is_about_people_unless_the_answer_says_so(path: str, told: list[str]) -> None:
    assert (await client().get(path)).headers.get_list("cache-control") == told


@pytest.mark.parametrize("answer", [malformed_answer(b"", "1"), slow_answer("1"), oversized_answer("1")], ids=len)
def test_answers_to_what_is_no_request_carry_them_too(answer: bytes) -> None:
    head = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert all(f"{name}: {told}" in head for name, told in ALWAYS.items())
