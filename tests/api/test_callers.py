"""Who may call: nobody without credentials, except as the operator allows, and never through a proxy."""

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import get, put

from api.callers import CallerGate
from api.ports import ApiPorts
from domain.callers import Caller
from domain.edge.app import build_edge
from domain.errors import Unavailable
from tests.api.apps import app_of
from tests.api.conftest import CALLERS
from tests.api.samples import BODY
from tests.fakes import FakeJobs


@pytest.fixture
def lenient(ports: ApiPorts) -> AsyncClient:
    app = app_of(replace(ports, anonymous_allowed=True))
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


async def test_a_route_that_is_not_in_the_table_is_not_there_for_anybody() -> None:
    @get("/new")
    async def forgotten() -> str:
        return "secret"

    gate = partial(CallerGate, directory=CALLERS, anonymous_allowed=True)
    app = build_edge([forgotten], middleware=[gate])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as stranger:  # type: ignore[arg-type]
        for token in ("acme", "root", None):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = await stranger.get("/new", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
            assert "secret" not in answer.text


async def test_a_method_that_is_not_in_the_table_is_not_there_either() -> None:
    @put("/jobs")
    async def forgotten() -> str:
        return "secret"

    gate = partial(CallerGate, directory=CALLERS, anonymous_allowed=True)
    app = build_edge([forgotten], middleware=[gate])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as stranger:  # type: ignore[arg-type]
        assert (await stranger.put("/jobs", headers={"Authorization": "Bearer root"})).status_code == 404


async def test_what_a_path_takes_is_told_to_everybody(stranger: AsyncClient) -> None:
    answer = await stranger.options("/vendors")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_head_asks_for_as_much_as_get(stranger: AsyncClient, client: AsyncClient) -> None:
    assert (await stranger.head("/jobs")).status_code == 401
    assert (await client.head("/jobs")).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "Authorization", "api_key"])
async def test_a_token_in_the_query_is_no_credentials(stranger: AsyncClient, name: str) -> None:
    assert (await stranger.get("/jobs", params={name: "acme"})).status_code == 401


async def test_a_token_in_a_cookie_is_no_credentials(stranger: AsyncClient) -> None:
    answer = await stranger.get("/jobs", headers={"Cookie": "token=acme; Authorization=Bearer acme"})
    assert answer.status_code == 401


async def test_a_directory_that_cannot_say_is_a_503_and_never_a_401(ports: ApiPorts) -> None:
    class Away:
        async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
            raise Unavailable("the store does not answer just now")

    app = app_of(replace(ports, callers=Away()))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:  # type: ignore[arg-type]
        answer = await http.get("/jobs", headers={"Authorization": "Bearer acme"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_the_directory_is_told_whence_a_token_was_shown() -> None:
    whence: list[str] = []

    class Listening:
        async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
            whence.append(address)
            return None

    @get("/jobs")
    async def nothing() -> None: ...

    for hops in (0, 1):
        gate = partial(CallerGate, directory=Listening(), anonymous_allowed=False, trusted_hops=hops)
        transport = ASGITransport(build_edge([nothing], middleware=[gate]), client=("192.0.2.1", 4711))  # type: ignore[arg-type]
        async with AsyncClient(transport=transport, base_url="http://gateway.test") as http:
            await http.get("/jobs", headers={"Authorization": "Bearer x", "X-Forwarded-For": "198.51.100.7"})
    assert whence == ["192.0.2.1", "198.51.100.7"]
