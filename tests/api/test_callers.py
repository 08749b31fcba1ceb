"""Who may call: nobody without credentials, except as the operator allows, and never through a proxy."""

from dataclasses import replace
from functools import partial

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import get

from api.app import build_app
from api.callers import PUBLIC, CallerGate
from api.ports import ApiPorts
from domain.edge.app import build_edge
from tests.api.conftest import CALLERS
from tests.api.samples import BODY
from tests.fakes import FakeJobs


@pytest.fixture
def lenient(ports: ApiPorts) -> AsyncClient:
    app = build_app(replace(ports, anonymous_allowed=True))
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "path"), [("POST", "/jobs"), ("GET", "/jobs"), ("GET", "/jobs/x")])
async def test_without_credentials_it_is_a_401(stranger: AsyncClient, jobs: FakeJobs, method: str, path: str) -> None:
    answer = await stranger.request(method, path, json=BODY if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not jobs.stored


@pytest.mark.parametrize("path", ["/health", "/health/live", "/docs", "/openapi.json", "/docs/static/swagger-ui.css"])
async def test_public_routes_ask_for_none(stranger: AsyncClient, path: str) -> None:
    assert (await stranger.get(path)).status_code == 200


@pytest.mark.parametrize(
    "sent", ["Bearer wrong", "Bearer", "Basic acme", "acme", "bearer acme, Bearer acme", "Bearer \xff"]
)
async def test_wrong_credentials_are_a_401_even_where_anonymous_is_allowed(lenient: AsyncClient, sent: str) -> None:
    answer = await lenient.get("/jobs", headers=[(b"Authorization", sent.encode("latin-1"))])
    assert answer.status_code == 401


async def test_two_sets_of_credentials_are_a_401(client: AsyncClient) -> None:
    headers = [("Authorization", "Bearer acme"), ("Authorization", "Bearer globex")]
    assert (await client.get("/jobs", headers=headers)).status_code == 401


async def test_the_scheme_is_read_in_any_case(lenient: AsyncClient) -> None:
    assert (await lenient.get("/jobs", headers={"Authorization": "bEARER acme"})).status_code == 200


async def test_anonymous_callers_own_what_they_submit(lenient: AsyncClient, jobs: FakeJobs) -> None:
    answer = await lenient.post("/jobs", json=BODY)
    assert answer.status_code == 202
    assert [job.client for job in jobs.stored.values()] == ["anonymous"]
    assert (await lenient.get(answer.headers["location"])).status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For"])
async def test_through_a_proxy_nobody_is_anonymous(lenient: AsyncClient, jobs: FakeJobs, name: str) -> None:
    answer = await lenient.post("/jobs", json=BODY, headers={name: "for=192.0.2.1"})
    assert answer.status_code == 401
    assert not jobs.stored


async def test_a_route_that_nobody_made_public_needs_a_caller() -> None:
    @get("/new")
    async def forgotten() -> str:
        return "secret"

    gate = partial(CallerGate, directory=CALLERS, anonymous_allowed=False)
    app = build_edge([forgotten], middleware=[gate])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as stranger:  # type: ignore[arg-type]
        assert (await stranger.get("/new")).status_code == 401
        assert (await stranger.get("/new", headers={"Authorization": "Bearer acme"})).text == "secret"


def test_no_job_route_is_public() -> None:
    assert not [path for path in PUBLIC if path.startswith("/jobs")]
