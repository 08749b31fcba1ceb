"""How long an ended job is kept, and that nothing that is still owed or asked for goes with it."""

from datetime import timedelta

import pytest

from domain import interventions, transitions
from domain.jobs import Job, Status
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.redaction import may_be_redacted, redact
from domain.retention import Retention
from domain.timeline import SWEEP_AFTER
from domain.tombstones import KEY_LIFETIME, bury
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job

AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
BY_STATUS = Rules(VendorPolicy(), Retention(complete=AN_HOUR, failed=2 * A_DAY, cancelled=3 * A_DAY))
REDACTED = Rules(VendorPolicy(), Retention(redact_after=A_DAY))
NO = Failed("vendor_rejected", "what the vendor said", 400)


def called(**fields: object) -> Job:
    return transitions.start(a_job(**fields), worker="w", key="k", now=NOON)


def ended(rules: Rules, outcome: Outcome, **fields: object) -> Job:
    return transitions.settle(called(**fields), outcome, rules, NOON)


def test_each_status_has_a_time_of_its_own() -> None:
    assert ended(BY_STATUS, Done("1")).expire_at == NOON + AN_HOUR
    assert ended(BY_STATUS, NO).expire_at == NOON + 2 * A_DAY
    assert interventions.cancel(a_job(), BY_STATUS, NOON).expire_at == NOON + 3 * A_DAY


def test_a_key_keeps_its_job_for_as_long_as_it_lives_itself() -> None:
    assert ended(BY_STATUS, Done("1"), idempotency_key="k").expire_at == NOON + KEY_LIFETIME
    assert ended(BY_STATUS, NO, idempotency_key="k").expire_at == NOON + 2 * A_DAY


def test_a_job_that_owes_a_callback_is_not_deleted_before_it_is_done() -> None:
    owing = ended(BY_STATUS, Done("1"), callback_url="https://acme.example/hook")
    assert (owing.expire_at, owing.kept_until) == (None, NOON + AN_HOUR)
    done = interventions.followed_up(owing, interventions.CALLBACK, NOON + A_DAY)
    assert (done.expire_at, done.kept_until) == (NOON + AN_HOUR, None)


def test_a_job_whose_vendor_turns_out_to_have_taken_it_is_kept_until_that_is_told_of_the_cancel() -> None:
    cancelled = interventions.cancel(called(), BY_STATUS, NOON)
    assert cancelled.expire_at == NOON + 3 * A_DAY
    owing = interventions.note_late(cancelled, Waiting("ref", NOON + AN_HOUR), NOON)
    assert (owing.expire_at, owing.kept_until) == (None, NOON + 3 * A_DAY)


def test_a_tombstone_of_a_job_that_was_kept_for_its_callback_lives_as_long() -> None:
    owing = ended(BY_STATUS, NO, callback_url="https://acme.example/hook", idempotency_key="k")
    assert bury(owing, NOON).expire_at == NOON + 2 * A_DAY


def test_a_retry_lifts_all_terms() -> None:
    job = interventions.retry(ended(REDACTED, NO, callback_url="https://acme.example/hook"), NOON)
    assert (job.expire_at, job.kept_until, job.redact_at) == (None, None, None)


def test_what_is_deleted_first_need_not_be_redacted() -> None:
    assert ended(REDACTED, NO).redact_at == NOON + A_DAY
    assert ended(Rules(VendorPolicy(), Retention(failed=A_DAY, redact_after=A_DAY)), NO).redact_at is None
    assert ended(BY_STATUS, NO).redact_at is None


def test_of_a_mail_that_was_sent_nothing_is_kept_that_is_somebodys() -> None:
    assert ended(BY_STATUS, Done("1"), vendor="email").redact_at == NOON
    assert ended(BY_STATUS, NO, vendor="email").redact_at is None  # it may be sent again
    assert ended(BY_STATUS, Done("1")).redact_at is None


@pytest.mark.parametrize(
    "outcome", [Done('"secret"'), Failed("vendor_rejected", "secret", 400)], ids=["done", "failed"]
)
def test_nothing_that_a_stranger_wrote_survives_redaction_and_all_of_the_history_does(outcome: Outcome) -> None:
    told = interventions.note_progress(called(payload='"secret"', idempotency_key="k"), "secret", NOON)
    job = transitions.settle(told, outcome, REDACTED, NOON)
    left = redact(job, NOON + A_DAY)
    assert "secret" in job.model_dump_json()
    assert "secret" not in left.model_dump_json()
    changed = {"epoch", "payload", "result", "error", "attempts", "progress", "redacted_at"}
    assert left.model_dump(exclude=changed) == job.model_dump(exclude=changed)
    assert (left.epoch, left.redacted_at) == (job.epoch + 1, NOON + A_DAY)
    assert [attempt.outcome for attempt in left.attempts] == [attempt.outcome for attempt in job.attempts]
    assert (left.error and left.error.code) == (job.error and job.error.code)


def test_a_call_under_way_keeps_what_its_end_may_need_but_not_for_ever() -> None:
    cancelled = interventions.cancel(called(), REDACTED, NOON)
    assert not may_be_redacted(cancelled, NOON + SWEEP_AFTER)
    assert may_be_redacted(cancelled, NOON + A_DAY)


def test_a_job_that_has_not_ended_has_no_terms() -> None:
    with pytest.raises(ValueError, match="not ended"):
        Retention().of(Status.PENDING, keyed=False)


def test_a_job_that_was_forgotten_while_it_ran_is_redacted_at_its_end_whatever_the_terms() -> None:
    for rules in (REDACTED, BY_STATUS):
        assert ended(rules, Done("1"), redact_at=NOON - AN_HOUR).redact_at == NOON - AN_HOUR
