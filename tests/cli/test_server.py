"""Streams over real HTTP: a client that leaves frees what it held, and no stream holds a stop up."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from httpx import AsyncClient

from api.app import build_app
from api.ports import ApiPorts
from cli.server import StoppingServer
from domain.callers import Caller, Role
from domain.edge.malformed import ProblemProtocol
from domain.jobs import Job
from tests.api.samples import ended, pending_job
from tests.fake_control import FakeControl
from tests.fakes import FakeCallers, FakeJobs, FakeVendorStates


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def ports(jobs: FakeJobs) -> ApiPorts:
    return ApiPorts(
        intake=jobs,
        jobs=jobs,
        control=FakeControl(jobs),
        vendors=frozenset({"sync"}),
        vendor_states=FakeVendorStates(),
        callers=FakeCallers(acme=Caller("acme", Role.USER)),
        anonymous_allowed=False,
        cursor_secret=b"s" * 32,
        health=(),
    )


@asynccontextmanager
async def serving(ports: ApiPorts) -> AsyncIterator[tuple[StoppingServer, AsyncClient]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            build_app(ports), http=ProblemProtocol, lifespan="off", log_config=None, timeout_graceful_shutdown=10
        )
        server = StoppingServer(config, ports.stopping)
        running = asyncio.create_task(server._serve([listener]))  # without its signal handlers
        async with AsyncClient(base_url=url, headers={"Authorization": "Bearer acme"}) as client:
            yield server, client
        server.should_exit = True
        await running


async def submitted(jobs: FakeJobs) -> Job:
    job = pending_job()
    await jobs.put(job)
    return job


async def test_events_arrive_as_they_happen(ports: ApiPorts, jobs: FakeJobs) -> None:
    job = await submitted(jobs)
    async with serving(ports) as (_, client), client.stream("GET", f"/jobs/{job.id}/events") as answer:
        lines = answer.aiter_lines()
        ids = []
        async for line in lines:
            if line.startswith("id: "):
                ids.append(line)
                await jobs.put(ended(job))
        assert ids == ["id: 0", "id: 2"]


async def test_a_client_that_leaves_waits_no_longer(ports: ApiPorts, jobs: FakeJobs) -> None:
    job = await submitted(jobs)
    async with serving(ports) as (_, client):
        async with client.stream("GET", f"/jobs/{job.id}/events"):
            await jobs.waiting.wait()
        async with asyncio.timeout(2):
            while jobs.waiting.is_set():
                await asyncio.sleep(0.01)


async def test_a_stream_holds_no_stop_up(ports: ApiPorts, jobs: FakeJobs) -> None:
    job = await submitted(jobs)
    async with serving(ports) as (server, client), client.stream("GET", f"/jobs/{job.id}/events") as answer:
        await jobs.waiting.wait()
        began = time.monotonic()
        server.should_exit = True
        told = [line async for line in answer.aiter_lines()]
        assert time.monotonic() - began < 8  # uvicorn's own patience is 10 s
        assert told[0] == "event: state"
