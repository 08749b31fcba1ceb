"""A worker whose vendors change while it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.infra.redactions import Redactions
from domain.jobs import Status
from domain.outcomes import Done, Outcome
from domain.vendors import Call, Vendor
from tests.stores import LEASE, ScriptedVendor, Stores
from worker.worker import Worker, WorkerSettings, open_worker, worker_name


@asynccontextmanager
async def following(stores: Stores, table: dict[str, Vendor]) -> AsyncIterator[Worker]:
    settings = WorkerSettings(worker_name("w"), concurrency=10, lease=LEASE)
    redactions = Redactions(stores.database, lambda _: False)
    async with open_worker(stores.database, stores.redis, table, settings, redactions=redactions) as worker:
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running


async def test_a_vendor_that_is_added_is_called_and_one_that_is_changed_too(stores: Stores) -> None:
    table: dict[str, Vendor] = {}
    async with following(stores, table) as worker:
        waiting = await stores.submit()
        table["sync"] = ScriptedVendor()
        worker.follow(table)
        assert (await stores.ended(waiting)).result == '{"ok":true}'

        async def answer(call: Call) -> Outcome:
            return Done('"changed"')

        table["sync"] = ScriptedVendor(answer)
        worker.follow(table)
        assert (await stores.ended(await stores.submit())).result == '"changed"'


async def test_a_vendor_that_left_ends_its_calls_and_is_called_again_when_it_is_back(stores: Stores) -> None:
    may_answer = asyncio.Event()

    async def answer(call: Call) -> Outcome:
        await may_answer.wait()
        return Done("1")

    vendor = ScriptedVendor(answer)
    table: dict[str, Vendor] = {"sync": vendor}
    async with following(stores, table) as worker:
        running = await stores.submit()
        await vendor.called.wait()
        del table["sync"]
        worker.follow(table)
        left = await stores.submit()
        may_answer.set()
        assert (await stores.ended(running)).status is Status.COMPLETE
        assert (await stores.look(left)).status is Status.PENDING
        assert len(vendor.calls) == 1
        table["sync"] = vendor
        worker.follow(table)
        assert (await stores.ended(left)).status is Status.COMPLETE


@pytest.mark.parametrize("times", [1, 3])
async def test_being_told_the_same_again_changes_nothing(stores: Stores, times: int) -> None:
    vendor = ScriptedVendor()
    table: dict[str, Vendor] = {"sync": vendor}
    async with following(stores, table) as worker:
        for _ in range(times):
            worker.follow(table)
        await stores.ended(await stores.submit())
    assert len(vendor.calls) == 1
