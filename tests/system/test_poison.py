"""A job that kills whatever runs it is set aside, over real processes, and what it killed on the way ends well."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.processes import Program
from cli.supervisor import Supervisor
from domain.jobs import Job, Status
from domain.suspects import CRASHES_ALONE, CRASHES_IN_COMPANY
from tests.stores import Stores
from tests.system.client import until
from tests.system.running import ROOT, runs

pytestmark = pytest.mark.system

NEIGHBOURS = 200
SUSPECT = {"crashes": CRASHES_IN_COMPANY, "crashes_in_a_row": CRASHES_IN_COMPANY}


@dataclass(frozen=True)
class Bench:
    """Where workers of `tests.system.poisoned_worker` are started."""

    directory: Path
    mongo_url: str
    redis_url: str

    def program(self) -> Program:
        (self.directory / "none.toml").touch()
        ours = {
            "GATEWAY_HOME": str(self.directory),
            "GATEWAY_MONGO_URL": self.mongo_url,
            "GATEWAY_REDIS_URL": self.redis_url,
            "GATEWAY_VENDORS_FILE": str(self.directory / "none.toml"),
            "GATEWAY_LEASE_SECONDS": "0.5",
            "GATEWAY_CONCURRENCY": "10",
        }
        clean = {name: text for name, text in os.environ.items() if not name.startswith("GATEWAY_")}
        command = (sys.executable, "-m", "tests.system.poisoned_worker", "--name", "w")
        files = self.directory / "worker.log", self.directory / "worker.pid"
        return Program("worker", command, *files, clean | ours, ROOT)

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """One that nobody starts again, with whatever it started ended afterwards."""
        program = self.program()
        with program.log.open("ab") as log:
            process = subprocess.Popen(
                program.command, env=program.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # all of them have gone already
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def bench(tmp_path: Path, jobs_url: str, redis_database_url: str) -> Bench:
    return Bench(tmp_path, jobs_url, redis_database_url)


@pytest.fixture
async def kept_worker(bench: Bench) -> AsyncIterator[Supervisor]:
    """A worker that is started again whenever it dies, as `gateway up` does."""
    supervisor = Supervisor(lambda _line: None)

    async def keep() -> None:
        while True:
            supervisor.look()
            await asyncio.sleep(0.05)

    supervisor.start(bench.program())
    keeping = asyncio.create_task(keep())
    try:
        yield supervisor
    finally:
        keeping.cancel()
        supervisor.stop(["worker"], 10)


async def ended(stores: Stores, job: Job) -> Job:
    async def look() -> Job | None:
        found = await stores.look(job)
        return found if found.ended else None

    found = await until(look)
    assert found is not None
    return found


async def test_a_poison_job_is_set_aside_and_its_neighbours_are_unharmed(
    stores: Stores, kept_worker: Supervisor
) -> None:
    """Slow: six processes die of it, and each death is known when a lease is over."""
    poison = await stores.submit(vendor="poisonous", payload='"kill"')
    neighbours = []
    for number in range(NEIGHBOURS):  # some of them are in flight at every death
        neighbours.append(await stores.submit(vendor=("poisonous", "mild")[number % 2], payload="0.2"))
        await asyncio.sleep(0.03)
    job = await ended(stores, poison)
    others = [await ended(stores, neighbour) for neighbour in neighbours]
    assert job.error is not None
    assert (job.status, job.error.code, job.tries) == (Status.FAILED, "poison", 0)
    assert [(attempt.outcome, attempt.apart) for attempt in job.attempts] == (
        [("crashed", False)] * CRASHES_IN_COMPANY + [("crashed", True)] * CRASHES_ALONE
    )
    assert len({attempt.worker for attempt in job.attempts}) == CRASHES_IN_COMPANY + CRASHES_ALONE
    assert {other.status for other in others} == {Status.COMPLETE}
    assert 0 < max(other.crashes for other in others) <= CRASHES_IN_COMPANY
    assert not any(attempt.apart and attempt.outcome == "crashed" for other in others for attempt in other.attempts)


async def apart(stores: Stores, job: Job) -> bool:
    found = await stores.look(job)
    return bool(found.attempts) and found.attempts[-1].apart


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to stop"])
async def test_a_child_whose_parent_is_gone_lets_its_call_end_and_goes_too(
    stores: Stores, bench: Bench, number: signal.Signals
) -> None:
    job = await stores.submit(vendor="mild", payload="1", **SUSPECT)
    with bench.worker() as worker:
        await until(lambda: apart(stores, job))
        (child,) = children(worker.pid)
        worker.send_signal(number)
        done = await ended(stores, job)

        async def gone() -> bool:
            return not runs(child)

        async with asyncio.timeout(20):  # it would end by itself, but later: for want of suspects
            await until(gone)
        worker.wait(10)
    assert [(attempt.outcome, attempt.apart) for attempt in done.attempts] == [("done", True)]
    assert (done.status, done.crashes_in_a_row) == (Status.COMPLETE, 0)
