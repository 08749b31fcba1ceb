"""After a restore: who may have been called since, and what becomes of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain import interventions, transitions
from domain.callbacks import VENDOR as CALLBACKS
from domain.jobs import AttemptOutcome, Job, Status
from domain.outcomes import Done, Retry, Waiting
from domain.restores import doubt, may_have_been_called
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from tests.strategies import NOON, a_job

AN_HOUR = timedelta(hours=1)
TAKEN_AT = NOON + AN_HOUR
NOW = TAKEN_AT + 3 * AN_HOUR
ONCE = VendorPolicy(repeatable=False)
REPEATABLE = VendorPolicy(repeatable=True, key_lifetime=4 * AN_HOUR)
RULES = Rules(ONCE)


def called(at: datetime = NOON) -> Job:
    return transitions.start(a_job(), worker="w", key="k", now=at)


def in_doubt(job: Job, policy: VendorPolicy | None = ONCE) -> bool:
    return may_have_been_called(job, policy, TAKEN_AT, NOW)


def test_a_vendor_that_knows_no_keys_or_is_not_known_itself_may_have_been_called() -> None:
    assert in_doubt(a_job())
    assert in_doubt(a_job(), None)
    assert in_doubt(called())


def test_a_vendor_that_remembers_the_key_may_be_called_again() -> None:
    assert not in_doubt(a_job(), REPEATABLE)
    assert in_doubt(a_job(), VendorPolicy(repeatable=True, key_lifetime=3 * AN_HOUR))


def test_a_key_that_was_used_before_the_backup_is_forgotten_earlier() -> None:
    tried = transitions.settle(called(), Retry("vendor_unavailable", "busy", None, False), Rules(REPEATABLE), NOON)
    assert in_doubt(tried, REPEATABLE)
    assert in_doubt(tried.model_copy(update={"attempts": [], "attempts_folded": 60}), REPEATABLE)


@pytest.mark.parametrize(
    "fields",
    [
        {"run_at": NOW + AN_HOUR},
        {"created_at": TAKEN_AT + AN_HOUR},
        {"vendor": CALLBACKS},
        {"status": Status.COMPLETE},
        {"vendor_ref": "taken"},
    ],
    ids=["not-due", "submitted-since", "a-callback", "ended", "with-its-vendor"],
)
def test_some_cannot_have_been_called_or_are_not_called_again(fields: dict[str, Any]) -> None:
    assert not in_doubt(a_job(**fields))


def test_what_is_in_doubt_fails_as_any_unknown_does_and_a_retry_keeps_its_key() -> None:
    failed = doubt(called(), TAKEN_AT, RULES, NOW)
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.error.retryable) == (Status.FAILED, "outcome_unknown", False)
    assert (failed.attempts[-1].outcome, failed.tries) == (AttemptOutcome.CRASHED, 0)
    assert TAKEN_AT.isoformat() in failed.error.message
    assert interventions.retry(failed, NOW).generation == 1
    assert not in_doubt(failed)
    assert not in_doubt(transitions.settle(called(), Done("1"), RULES, NOON))
    assert not in_doubt(transitions.settle(called(), Waiting("ref", NOW), RULES, NOON))
