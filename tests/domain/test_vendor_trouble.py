"""What a call says of its vendor: trouble is the vendor's own, never a no, never 429, never ours."""

from datetime import timedelta

import pytest

from domain.breakers import CallOutcome
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.unknowns import Unknown, cut_by_stop, held_back, never_sent, unanswered, unreported, worker_died
from domain.vendor_trouble import said_by, spared
from tests.strategies import NOON

WAIT = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Done("1", 200), CallOutcome.OK),
        (Waiting("r", NOON, 202), CallOutcome.OK),
        (Failed("vendor_rejected", "400", 400), CallOutcome.OK),
        (Failed("card_declined", "no", 402), CallOutcome.OK),
        (Failed("email_refused", "SMTP's no", 550), CallOutcome.OK),
        (Failed("reply_too_large", "too much for us", 200), CallOutcome.OK),
        (Failed("reply_without_result", "JSON, but another", 200), CallOutcome.OK),
        (Failed("payload_unfit", "nothing was sent"), CallOutcome.IGNORED),
        (Failed("vendor_error", "501", 501), CallOutcome.FAILED),
        (Failed("reply_not_json", "it lies", 200), CallOutcome.FAILED),
        (Failed("reply_without_reference", "it lies", 202), CallOutcome.FAILED),
        (Retry("vendor_throttled", "429", WAIT, closes_vendor=True, vendor_status=429), CallOutcome.IGNORED),
        (Retry("vendor_throttled", "503", WAIT, closes_vendor=True, vendor_status=503), CallOutcome.IGNORED),
        (Retry("vendor_unavailable", "500", vendor_status=500), CallOutcome.FAILED),
        (Retry("vendor_unavailable", "425", vendor_status=425), CallOutcome.OK),
        (Retry("vendor_busy", "409", vendor_status=409), CallOutcome.OK),
        (Retry("vendor_unreachable", "refused"), CallOutcome.FAILED),
        (Retry("email_unreachable", "refused"), CallOutcome.FAILED),
        (Retry("email_deferred", "SMTP's not now", vendor_status=451), CallOutcome.OK),
        (Retry("outcome_unknown", "a poll without an answer"), CallOutcome.FAILED),
        (Retry("store_away", "our MongoDB"), CallOutcome.IGNORED),
        (Retry("not_asked", "our table"), CallOutcome.IGNORED),
        (unanswered("no answer in time"), CallOutcome.FAILED),
        (unreported("a bug of ours"), CallOutcome.IGNORED),
        (cut_by_stop(), CallOutcome.IGNORED),
        (never_sent(), CallOutcome.IGNORED),
        (held_back("its limit", NOON), CallOutcome.IGNORED),
        (worker_died(), CallOutcome.IGNORED),
    ],
    ids=lambda value: value.value if isinstance(value, CallOutcome) else None,
)
def test_what_each_end_of_a_call_says(outcome: Outcome | Unknown, said: CallOutcome) -> None:
    assert said_by(outcome) is said


def test_a_probes_trouble_uses_up_no_try_and_is_asked_again_after_the_opening() -> None:
    retry = spared(Retry("vendor_unavailable", "500", vendor_status=500), NOON + WAIT, NOON)
    assert retry == Retry("vendor_unavailable", "500", WAIT, vendor_status=500, counted=False)
    later = spared(Retry("vendor_unavailable", "503", 2 * WAIT), NOON + WAIT, NOON)
    assert isinstance(later, Retry)
    assert later.after == 2 * WAIT
    unknown = spared(unanswered("?"), NOON + WAIT, NOON)
    assert isinstance(unknown, Unknown)
    assert (unknown.counted, unknown.sent, unknown.until) == (False, True, NOON + WAIT)


def test_a_probes_answer_stays_what_it_is() -> None:
    for answer in (Done("1"), Waiting("r", NOON), Failed("reply_not_json", "it lies", 200)):
        assert spared(answer, NOON + WAIT, NOON) == answer
