"""The promise of the first minute: one command, lines to copy, a clean end, and nothing forgotten by the next start."""

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.system.client import Jobs, VendorControl, client_of
from tests.system.running import Gateway, runs

pytestmark = pytest.mark.system


def printed(gateway: Gateway, beginning: str) -> str:
    """The line that a start printed, as somebody would copy it."""
    return next(line.strip() for line in gateway.said().splitlines() if line.strip().startswith(beginning))


def run_as_printed(line: str) -> bytes:
    assert line.startswith("curl ")
    return subprocess.run([*shlex.split(line), "-sS", "--max-time", "30"], capture_output=True, check=True).stdout


def test_the_printed_lines_submit_a_job_and_show_what_the_vendor_answered(gateway: Gateway) -> None:
    accepted = json.loads(run_as_printed(printed(gateway, "curl -X POST")))
    assert accepted["status"] == "pending"
    line = printed(gateway, "curl -H").replace("REQUEST_ID", accepted["request_id"])
    job = json.loads(run_as_printed(line))
    assert (job["request_id"], job["status"]) == (accepted["request_id"], "complete")
    timestamp = job["result"].pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", timestamp)
    assert job["result"] == {
        "status": "success",
        "vendor": "syncVendor",
        "data": "Processed sync data for PROD-ABC-123",
        "originalPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"},
    }


async def test_the_accepted_answer_says_where_and_when_to_ask(jobs: Jobs) -> None:
    answer = await jobs.post({"vendorType": "sync", "vendorPayload": {}})
    request_id = answer.json()["request_id"]
    assert answer.status_code == 202
    assert answer.json() == {"request_id": request_id, "status": "pending", "links": {"self": f"/jobs/{request_id}"}}
    assert answer.headers["Location"] == f"/jobs/{request_id}"
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("unknown", ["01980000-0000-7000-8000-000000000000", "no-uuid"])
async def test_an_unknown_id_is_a_problem_that_says_job_not_found(jobs: Jobs, unknown: str) -> None:
    answer = await jobs.http.get(f"/jobs/{unknown}")
    assert (answer.status_code, answer.json()["message"]) == (404, "Job not found")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_the_printed_key_is_the_admins_who_sees_everybodys_jobs(jobs: Jobs, gateway: Gateway) -> None:
    key = re.search(r"bootstrap key +(gwk_\S+)", gateway.said())
    assert key is not None
    request_id = await jobs.submit()
    job = await jobs.show(request_id, Authorization=f"Bearer {key[1]}")
    assert job["request_id"] == request_id
    refused = await jobs.http.get(f"/jobs/{request_id}", headers={"Authorization": "Bearer gwk_wrong"})
    assert refused.status_code == 401


@pytest.mark.parametrize("part", ["", "/live", "/ready", "/db", "/redis"])
async def test_every_part_says_that_it_is_well(jobs: Jobs, part: str) -> None:
    assert (await jobs.http.get(f"/health{part}")).status_code == 200


@pytest.fixture
def small_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One worker that makes one call at a time and is not waited for long; not started yet."""
    settings = {"workers": 1, "concurrency": 1, "drain_seconds": 0.2}
    gateway = Gateway(tmp_path_factory.mktemp("small"), settings)
    try:
        yield gateway
    finally:
        gateway.end()


async def test_a_stop_leaves_nothing_running_and_the_next_start_goes_on_where_it_was(small_gateway: Gateway) -> None:
    """Slow: starts everything twice."""
    small_gateway.start()
    async with client_of(small_gateway.url) as http, client_of(vendors_of(small_gateway)) as control:
        jobs, vendor = Jobs(http), VendorControl(control)
        before = await jobs.ended(await jobs.submit({"productId": 1}))
        await vendor.tell({"mode": "hang"})
        cut = await jobs.submit()
        await jobs.seen(cut, lambda job: job["status"] == "processing")
        low = [await jobs.submit(priority="low") for _ in range(4)]
        high = [await jobs.submit(priority="high") for _ in range(4)]

    assert_stops(small_gateway, signal.SIGTERM, group=False)
    small_gateway.settings = {**small_gateway.settings, "redact_days": 7}
    small_gateway.start()

    async with client_of(small_gateway.url) as http, client_of(vendors_of(small_gateway)) as control:
        jobs = Jobs(http)
        headers = {"Authorization": f"Bearer {small_gateway.key}"}
        (entry,) = (await http.get("/audit?act=settings.changed", headers=headers)).json()["items"]
        assert entry["detail"]["GATEWAY_REDACT_DAYS"] == "(none) → 7.0"
        assert len(entry["detail"]) == 3  # nothing else, but where it was seen
        assert await jobs.show(before["request_id"]) == before
        assert outcomes(await jobs.ended(cut)) == [("drained", False), ("done", True)]
        assert all(outcomes(job) == [("done", True)] for job in await jobs.all_ended([*low, *high]))
        order = [call["request_id"] for call in await VendorControl(control).calls()]
        assert sum(order.index(job) for job in high) < sum(order.index(job) for job in low)

    assert_stops(small_gateway, signal.SIGINT, group=True)


def assert_stops(gateway: Gateway, number: signal.Signals, *, group: bool) -> None:
    pids = gateway.pids()
    assert set(pids) == {"up", "api", "worker-1", "demo-vendors", "redis", "mongod"}
    assert gateway.stop(number, group=group) == 0
    assert [name for name, pid in pids.items() if runs(pid)] == []
    assert gateway.pids() == {}


def vendors_of(gateway: Gateway) -> str:
    return gateway.address("GATEWAY_DEMO_VENDORS_URL")


def outcomes(job: dict[str, list[dict[str, object]]]) -> list[tuple[object, object]]:
    return [(attempt["outcome"], attempt["counted"]) for attempt in job["attempts"]]
