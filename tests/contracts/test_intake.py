"""Intake on real stores: durable before the answer, once for each key, and unhurried by Redis."""

import asyncio
import socket
from datetime import timedelta

import pytest

from domain.errors import KeyReused
from domain.infra.intake import open_intake
from domain.infra.mongo import open_mongo, prepare_mongo
from domain.infra.queue import Queue
from domain.infra.redis import open_redis
from domain.ports import LARGEST_PAGE, JobFilter
from domain.request_ids import new_request_id
from tests.stores import Stores
from tests.strategies import a_job


async def test_fifty_submissions_of_one_key_at_once_make_one_job(stores: Stores) -> None:
    tries = [a_job(idempotency_key="k", fingerprint="f") for _ in range(50)]
    accepted = await asyncio.gather(*(stores.intake.take_in(job) for job in tries))
    assert len({answer.job.id for answer in accepted}) == 1
    assert sum(not answer.replayed for answer in accepted) == 1
    assert await stores.database.jobs.count_documents({}) == 1


async def test_a_key_with_another_body_is_refused_and_stores_nothing(stores: Stores) -> None:
    await stores.intake.take_in(a_job(idempotency_key="k", fingerprint="f"))
    with pytest.raises(KeyReused):
        await stores.intake.take_in(a_job(idempotency_key="k", fingerprint="g"))
    assert await stores.database.jobs.count_documents({}) == 1


async def test_two_clients_may_use_the_same_key(stores: Stores) -> None:
    for client in ("one", "two"):
        assert not (await stores.intake.take_in(a_job(client=client, idempotency_key="k"))).replayed


async def test_jobs_without_a_key_are_all_different(stores: Stores) -> None:
    await asyncio.gather(*(stores.intake.take_in(a_job()) for _ in range(20)))
    assert await stores.database.jobs.count_documents({}) == 20


async def test_no_null_is_stored(stores: Stores) -> None:
    job = (await stores.intake.take_in(a_job())).job
    document = await stores.database.jobs.find_one({"_id": job.id})
    assert document is not None
    assert None not in document.values()
    assert "idempotency_key" not in document


async def test_what_is_stored_is_read_back_equal(stores: Stores) -> None:
    job = (await stores.intake.take_in(a_job(payload='{"a":"\\u0000"}', metadata={"k": "v\x00"}))).job
    assert (await stores.store.load([job.id]))[job.id] == job


async def test_a_hanging_redis_delays_no_answer(mongo_database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        async with open_mongo(mongo_database_url) as database, open_redis(url) as redis:
            await prepare_mongo(database)
            async with open_intake(database, Queue(redis, lease=timedelta(seconds=5))) as intake:
                async with asyncio.timeout(4):  # less than the 5 s after which Redis is given up
                    for _ in range(20):
                        await intake.take_in(a_job())
                assert await database.jobs.count_documents({}) == 20


async def test_jobs_of_given_ids_are_read_in_groups_that_memory_can_hold(stores: Stores) -> None:
    half = "x" * (LARGEST_PAGE // 2 - 10_000)
    ids = []
    for result in (half, half, None, half, None):
        job = (await stores.intake.take_in(a_job())).job
        after = job.model_copy(update={"epoch": 1, "result": result})
        assert await stores.store.compare_and_set([(job, after)]) == [True]
        ids.append(job.id)
    asked = [*ids, new_request_id(), ids[0]]
    groups = [group async for group in stores.reader.find_many(asked, "acme")]
    assert [len(group) for group in groups] == [3, 4]
    assert [job and job.id for group in groups for job in group] == [*ids, None, ids[0]]


async def test_a_list_reads_no_more_than_a_page_of_results_and_the_one_that_overruns_it(stores: Stores) -> None:
    for _ in range(4):
        job = (await stores.intake.take_in(a_job())).job
        after = job.model_copy(update={"epoch": 1, "result": "x" * (LARGEST_PAGE // 2)})
        assert await stores.store.compare_and_set([(job, after)]) == [True]
    assert len(await stores.reader.list(JobFilter(owner="acme"))) == 3
