"""Ceilings at the intake, on real stores: what is refused is not stored, and what was taken in is answered for ever."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.backpressure import Ceilings
from domain.errors import Unavailable
from domain.infra.intake import MongoIntake, open_intake
from domain.infra.vendor_states import open_vendor_states
from domain.jobs import Job
from domain.vendors import VendorPolicy
from tests.stores import ScriptedVendor, Stores
from tests.strategies import a_job


@pytest.fixture
async def intake(stores: Stores) -> AsyncIterator[MongoIntake]:
    async with (
        open_vendor_states(stores.database, stores.queue, {"sync": VendorPolicy()}) as states,
        open_intake(stores.database, stores.queue, ceilings=Ceilings(vendor=20, client=15), states=states) as intake,
    ):
        yield intake


async def let_in(intake: MongoIntake, jobs: int, **fields: str) -> list[Job]:
    """Those that were taken in."""
    accepted = []
    for _ in range(jobs):
        try:
            accepted.append((await intake.take_in(a_job(**fields))).job)
        except Unavailable:
            continue
    return accepted


async def fill(intake: MongoIntake, wanted: int, **fields: str) -> None:
    """What is just being queued may be counted twice, until the next look: then the last ones are let in later."""
    while wanted:
        wanted -= len(await let_in(intake, 30, **fields))
        assert wanted >= 0


async def test_beyond_the_ceilings_nothing_is_stored(stores: Stores, intake: MongoIntake) -> None:
    await fill(intake, 15)
    await fill(intake, 5, client="other")
    with pytest.raises(Unavailable) as refusal:
        await intake.take_in(a_job(client="a third"))
    assert refusal.value.code == "backlog-full"
    assert refusal.value.retry_after >= timedelta(seconds=1)
    assert await stores.database.jobs.count_documents({}) == 20


async def test_a_repeat_is_answered_above_the_ceiling_too(intake: MongoIntake) -> None:
    first = await intake.take_in(a_job(idempotency_key="k", fingerprint="f"))
    await fill(intake, 14)
    again = await intake.take_in(a_job(idempotency_key="k", fingerprint="f"))
    assert again.replayed
    assert again.job.id == first.job.id


async def test_when_jobs_have_ended_others_are_let_in(stores: Stores, intake: MongoIntake) -> None:
    accepted = await let_in(intake, 30)
    async with stores.worker(ScriptedVendor()):
        for job in accepted:
            await stores.ended(job)
    await fill(intake, 15)
