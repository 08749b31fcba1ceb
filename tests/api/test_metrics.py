"""`/metrics`: who may read it, and as what it comes."""

from collections.abc import Callable

from httpx import AsyncClient

from api.ports import ApiPorts
from domain.metrics import PROBLEMS
from tests.api.samples import BODY

ClientOf = Callable[[str | None], AsyncClient]


async def test_it_is_prometheus_text_that_nobody_keeps(client_of: ClientOf) -> None:
    for token in ("globex", "root"):  # a service's key, and an admin
        answer = await client_of(token).get("/metrics")
        assert (answer.status_code, answer.text) == (200, "gateway_jobs_accepted_total 1.0\n")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"


async def test_strangers_read_no_figures_nor_does_whoever_registered(client_of: ClientOf) -> None:
    assert (await client_of(None).get("/metrics")).status_code == 401
    refused = await client_of("acme").get("/metrics")
    assert (refused.status_code, "service's key" in refused.text) == (403, True)


async def test_items_of_a_batch_are_problems_too(client: AsyncClient, ports: ApiPorts) -> None:
    before = ports.counts.of(PROBLEMS, "422", "invalid")
    await client.post("/jobs/batch", json={"jobs": [BODY, {"vendorType": "nobody"}, {}]})
    assert ports.counts.of(PROBLEMS, "422", "invalid") == before + 2
