"""The job that tells of another's end: one for each end, whoever makes it and however often."""

import json
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.callbacks import LIFETIME, SCHEDULE, TRIES, VENDOR, Delivery, callback_id, callback_of
from domain.interventions import cancel, retry
from domain.jobs import Job, Priority, Status
from domain.outcomes import Done, Failed
from domain.transitions import Rules, fail, settle, signed, start
from domain.unknowns import unanswered
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job

RULES = Rules(VendorPolicy())
URL = "https://client.example/told?x=1"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def an_ended_job(**fields: object) -> Job:
    return settle(called(a_job(callback_url=URL, **fields)), Done("1", 200), RULES, NOON)


def called(job: Job) -> Job:
    return start(signed(job, "t"), worker="w", key="k", now=NOON)


def told_of(parent: Job) -> Job:
    return callback_of(parent, public_base="https://gateway.example", now=NOON + timedelta(seconds=1))


def test_it_belongs_to_the_parents_client_and_is_no_parent_of_further_callbacks() -> None:
    parent = an_ended_job(traceparent=TRACE, priority=Priority.LOW)
    child = told_of(parent)
    assert (child.client, child.vendor, child.parent) == ("acme", VENDOR, parent.id)
    assert (child.traceparent, child.priority, child.status) == (TRACE, Priority.LOW, Status.PENDING)
    assert child.callback_url is None
    assert child.sweep_at is not None


def test_its_body_is_thin_and_says_where_to_look() -> None:
    parent = an_ended_job(payload='{"card": "4242"}', metadata={"order": "7"})
    child = told_of(parent)
    payload = json.loads(child.payload)
    assert payload["url"] == URL
    assert payload["body"] == {
        "type": "job.complete",
        "timestamp": "2026-01-01T12:00:00Z",
        "data": {
            "request_id": str(parent.id),
            "status": "complete",
            "href": f"https://gateway.example/jobs/{parent.id}",
        },
    }
    assert set(payload) == set(Delivery.__struct_fields__)


def test_it_names_each_way_to_end() -> None:
    pending = a_job(callback_url=URL)
    ends = [
        an_ended_job(),
        fail(called(pending), Failed("no", "it said no"), RULES, NOON),
        cancel(pending, RULES, NOON),
    ]
    types = [json.loads(told_of(job).payload)["body"]["type"] for job in ends]
    assert types == ["job.complete", "job.failed", "job.cancelled"]


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**62 - 1))
def test_its_id_is_a_uuid7_of_the_parents_millisecond(millis: int, tail: int) -> None:
    parent_id = UUID(int=(millis << 80) | (0x7 << 76) | (0b10 << 62) | tail)
    made = callback_id(a_job(id=parent_id))
    assert (made.version, made.variant, made.int >> 80) == (7, "specified in RFC 4122", millis)
    assert made != parent_id


def test_the_same_end_has_the_same_id_and_what_is_noted_later_changes_nothing() -> None:
    ended = an_ended_job()
    later = ended.model_copy(update={"epoch": ended.epoch + 3, "updated_at": NOON + timedelta(hours=1)})
    assert callback_id(ended) == callback_id(later)


def test_the_end_of_a_retry_has_a_callback_of_its_own_with_a_new_key_or_the_old_one() -> None:
    known = fail(called(a_job(callback_url=URL)), Failed("no", "it said no"), RULES, NOON)
    doubtful = settle(called(a_job(callback_url=URL)), unanswered("no answer"), RULES, NOON)
    never_called = cancel(a_job(callback_url=URL), RULES, NOON)
    for ended in (known, doubtful, never_called):
        again = retry(ended, NOON)
        assert callback_id(settle(called(again), Done("1"), RULES, NOON)) != callback_id(ended)
    assert retry(doubtful, NOON).generation == doubtful.generation


def test_its_lifetime_is_longer_than_all_waits_a_receiver_can_ask_for() -> None:
    longest = sum((SCHEDULE.wait(tries, timedelta(days=365)) for tries in range(1, TRIES)), timedelta())
    assert longest < LIFETIME
    assert TRIES == 10
