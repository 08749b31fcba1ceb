"""
What a call to a vendor says of the vendor: whether it is well, is in trouble, or nothing.

| what the call came to                                   | of the vendor                              |
|---------------------------------------------------------|--------------------------------------------|
| done, waiting, and every explicit no                    | it is well: it answers                     |
| no connection, no whole answer in time, 5xx             | it is in trouble                           |
| a success in words that cannot be read                  | it is in trouble                           |
| 429, 503 with `Retry-After`                             | nothing: its limit is closed for that      |
| not sent, held back, cut by a stop; a bug of an adapter | nothing                                    |
| no answer in the time that its job's deadline left      | nothing, where the vendor has more         |
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from domain.breakers import CallOutcome
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.unknowns import Unknown

UNREACHED = frozenset(  # codes of a call that no answer came to
    {"vendor_unreachable", "email_unreachable", "email_sign_in_unavailable", "outcome_unknown"}
)
# Codes of an answer that is none. What its status says counts less: by SMTP a 5xx is an explicit no.
RUBBISH = frozenset({"vendor_error", "reply_not_json", "reply_unreadable", "reply_without_reference"})


def said_by(outcome: Outcome | Unknown) -> CallOutcome:
    """What the vendor's breaker is told of a call."""
    match outcome:
        case Done() | Waiting():
            return CallOutcome.OK
        case Unknown(trouble=trouble):
            return CallOutcome.FAILED if trouble else CallOutcome.IGNORED
        case Retry(closes_vendor=True):
            return CallOutcome.IGNORED
        case Retry(code=code, vendor_status=status):
            return _weighed(status, in_trouble=code in UNREACHED | RUBBISH or (status or 0) >= 500)
        case Failed(code=code, vendor_status=status):
            return _weighed(status, in_trouble=code in RUBBISH)
        case _:
            assert_never(outcome)


def _weighed(status: int | None, *, in_trouble: bool) -> CallOutcome:
    if in_trouble:
        return CallOutcome.FAILED
    return CallOutcome.IGNORED if status is None else CallOutcome.OK


def spared(outcome: Outcome | Unknown, until: datetime, now: datetime) -> Outcome | Unknown:
    """
    What a probe's trouble comes to: no try is used up, and its job is asked again after the new opening.

    So a long outage fails no job that happened to be the probe again and again. A vendor that may have acted and is
    not repeatable is not asked again for all that.
    """
    left = max(until - now, timedelta(0))
    match outcome:
        case Retry(after=after):
            return replace(outcome, counted=False, after=max(after or left, left))
        case Unknown():
            return replace(outcome, counted=False, until=max(outcome.until or until, until))
        case Done() | Waiting() | Failed():
            return outcome
        case _:
            assert_never(outcome)
