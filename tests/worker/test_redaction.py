"""Redaction on real stores: what goes, what stays, and who wins against a retry."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain import interventions, transitions
from domain.infra.event_store import Moved
from domain.infra.redactions import Redactions
from domain.interventions import LONG_GONE, retry
from domain.jobs import Job
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.request_ids import new_request_id
from domain.retention import Retention
from domain.submitted_fields import to_milliseconds
from domain.transitions import Rules, signed
from domain.vendors import VendorPolicy
from domain.webhooks import KEPT, EventState, WebhookEvent
from tests.stores import ScriptedVendor, Stores
from worker.sweep import Sweep

A_DAY = timedelta(days=1)
RULES = Rules(VendorPolicy(), Retention(redact_after=A_DAY))
NO = Failed("vendor_rejected", "secret", 400)
SECRETS: dict[str, Any] = {"payload": '"secret"', "metadata": {"order": "A-17"}}


def redactions_of(stores: Stores) -> Redactions:
    return Redactions(stores.database, lambda _: False)


def _now() -> datetime:
    return to_milliseconds(datetime.now(UTC))


async def end(stores: Stores, outcome: Outcome = NO, **fields: Any) -> Job:
    """A job that ended two days ago on the terms of `RULES`."""
    job = await stores.submit(**{**SECRETS, **fields})
    begun = transitions.start(signed(job, "t"), worker="w", key="k", now=_now())
    if "vendor_ref" in fields:
        begun = begun.model_copy(update={"waiting_until": job.deadline})
    after = transitions.settle(begun, outcome, RULES, _now() - 2 * A_DAY)
    assert await stores.store.compare_and_set([(job, after)]) == [True]
    return after


async def hear(stores: Stores, state: EventState = EventState.APPLIED, **fields: Any) -> UUID:
    """A webhook in the inbox, in the state that it came to."""
    now = _now()
    event = WebhookEvent(
        id=new_request_id(),
        vendor="sync",
        webhook_id=str(new_request_id()),
        body_hash="h",
        body=b"secret",
        state=state,
        received_at=now,
        updated_at=now,
        expire_at=now + KEPT,
        **fields,
    )
    await stores.database.webhook_events.insert_one(event.model_dump(by_alias=True, exclude_none=True))
    return event.id


async def body_of(stores: Stores, event: UUID) -> bytes:
    return (await stores.events.load([event]))[event].body


async def test_the_sweep_removes_what_strangers_wrote_and_leaves_the_history(stores: Stores) -> None:
    done, failed = await end(stores, Done('"secret"')), await end(stores)
    fresh = await stores.submit(**SECRETS)
    sweep = Sweep(stores.station(ScriptedVendor(), redactions=redactions_of(stores)))
    assert (await sweep.once())["redacted"] == 2
    for before in (done, failed):
        stored = await stores.database.jobs.find_one({"_id": before.id})
        assert stored is not None
        assert "secret" not in str(stored)
        assert "redact_at" not in stored
        left = await stores.look(before)
        assert (left.status, left.metadata, left.expire_at) == (before.status, before.metadata, before.expire_at)
        assert left.updated_at == before.updated_at
        assert left.redacted_at is not None
    assert (await stores.look(fresh)).payload == fresh.payload
    assert (await sweep.once())["redacted"] == 0


async def test_it_is_done_in_batches_and_by_an_index(stores: Stores) -> None:
    for _ in range(3):
        await end(stores)
    redactions = redactions_of(stores)
    assert [await redactions.redact_due(_now(), 2) for _ in range(3)] == [2, 1, 0]
    query = stores.database.jobs.find({"redact_at": {"$lte": _now()}, "status": "failed"}).sort("redact_at", 1)
    assert "'indexName': 'to_redact'" in str((await query.explain())["queryPlanner"]["winningPlan"])


async def test_what_may_yet_be_run_again_keeps_its_payload_and_keeps_nobody_else_waiting(stores: Stores) -> None:
    needed, other = await end(stores), await end(stores)
    redactions = Redactions(stores.database, lambda job: job.id == needed.id)
    assert [await redactions.redact_due(_now(), 1) for _ in range(3)] == [0, 1, 0]
    assert (await stores.look(needed)).payload == '"secret"'
    assert (await stores.look(other)).redacted_at is not None
    assert await redactions_of(stores).redact_due(_now() + 2 * LONG_GONE, 2) == 1


async def test_a_retry_that_was_first_keeps_its_payload(stores: Stores) -> None:
    """The retry comes between the sweep's look and its write; the epoch alone tells them apart."""
    job = await end(stores)
    redactions = redactions_of(stores)
    due = await redactions.load_due(_now(), 10)
    assert await stores.store.compare_and_set([(job, retry(job, _now()))]) == [True]
    assert await redactions.remove_words(due, _now()) == []
    assert (await stores.look(job)).payload == '"secret"'
    assert await redactions.redact_due(_now() + 9 * A_DAY, 10) == 0  # its new terms begin with its next end


