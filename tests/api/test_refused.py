"""Who is nobody under a stranger's name, and what the log says of those who may not."""

from dataclasses import replace

import pytest
from httpx import ASGITransport, AsyncClient
from structlog.testing import capture_logs

from api.ports import ApiPorts
from tests.api.apps import app_of
from tests.api.samples import BODY
from tests.fakes import FakeJobs
from tests.fakes_accounts import fake_accounts


def lenient(ports: ApiPorts) -> AsyncClient:
    accounts = fake_accounts(origins=frozenset({"https://gateway.example"}))
    app = app_of(replace(ports, anonymous_allowed=True, accounts=accounts))
    return AsyncClient(transport=ASGITransport(app), base_url="http://localhost")  # type: ignore[arg-type]


@pytest.mark.parametrize(("host", "status"), [("localhost", 202), ("gateway.example", 202), ("evil.example:8000", 401)])
async def test_a_page_whose_name_was_made_to_lead_here_submits_nothing(
    ports: ApiPorts, jobs: FakeJobs, host: str, status: int
) -> None:
    """DNS rebinding: to the browser it is the gateway's own page."""
    async with lenient(ports) as client:
        answer = await client.post("/jobs", json=BODY, headers={"Host": host, "Origin": f"http://{host}"})
    assert (answer.status_code, len(jobs.stored)) == (status, int(status == 202))


async def test_with_credentials_the_name_is_anybodys(ports: ApiPorts) -> None:
    async with lenient(ports) as client:
        headers = {"Host": "evil.example", "Authorization": "Bearer acme"}
        assert (await client.get("/jobs", headers=headers)).status_code == 200


@pytest.mark.parametrize("name", ["Via", "X-Real-IP", "X-Forwarded-Host"])
async def test_a_proxy_is_known_by_any_of_its_headers(ports: ApiPorts, name: str) -> None:
    async with lenient(ports) as client:
        assert (await client.get("/jobs", headers={name: "1.1 proxy"})).status_code == 401


async def test_who_may_not_stands_in_the_log_by_the_name_of_the_route(client: AsyncClient) -> None:
    with capture_logs() as lines:
        answer = await client.post("/vendors/sync/pause", headers={"X-Request-ID": "t1"})
    assert answer.status_code == 403
    (line,) = [line for line in lines if line["event"] == "refused"]
    assert line == {
        "event": "refused",
        "log_level": "info",
        "client": "acme",
        "route": "POST /vendors/{name}/pause",
        "code": "forbidden",
        "trace_id": "t1",
    }


async def test_who_may_does_not(client: AsyncClient) -> None:
    with capture_logs() as lines:
        await client.get("/jobs")
    assert not lines
