"""`GET /jobs/{request_id}/events`: the state now, each later one, and an end."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from httpx import AsyncClient
from litestar.types import ASGIApp

from api.event_streams import HEARTBEAT
from api.events import Watch
from api.ports import ApiPorts
from domain.callers import Caller, Role
from domain.errors import Unavailable
from domain.jobs import Job, Status
from domain.tombstones import bury
from tests.api.apps import app_of
from tests.api.samples import ended, failed, pending_job
from tests.api.streams import Stream, opened, parse_event
from tests.fakes import FakeCallers, FakeJobs


def watching(app: ASGIApp, job: Job, seen: str | None = None, query: str = "") -> AbstractAsyncContextManager[Stream]:
    headers = {"Authorization": "Bearer acme"} | ({} if seen is None else {"Last-Event-ID": seen})
    return opened(app, f"/jobs/{job.id}/events{query}", headers)


async def nobody_minds() -> None:
    """The client may go on."""


def begun(job: Job) -> Job:
    return job.model_copy(update={"status": Status.PROCESSING, "epoch": job.epoch + 1})


async def test_the_state_now_and_each_later_one_are_told_until_the_end(
    app: ASGIApp, client: AsyncClient, jobs: FakeJobs
) -> None:
    job = pending_job()
    await jobs.put(job)
    async with asyncio.timeout(5), watching(app, job) as stream:
        status, headers = await stream.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert "content-length" not in headers
        for after in (job, begun(job), ended(job)):
            if after is not job:
                await jobs.waiting.wait()
                await jobs.put(after)
            event = await stream.event()
            assert (event["event"], event["id"]) == ("state", str(after.epoch))
            assert json.loads(event["data"]) == (await client.get(f"/jobs/{job.id}")).json()
        assert await stream.piece() == b""


async def test_an_ended_job_is_told_once(client: AsyncClient, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}/events?expand=attempts")
    shown = (await client.get(f"/jobs/{job.id}?expand=attempts")).json()
    assert json.loads(parse_event(answer.text)["data"]) == shown
    assert shown["attempts"]


async def test_a_client_that_has_the_state_waits_for_the_next(app: ASGIApp, jobs: FakeJobs) -> None:
    job = pending_job(epoch=3)
    await jobs.put(job)
    async with asyncio.timeout(5), watching(app, job, seen="3") as stream:
        await stream.head()
        await jobs.waiting.wait()
        await jobs.put(ended(job))
        assert (await stream.event())["id"] == "5"
        assert await stream.piece() == b""


async def test_a_client_that_has_the_end_need_not_come_back(client: AsyncClient, jobs: FakeJobs) -> None:
    job = ended(pending_job())
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}/events", headers={"Last-Event-ID": str(job.epoch)})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("seen", ["", "0", "99", "-1", "two", "2.0", "ü".encode().decode("latin-1")])
async def test_what_is_no_version_of_it_is_ignored(client: AsyncClient, jobs: FakeJobs, seen: str) -> None:
    job = ended(pending_job())
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}/events", headers={b"Last-Event-ID": seen.encode("latin-1")})
    assert parse_event(answer.text)["id"] == "2"


@pytest.mark.parametrize("result", ['{"a":1,\n"b":2}', '{"a":1,\r\n"b":2}', '{\r"a":1,"b":2}', '"\\n\\r\u2028"'])
async def test_line_breaks_of_a_result_do_not_break_the_event(client: AsyncClient, jobs: FakeJobs, result: str) -> None:
    job = ended(pending_job(), result)
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}/events")
    assert "\r" not in answer.text
    assert json.loads(parse_event(answer.text)["data"])["result"] == json.loads(result)


async def test_a_client_that_leaves_waits_no_longer(app: ASGIApp, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    async with asyncio.timeout(5), watching(app, job) as stream:
        await stream.head()
        await jobs.waiting.wait()
        stream.leave()
        while jobs.waiting.is_set():
            await asyncio.sleep(0)


async def test_a_stop_of_the_process_ends_the_stream(app: ASGIApp, ports: ApiPorts, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    async with asyncio.timeout(5), watching(app, job) as stream:
        await stream.head()
        await stream.event()
        await jobs.waiting.wait()
        ports.stopping.set()
        assert await stream.piece() in (b"", HEARTBEAT)
        while jobs.waiting.is_set():
            await asyncio.sleep(0)


async def test_a_job_that_is_deleted_meanwhile_ends_the_stream(app: ASGIApp, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    async with asyncio.timeout(5), watching(app, job) as stream:
        await stream.head()
        await stream.event()
        await jobs.waiting.wait()
        await jobs.put(bury(ended(job), job.created_at))
        assert await stream.piece() == b""


async def test_silence_is_broken_by_a_comment(ports: ApiPorts, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    watch = Watch(ports, with_attempts=False, ask_again=nobody_minds, heartbeat_seconds=0.001)
    pieces = watch.tell(job, seen=str(job.epoch))
    assert [await anext(pieces) for _ in range(2)] == [b": still here\n\n"] * 2
    await pieces.aclose()


async def test_a_store_that_is_away_for_a_while_ends_no_stream(ports: ApiPorts, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    watch = Watch(ports, with_attempts=False, ask_again=nobody_minds, heartbeat_seconds=0.001, look_again_seconds=0.001)
    pieces = watch.tell(job, seen="")
    assert parse_event((await anext(pieces)).decode())["id"] == "0"
    jobs.down = True
    assert await anext(pieces) == b": still here\n\n"
    jobs.down = False
    await jobs.put(ended(job))
    while (piece := await anext(pieces)).startswith(b":"):
        pass
    assert parse_event(piece.decode())["id"] == "2"


@pytest.mark.parametrize(("token", "status"), [("globex", 404), ("nobody", 401)])
async def test_another_clients_job_is_not_watched(app: ASGIApp, jobs: FakeJobs, token: str, status: int) -> None:
    job = pending_job()
    await jobs.put(job)
    async with opened(app, f"/jobs/{job.id}/events", {"Authorization": f"Bearer {token}"}) as stream:
        assert (await stream.head())[0] == status


async def test_who_is_shut_out_meanwhile_is_told_no_more(ports: ApiPorts, jobs: FakeJobs) -> None:
    callers = FakeCallers(acme=Caller("acme", Role.USER))
    job = pending_job()
    await jobs.put(job)
    async with asyncio.timeout(5), watching(app_of(replace(ports, callers=callers)), job) as stream:
        await stream.head()
        await stream.event()
        await jobs.waiting.wait()
        callers.forget()
        await jobs.put(ended(job, '"secret"'))
        assert await stream.piece() == b""


async def test_a_directory_that_is_away_for_a_while_ends_no_stream_and_lets_nothing_out(
    ports: ApiPorts, jobs: FakeJobs
) -> None:
    away = True

    async def ask_again() -> None:
        if away:
            raise Unavailable("the store does not answer just now")

    job = pending_job()
    await jobs.put(job)
    watch = Watch(ports, with_attempts=False, ask_again=ask_again, heartbeat_seconds=0.001, look_again_seconds=0.001)
    pieces = watch.tell(job, seen=str(job.epoch))
    await jobs.put(ended(job))
    assert [await anext(pieces) for _ in range(3)] == [b": still here\n\n"] * 3
    away = False
    while (piece := await anext(pieces)).startswith(b":"):
        pass
    assert parse_event(piece.decode())["id"] == "2"


async def test_another_query_is_refused(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    assert (await client.get(f"/jobs/{job.id}/events?since=3")).status_code == 422


async def test_an_unknown_job_is_not_found(client: AsyncClient) -> None:
    assert (await client.get("/jobs/no-uuid/events")).status_code == 404