async def test_a_retry_that_comes_second_changes_nothing(stores: Stores) -> None:
    job = await end(stores)
    assert await redactions_of(stores).redact_due(_now(), 10) == 1
    assert await stores.store.compare_and_set([(job, retry(job, _now()))]) == [False]


async def test_a_crash_in_the_middle_goes_on(stores: Stores) -> None:
    """The job is written, its webhooks are not yet."""
    job = await end(stores)
    heard = await hear(stores, request_id=job.id)
    redactions = redactions_of(stores)
    await redactions.remove_words(await redactions.load_due(_now(), 10), _now())
    before = await stores.look(job)
    assert await redactions.redact_due(_now(), 10) == 1
    after = await stores.look(job)
    assert (await body_of(stores, heard), after.epoch, after.redact_at) == (b"", before.epoch, None)


async def test_its_webhooks_lose_their_bodies_and_nobody_elses(stores: Stores) -> None:
    job = await end(stores, Done('"secret"'), vendor_ref="now", former_refs=["then"])
    now, then = await hear(stores, reference="now"), await hear(stores, EventState.IGNORED, reference="then")
    ours, others = await hear(stores, request_id=job.id), await hear(stores, reference="other")
    parked = await hear(stores, EventState.PARKED, request_id=job.id)  # somebody is still to look at it
    assert await redactions_of(stores).redact_due(_now(), 10) == 1
    assert [await body_of(stores, event) for event in (now, then, ours)] == [b""] * 3
    assert [await body_of(stores, event) for event in (others, parked)] == [b"secret"] * 2


async def test_a_webhook_that_nobody_has_looked_at_is_let_speak_first(stores: Stores) -> None:
    job = await end(stores, Done('"secret"'), vendor_ref="ref")
    heard = await hear(stores, EventState.RECEIVED, reference="ref")
    redactions = redactions_of(stores)
    assert await redactions.redact_due(_now(), 10) == 0
    assert await body_of(stores, heard) == b"secret"
    event = (await stores.events.load([heard]))[heard]
    await stores.events.move([Moved(event, EventState.IGNORED, _now(), "late", job.id)])
    assert await redactions.redact_due(_now() + A_DAY, 10) == 1
    assert await body_of(stores, heard) == b""


async def test_a_vendor_that_is_still_to_be_told_of_the_cancel_gets_its_payload_for_that(stores: Stores) -> None:
    job = await stores.submit(**SECRETS)
    begun = transitions.start(signed(job, "t"), worker="w", key="k", now=_now())
    waits = transitions.settle(begun, Waiting("ref", job.deadline), RULES, _now())
    cancelled = interventions.cancel(waits, RULES, _now() - 2 * A_DAY)
    assert await stores.store.compare_and_set([(job, cancelled)]) == [True]
    redactions = redactions_of(stores)
    assert await redactions.redact_due(_now(), 10) == 0
    told = interventions.followed_up(cancelled, interventions.TELL_VENDOR, _now())
    assert await stores.store.compare_and_set([(cancelled, told)]) == [True]
    assert await redactions.redact_due(_now(), 10) == 1
