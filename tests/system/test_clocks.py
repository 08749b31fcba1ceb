"""Workers whose wall clocks are ten minutes off: no limit, due time, deadline, lease or signature is wrong for it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from redis import Redis

from cli.embedded import free_port
from domain.request_ids import new_request_id
from loadtest.vendors.ledger import worst_window
from tests.loadtest.receiver import Receiver, receiver_running
from tests.stores import LANE, Stores
from tests.system.client import Jobs, VendorControl, client_of, until
from tests.system.running import GATEWAY, ROOT, Gateway, wait_until
from tests.system.wrong_clocks import MINUTES, with_clock, wrong_process, wrong_worker

pytestmark = pytest.mark.system

TRUE, AHEAD, BEHIND = "worker-1", "ahead", "behind"
OFF = {AHEAD: 60 * MINUTES, BEHIND: -60 * MINUTES}
LATE_SECONDS = 10.0  # what a busy machine may add; a wrong clock would add six hundred
LIMIT = 20  # of the vendor "rated", a second


@dataclass(frozen=True)
class ThreeClocks:
    """A gateway whose workers do not agree on the time, and the process of each of them."""

    gateway: Gateway
    pids: Mapping[str, int]

    @contextmanager
    def only(self, *names: str) -> Iterator[None]:
        """In the block only these workers run; the others stand still."""
        others = [pid for worker, pid in self.pids.items() if worker not in names]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeClocks]:
    gateway = Gateway(tmp_path_factory.mktemp("clocks"), {"workers": 1})
    with ExitStack() as stack:
        stack.callback(gateway.end)
        gateway.start()
        started = {name: stack.enter_context(wrong_worker(gateway, name, OFF[name])) for name in OFF}
        wait_until(lambda: all("worker started" in (gateway.home / f"{name}.log").read_text() for name in OFF), 60)
        yield ThreeClocks(gateway, {TRUE: gateway.pid(TRUE), **{name: it.pid for name, it in started.items()}})


@pytest.fixture
async def jobs(clocks: ThreeClocks) -> AsyncIterator[Jobs]:
    async with client_of(clocks.gateway.url) as http:
        yield Jobs(http)


@pytest.fixture
async def vendor(clocks: ThreeClocks) -> AsyncIterator[VendorControl]:
    async with client_of(clocks.gateway.address("GATEWAY_DEMO_VENDORS_URL")) as http:
        yield VendorControl(http)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiver_running() as receiver:
        yield receiver


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def callers(ended: list[dict[str, Any]]) -> set[str]:
    return {attempt["worker"].split(":")[1] for job in ended for attempt in job["attempts"]}


async def times_of(vendor: VendorControl, request_id: str) -> list[float]:
    """When the vendor was called, by its own clock, which is right."""
    return [call["at"] for call in await vendor.calls(request_id)]


def test_the_clocks_are_as_wrong_as_these_tests_say(clocks: ThreeClocks) -> None:
    for name, off in OFF.items():
        line = json.loads((clocks.gateway.home / f"{name}.log").read_text().splitlines()[0])
        logged = datetime.fromisoformat(line["timestamp"])
        assert abs((logged - datetime.now(UTC)).total_seconds() - off) < 120


async def test_a_limit_holds_over_one_true_and_two_wrong_clocks(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: 60 jobs at 20 a second; once more where a busy machine let the true worker make all of the calls."""
    ended: list[dict[str, Any]] = []
    for _ in range(4):
        ended = await jobs.all_ended(await jobs.submit_many(60, vendor="rated"))
        assert {job["status"] for job in ended} == {"complete"}
        if callers(ended) & set(OFF):
            break
    assert callers(ended) & set(OFF)
    times = sorted(call["at_monotonic"] for call in await vendor.calls_of([job["request_id"] for job in ended]))
    assert len(times) == 60
    assert worst_window(times, 1.0) <= LIMIT
    assert times[-1] - times[0] < LATE_SECONDS


@pytest.mark.parametrize("name", list(OFF))
async def test_a_job_is_called_when_it_is_due_and_again_when_its_vendor_asks(
    clocks: ThreeClocks, jobs: Jobs, vendor: VendorControl, name: str
) -> None:
    due = [in_seconds(0.5 + 0.25 * number) for number in range(4)]
    asked_for = in_seconds(3).replace(microsecond=0)
    dated = {"mode": "throttle", "retry_after": format_datetime(asked_for, usegmt=True), "times": 1}
    began = time.time()
    with clocks.only(name):
        later = [await jobs.submit(run_at=moment.isoformat()) for moment in due]
        failing = await jobs.submit({"simulate": {"mode": "fail", "times": 2}}, vendor="brisk")
        throttled = await jobs.submit({"simulate": dated}, vendor="throttling")
        ended = await jobs.all_ended([*later, failing, throttled])
    assert {job["status"] for job in ended} == {"complete"}
    assert callers(ended) == {name}
    for request_id, moment in zip(later, due, strict=True):
        [at] = await times_of(vendor, request_id)
        assert 0 <= at - moment.timestamp() < LATE_SECONDS
    assert (await times_of(vendor, failing))[-1] - began < LATE_SECONDS
    _, again = await times_of(vendor, throttled)
    assert 0 <= again - asked_for.timestamp() < LATE_SECONDS
    stamps = [attempt[edge] for job in ended for attempt in job["attempts"] for edge in ("started_at", "ended_at")]
    assert all(began - 0.1 <= datetime.fromisoformat(stamp).timestamp() <= time.time() + 0.1 for stamp in stamps)


