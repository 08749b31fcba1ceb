"""What the real reader promises beyond its port: it holds no stop up, and reads no more than is shown."""

import asyncio

from domain.infra.job_reader import open_job_reader
from domain.ports import JobFilter
from tests.stores import Stores


async def test_who_waits_is_answered_when_the_process_is_told_to_stop(stores: Stores) -> None:
    job = await stores.submit()
    stopping = asyncio.Event()
    async with open_job_reader(stores.database, stores.redis, stopping=stopping) as reader:
        waiting = asyncio.create_task(reader.wait_until_ended(job.id, None, 25))
        asyncio.get_running_loop().call_later(0.05, stopping.set)
        async with asyncio.timeout(4):  # under the reader's own look, every 5 s
            found = await waiting
    assert found is not None
    assert not found.ended


async def test_a_list_reads_no_payloads(stores: Stores) -> None:
    job = await stores.submit(payload='{"long":"text"}')
    (listed,) = await stores.reader.list(JobFilter(owner=None))
    assert (listed.id, listed.payload) == (job.id, "")
    assert (await stores.look(job)).payload == '{"long":"text"}'
