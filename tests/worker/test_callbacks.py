"""Callbacks on real stores: from the end of a job to a receiver on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from limits import RateLimitItemPerSecond
from pydantic import SecretStr

from domain.backoff import Schedule
from domain.callbacks import callback_id
from domain.infra.follow_ups import open_follow_ups
from domain.infra.host_limits import HostLimits
from domain.interventions import retry
from domain.jobs import AttemptOutcome, Job, Status
from domain.outcomes import Failed, Outcome
from domain.transitions import signed
from domain.vendors import Call
from tests.stores import ScriptedVendor, Stores
from tests.vendors.scripted import Answer, Received, answer_ok, hang_up, listening, say
from vendors.callback.adapter import Callback
from vendors.callback.settings import CallbackSettings
from vendors.guarded import GuardedTransport
from vendors.http import VendorHttp
from vendors.signatures.standard import verify
from worker.sweep import Sweep

SETTINGS = CallbackSettings(SecretStr("a master of 32 characters or more"), allow_private=True)
SOON = Schedule((timedelta(milliseconds=1),))
BUSY = say(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
GONE = say(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
BASE = "https://gateway.example"


@asynccontextmanager
async def the_vendor(stores: Stores, http: VendorHttp | None = None, **changes: Any) -> AsyncIterator[Callback]:
    settings = changes.pop("settings", SETTINGS)
    limit = HostLimits(stores.redis, changes.pop("rate", None))
    async with http or VendorHttp() as opened:
        yield Callback(opened, settings, limit, schedule=SOON)


async def delivered(stores: Stores, *answers: Answer, times: int = 1, **fields: Any) -> tuple[Job, Job, list[Received]]:
    """A job with a callback, run to its end: it, the callback's job, and what reached the receiver."""
    answer = fields.pop("answer", None)
    async with (
        listening(*answers) as receiver,
        the_vendor(stores) as callback,
        open_follow_ups(stores.database, stores.queue, BASE) as follow_ups,
        stores.worker(ScriptedVendor(answer), callback, follow_ups=follow_ups),
    ):
        parent = await stores.ended(await stores.submit(callback_url=f"{receiver.url}/told", **fields))
        child = await the_callback(stores, parent)
    assert len(receiver.received) == times
    return await stores.look(parent), child, receiver.received


async def the_callback(stores: Stores, parent: Job) -> Job:
    """The job that tells of the parent's end, when it has ended itself."""
    while not await stores.store.load([callback_id(parent)]):
        await stores.reader.wait_for_change(parent, 0.01)
    return await stores.ended(parent.model_copy(update={"id": callback_id(parent)}))


async def test_the_end_of_a_job_is_told_once_and_signed(stores: Stores) -> None:
    parent, child, received = await delivered(stores)
    [got] = received
    assert verify(got.headers, got.body, datetime.now(UTC), [SETTINGS.key_of(parent.client)])
    assert f"{BASE}/jobs/{parent.id}".encode() in got.body
    assert (child.status, child.result, child.parent) == (Status.COMPLETE, '{"status":200}', parent.id)
    assert parent.follow_ups is None


async def test_the_failure_of_a_job_is_told_too(stores: Stores) -> None:
    async def answer(call: Call) -> Outcome:
        return Failed("vendor_rejected", "it said 422", 422)

    parent, _, received = await delivered(stores, answer=answer)
    assert b'"type":"job.failed"' in received[0].body
    assert parent.status is Status.FAILED


@pytest.mark.parametrize("trouble", [BUSY, hang_up])
async def test_a_receiver_that_fails_twice_gets_it_thrice_under_the_same_id(stores: Stores, trouble: Answer) -> None:
    _, child, received = await delivered(stores, trouble, trouble, answer_ok, times=3)
    assert len({got.headers["webhook-id"] for got in received}) == 1
    assert len({got.body for got in received}) == 1
    assert (child.status, child.tries) == (Status.COMPLETE, 3)


