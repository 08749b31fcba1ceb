"""Pages of other origins: those that are listed may call and read, the rest hears nothing of it."""

from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import delete, get, post
from litestar.params import FromPath

from domain.edge.app import build_edge
from domain.edge.cors import TOLD
from domain.edge.security import BrowserRules
from domain.errors import Unauthenticated

SHOP = "https://shop.example"
EVIL = "https://evil.example"


@get("/jobs")
async def list_jobs() -> dict[str, str]:
    return {}


@post("/jobs/batch")
async def submit_batch() -> None:
    raise Unauthenticated("credentials are needed")


@get("/jobs/{request_id:str}")
async def show_job(request_id: FromPath[str]) -> str:
    return request_id


@delete("/jobs/{request_id:str}")
async def delete_job(request_id: FromPath[str]) -> None: ...


def client(*origins: str) -> AsyncClient:
    rules = BrowserRules(frozenset(origins))
    app: Any = build_edge([list_jobs, submit_batch, show_job, delete_job], browsers=rules)
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")


def preflight(origin: str = SHOP, method: str = "DELETE") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }


def granted(headers: Any) -> dict[str, str]:
    return {name: told for name, told in headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/jobs", "GET, HEAD, OPTIONS"),
        ("/jobs/", "GET, HEAD, OPTIONS"),
        ("/jobs/017", "DELETE, GET, HEAD, OPTIONS"),
        ("/jobs/batch", "OPTIONS, POST"),
    ],
)
async def test_a_preflight_is_answered_for_every_route(path: str, methods: str) -> None:
    answer = await client(SHOP).options(path, headers=preflight())
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == methods
    assert {"Authorization", "Idempotency-Key", "Prefer"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/nothing", "/jobs/1/2", "/jobsx"])
async def test_a_preflight_for_no_route_is_a_404(path: str) -> None:
    answer = await client(SHOP).options(path, headers=preflight())
    assert answer.status_code == 404
    assert "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/jobs", 200), ("POST", "/jobs/batch", 401), ("GET", "/x", 404)]
)
async def test_a_listed_page_may_read_every_answer(method: str, path: str, status: int) -> None:
    answer = await client(SHOP, "https://other.example").request(method, path, headers={"Origin": SHOP})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == ", ".join(TOLD)
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", [EVIL, "null", "", "http://shop.example", f"{SHOP}.evil.example", "*"])
async def test_another_page_hears_nothing_of_it(origin: str) -> None:
    page = client(SHOP)
    answers = [
        await page.get("/jobs", headers={"Origin": origin}),
        await page.options("/jobs", headers=preflight(origin)),
    ]
    assert [granted(answer.headers) for answer in answers] == [{}, {}]
    assert [answer.headers["vary"] for answer in answers] == ["Origin", "Origin"]


async def test_two_origins_are_none() -> None:
    answer = await client(SHOP).get("/jobs", headers=[("Origin", SHOP), ("Origin", SHOP)])
    assert granted(answer.headers) == {}


async def test_answers_to_no_page_say_that_they_depend_on_it() -> None:
    answer = await client(SHOP).get("/jobs")
    assert granted(answer.headers) == {}
    assert answer.headers["vary"] == "Origin"


async def test_where_any_page_may_call_none_may_with_the_cookie() -> None:
    for answer in (
        await client("*").get("/jobs", headers={"Origin": EVIL}),
        await client("*").options("/jobs", headers=preflight(EVIL)),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_by_default_no_page_may_call() -> None:
    answer = await client().get("/jobs", headers={"Origin": SHOP})
    assert granted(answer.headers) == {}
    assert "vary" not in answer.headers