@pytest.mark.parametrize("name", list(OFF))
async def test_a_job_is_given_up_at_its_deadline_and_not_before(
    clocks: ThreeClocks, jobs: Jobs, vendor: VendorControl, name: str
) -> None:
    """Slow: three deadlines of seconds, and the sweep looks every two."""
    silent: dict[str, Any] = {"simulate": {"mode": "normal", "webhook": []}}
    told_late = {"simulate": {"mode": "normal", "webhook": [{"after": 3}]}}
    with clocks.only(name):
        began = time.time()
        forgotten = await jobs.submit(silent, vendor="forgetful")  # its table waits for a second
        overdue = await jobs.submit(silent, vendor="async", deadline=in_seconds(2).isoformat())
        in_time = await jobs.submit(told_late, vendor="async", deadline=in_seconds(300).isoformat())
        pending = await jobs.submit(run_at=in_seconds(200).isoformat(), deadline=in_seconds(400).isoformat())
        first, second = await asyncio.gather(jobs.ended(forgotten), jobs.ended(overdue))
        took = time.time() - began
        third = await jobs.ended(in_time)
        assert (await jobs.show(pending))["status"] == "pending"
    assert [job["error_detail"]["code"] for job in (first, second)] == ["webhook_deadline", "deadline"]
    assert 2 <= took < 2 + LATE_SECONDS
    assert third["status"] == "complete"
    assert callers([first, second, third]) == {name}


@pytest.mark.parametrize("name", list(OFF))
async def test_a_callback_comes_at_once_and_its_signature_bears_the_true_time(
    clocks: ThreeClocks, jobs: Jobs, receiver: Receiver, name: str
) -> None:
    async def came() -> list[Any]:
        return receiver.received

    with clocks.only(name):
        await jobs.submit({}, callback_url=receiver.url)
        [event, *_] = await until(came)
    assert abs(event.age_seconds) < LATE_SECONDS


async def test_no_worker_takes_a_lease_that_another_holds_even_after_redis_forgot_all(
    clocks: ThreeClocks, jobs: Jobs
) -> None:
    """Slow: the calls outlast two leases."""
    payload = {"simulate": {"mode": "slow", "seconds": 2.5, "times": 1}}
    with clocks.only(AHEAD, BEHIND):
        request_ids = await jobs.submit_many(30, payload)
        await asyncio.gather(*(jobs.seen(request_id, lambda job: job["attempts"]) for request_id in request_ids))
    with Redis.from_url(clocks.gateway.address("GATEWAY_REDIS_URL")) as redis:
        redis.flushall()
    ended = await jobs.all_ended(request_ids)
    assert [[attempt["outcome"] for attempt in job["attempts"]] for job in ended] == [["done"]] * 30
    assert callers(ended) <= set(OFF)


QUEUE_ONE = """
import asyncio, sys
from datetime import datetime, timedelta
from uuid import UUID
from domain.infra.queue import Queue
from domain.infra.redis import open_redis
from domain.jobs import Priority
from domain.ports import Queued

async def main(url, request_id, due_at):
    async with open_redis(url) as redis:
        job = Queued(UUID(request_id), "sync", Priority.NORMAL, datetime.fromisoformat(due_at), "acme")
        await Queue(redis, lease=timedelta(seconds=1)).enqueue([job])

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_is_queued_for_later_under_a_clock_that_is_ahead_does_not_come_due_now(
    stores: Stores, redis_database_url: str
) -> None:
    due, request_id = in_seconds(300), str(new_request_id())
    words = [sys.executable, "-c", QUEUE_ONE, redis_database_url, request_id, due.isoformat()]
    environment = with_clock(OFF[AHEAD], os.environ)
    await asyncio.to_thread(subprocess.run, words, env=environment, cwd=ROOT, check=True)
    score = await stores.redis.zscore(LANE, request_id)  # nobody's lane
    assert score is not None
    assert abs(score / 1000 - due.timestamp()) < 1


async def test_an_api_that_is_behind_delays_no_job_and_says_that_its_clock_is_off(
    clocks: ThreeClocks, vendor: VendorControl
) -> None:
    port, gateway = free_port(), clocks.gateway
    words = ("serve", "--port", str(port), "--anonymous", "1")
    with wrong_process(gateway, "behind-api", OFF[BEHIND], *words):
        async with client_of(f"http://127.0.0.1:{port}") as http:

            async def serves() -> bool:
                with suppress(httpx.TransportError):
                    return (await http.get("/health/live")).status_code == 200
                return False

            await until(serves)
            began = time.time()
            request_id = await Jobs(http).submit()
            assert (await Jobs(http).ended(request_id))["status"] == "complete"
    [at] = await times_of(vendor, request_id)
    assert 0 <= at - began < LATE_SECONDS
    assert '"seconds_ahead": -6' in (gateway.home / "behind-api.log").read_text()


def test_the_doctor_says_whose_clock_is_off(clocks: ThreeClocks) -> None:
    gateway = clocks.gateway
    environment = with_clock(OFF[BEHIND], gateway.environment())
    said = subprocess.run([GATEWAY, "doctor"], env=environment, cwd=gateway.home, capture_output=True, check=False)
    assert said.returncode == 1
    assert b"Redis's clock is +6" in said.stdout
    assert b"MongoDB's clock is +6" in said.stdout
