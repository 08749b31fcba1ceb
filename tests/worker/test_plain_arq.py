"""A plain `arq.Worker` can run any of our queued jobs."""

import asyncio

import arq
import pytest
from arq.jobs import Job as ArqJob
from arq.jobs import JobStatus

from domain.backoff import Backoff
from domain.infra.queue_keys import queue_key
from domain.outcomes import Done, Outcome, Retry
from domain.vendors import Call
from domain.webhooks import EVENTS
from tests.stores import LANE, ScriptedVendor, Stores
from tests.worker.async_vendor import AsyncVendor, Inbox
from worker.events import open_event_runner
from worker.plain_arq import arq_function, read_row
from worker.runner import open_runner

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close")  # arq 0.28 with redis-py 5


async def run_plain_arq(stores: Stores, vendor: ScriptedVendor, redis_url: str, queue_name: str = LANE) -> arq.Worker:
    station = stores.station(vendor)
    async with open_runner(station) as runner, open_event_runner(station) as events:
        plain = arq.Worker(
            [arq_function()],
            queue_name=queue_name,
            redis_settings=arq.connections.RedisSettings.from_dsn(redis_url),
            ctx={"runner": runner, "jobs": stores.reader, "events": events},
            job_deserializer=read_row,
            handle_signals=False,
            burst=True,
            poll_delay=0.01,
        )
        await plain.async_run()
        await plain.close()
        return plain


async def queued(stores: Stores, how_many: int) -> None:
    while await stores.redis.zcard(LANE) < how_many:
        await asyncio.sleep(0.01)


async def test_a_plain_arq_worker_runs_our_jobs(stores: Stores, redis_database_url: str) -> None:
    jobs = [await stores.submit() for _ in range(3)]
    await queued(stores, 3)
    plain = await run_plain_arq(stores, ScriptedVendor(), redis_database_url)
    assert (plain.jobs_complete, plain.jobs_failed) == (3, 0)
    assert [(await stores.look(job)).status for job in jobs] == ["complete"] * 3
    assert await stores.redis.keys("arq:queue*") == []


async def test_a_plain_arq_worker_retries_what_we_say_is_due_again(stores: Stores, redis_database_url: str) -> None:
    answers: list[Outcome] = [Retry("busy", "503"), Done("1")]

    async def answer(call: Call) -> Outcome:
        return answers.pop(0)

    job = await stores.submit()
    await queued(stores, 1)
    plain = await run_plain_arq(stores, ScriptedVendor(answer, backoff=Backoff(0.01, 0.01)), redis_database_url)
    assert plain.jobs_retried == 1
    assert (await stores.look(job)).status == "complete"


async def test_a_plain_arq_worker_applies_our_webhooks(stores: Stores, redis_database_url: str) -> None:
    vendor = AsyncVendor()
    job = await stores.submit()
    await queued(stores, 1)
    await run_plain_arq(stores, vendor, redis_database_url)
    await Inbox(stores).take(ref="ref-1", status="done")
    plain = await run_plain_arq(stores, vendor, redis_database_url, queue_key(EVENTS, "normal"))
    assert (plain.jobs_complete, (await stores.look(job)).status) == (1, "complete")


async def test_arq_itself_tells_the_status_of_our_queued_job(stores: Stores) -> None:
    job = await stores.submit()
    await queued(stores, 1)
    known = ArqJob(str(job.id), stores.redis, _queue_name=LANE, _deserializer=read_row)
    assert await known.status() in {JobStatus.queued, JobStatus.deferred}
    info = await known.info()
    assert info is not None
    assert (info.function, list(info.args)) == ("gateway.run", [str(job.id)])
