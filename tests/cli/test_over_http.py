"""The command line against an API on a real socket: what the one writes the other reads."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.ports import ApiPorts
from domain.callers import Caller, Role
from domain.jobs import Status
from domain.vendor_states import VendorState
from domain.vendors import VendorPolicy
from tests.api.samples import ended, failed, pending_job
from tests.cli.test_server import serving
from tests.fake_control import FakeControl
from tests.fakes import FakeCallers, FakeJobs, FakeVendorStates

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")

Run = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def vendor_states() -> FakeVendorStates:
    return FakeVendorStates()


@pytest.fixture
async def url(jobs: FakeJobs, vendor_states: FakeVendorStates) -> AsyncIterator[str]:
    ports = ApiPorts(
        intake=jobs,
        jobs=jobs,
        control=FakeControl(jobs),
        vendors=frozenset({"sync"}),
        vendor_states=vendor_states,
        callers=FakeCallers(acme=Caller("acme", Role.USER), root=Caller("root", Role.ADMIN)),
        anonymous_allowed=False,
        cursor_secret=b"s" * 32,
        health=(),
    )
    async with serving(ports) as (_, client):
        yield str(client.base_url)


@pytest.fixture
async def run(url: str, tmp_path: Path) -> AsyncIterator[Run]:
    pipe = asyncio.subprocess.PIPE
    started: list[asyncio.subprocess.Process] = []

    async def start(*args: str, key: str = "acme", out: int = pipe) -> asyncio.subprocess.Process:
        environment = {"GATEWAY_PUBLIC_URL": url, "GATEWAY_API_KEY": key, "PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", *args),
            env=environment,
            cwd=tmp_path,
            stdout=out,
            stderr=pipe,
            preexec_fn=hear_ctrl_c,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def hear_ctrl_c() -> None:
    """As at a terminal: what a shell starts in the background ignores it, and so would all that the tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_a_job_is_submitted_found_and_cancelled(run: Run, jobs: FakeJobs) -> None:
    """Slow: starts one process a command, as a person would."""
    submitted = await run("jobs", "submit", "sync", '{"id": 1}', "--metadata", "order=A-17", "--json")
    request_id = json.loads((await submitted.communicate())[0])["request_id"]
    ((_, job),) = jobs.stored.items()
    assert (str(job.id), job.payload, job.metadata) == (request_id, '{"id": 1}', {"order": "A-17"})
    cancelled = await run("jobs", "cancel", request_id)
    assert await cancelled.communicate() == (f"{request_id}  cancelled\n".encode(), b"")
    again = await run("jobs", "cancel", request_id)
    assert (await again.communicate())[1].startswith(f"Error: {request_id}: ".encode())
    assert again.returncode == 1


async def test_a_job_is_watched_until_it_ends(run: Run, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    watching = await run("jobs", "watch", str(job.id))
    assert watching.stdout is not None
    assert b"pending  queued" in await watching.stdout.readline()
    await jobs.put(job.model_copy(update={"status": Status.PROCESSING, "epoch": 1}))
    assert b"processing  calling_vendor" in await watching.stdout.readline()
    await jobs.put(ended(job))
    assert b"  complete\n" in (await watching.communicate())[0]
    assert watching.returncode == 0


async def test_ctrl_c_ends_a_watch_without_a_word(run: Run, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    watching = await run("jobs", "watch", str(job.id))
    assert watching.stdout is not None
    await watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    assert (await watching.communicate(), watching.returncode) == ((b"", b""), 130)


@pytest.mark.skipif(not FULL.exists(), reason="no disk here is full for certain")
async def test_a_disk_that_is_full_is_told_of(run: Run) -> None:
    out = os.open(FULL, os.O_WRONLY)
    told = await run("jobs", "list", out=out)
    os.close(out)
    assert (await told.communicate())[1] == b"Error: the output cannot be written (No space left on device)\n"
    assert told.returncode == 1


async def test_a_timeline_and_a_list_are_tables(run: Run, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    shown, listed = await run("jobs", "show", str(job.id), "--attempts"), await run("jobs", "list", "--all")
    assert b"ATTEMPT" in (await shown.communicate())[0]
    assert str(job.id).encode() in (await listed.communicate())[0]


async def test_an_admin_pauses_a_vendor_and_nobody_else_does(run: Run, vendor_states: FakeVendorStates) -> None:
    vendor_states.states["sync"] = VendorState("sync", VendorPolicy(), datetime.now(UTC))
    refused = await run("vendors", "pause", "sync")
    assert b"admin" in (await refused.communicate())[1]
    paused = await run("vendors", "pause", "sync", key="root")
    await paused.communicate()
    assert (refused.returncode, paused.returncode, vendor_states.switched) == (1, 0, [("sync", "root", True)])
    listed = await run("vendors", "list", key="root")
    assert b"sync    paused" in (await listed.communicate())[0]