async def test_it_is_given_up_after_ten_tries_and_can_be_asked_for_again(stores: Stores) -> None:
    _, child, received = await delivered(stores, BUSY, times=10)
    assert child.error is not None
    assert (child.status, child.error.code, child.error.vendor_status) == (Status.FAILED, "callback_failed", 503)
    again = retry(signed(child, "by hand"), datetime.now(UTC))
    assert await stores.store.compare_and_set([(child, again)]) == [True]
    url = received[0].headers["host"]
    async with listening(answer_ok) as receiver, the_vendor(stores) as callback:
        moved = again.payload.replace(url, receiver.url.removeprefix("http://"))
        await stores.database.jobs.update_one({"_id": child.id}, {"$set": {"payload": moved}})
        async with stores.worker(callback):
            await Sweep(stores.station(callback)).once()
            ended = await stores.ended(again)
    assert (ended.status, ended.generation) == (Status.COMPLETE, 2)
    assert receiver.received[0].headers["webhook-id"] == received[0].headers["webhook-id"]


async def test_gone_stops_it_at_once(stores: Stores) -> None:
    _, child, _ = await delivered(stores, GONE)
    assert child.error is not None
    assert (child.error.code, child.tries) == ("callback_gone", 1)


async def test_a_worker_that_died_between_end_and_callback_leaves_it_to_the_sweep(stores: Stores) -> None:
    async with listening() as receiver, the_vendor(stores) as callback:
        async with stores.worker(ScriptedVendor()):  # it leaves follow-ups to others, as a dead one does
            parent = await stores.ended(await stores.submit(callback_url=receiver.url))
        assert parent.follow_ups == ["callback"]
        await stores.database.jobs.update_one({"_id": parent.id}, {"$set": {"sweep_at": datetime.now(UTC)}})
        async with open_follow_ups(stores.database, stores.queue, BASE) as follow_ups:
            station = stores.station(ScriptedVendor(), callback, follow_ups=follow_ups)
            for _ in range(2):
                await Sweep(station).once()
            async with stores.worker(callback):
                child = await the_callback(stores, parent)
    assert child.status is Status.COMPLETE
    assert len(receiver.received) == 1


async def test_a_private_address_is_refused_at_once_and_nothing_is_dialled(stores: Stores) -> None:
    strict = CallbackSettings(SETTINGS.master)
    async with (
        listening() as receiver,
        the_vendor(stores, VendorHttp(GuardedTransport()), settings=strict) as callback,
        open_follow_ups(stores.database, stores.queue, BASE) as follow_ups,
        stores.worker(ScriptedVendor(), callback, follow_ups=follow_ups),
    ):
        url = receiver.url.replace("http:", "https:")
        child = await the_callback(stores, await stores.ended(await stores.submit(callback_url=url)))
    assert child.error is not None
    assert (child.error.code, child.tries, receiver.connections) == ("callback_refused", 1, 0)


async def test_a_host_beyond_its_rate_waits_and_uses_up_no_try(stores: Stores) -> None:
    async with (
        listening() as receiver,
        the_vendor(stores, rate=RateLimitItemPerSecond(2)) as callback,
        open_follow_ups(stores.database, stores.queue, BASE) as follow_ups,
        stores.worker(ScriptedVendor(), callback, follow_ups=follow_ups),
    ):
        parents = [await stores.ended(await stores.submit(callback_url=receiver.url)) for _ in range(4)]
        children = [await the_callback(stores, parent) for parent in parents]
    outcomes = [attempt.outcome for child in children for attempt in child.attempts]
    assert {child.tries for child in children} == {1}
    assert len(receiver.received) == outcomes.count(AttemptOutcome.DONE) == 4
    assert AttemptOutcome.RELEASED in outcomes


async def test_the_rate_of_a_host_is_one_for_the_whole_fleet_and_each_host_has_its_own(stores: Stores) -> None:
    one, two = (HostLimits(stores.redis, RateLimitItemPerSecond(1, 60)) for _ in range(2))
    assert await one.take("a.example") is None
    until = await two.take("a.example")
    assert until is not None
    assert timedelta(seconds=50) < until - datetime.now(UTC) <= timedelta(seconds=61)
    assert await two.take("b.example") is None
