"""Calls of which nobody can say what they came to: cut off, never answered, or never sent after all."""

from dataclasses import dataclass
from datetime import datetime

from domain.jobs import AttemptOutcome

# Codes of a failure of which nobody knows whether the vendor has acted: it never said, or it said yes in words that
# could not be read or kept.
CODES_OF_DOUBT = frozenset(
    {
        *("outcome_unknown", "webhook_deadline"),
        *("reply_not_json", "reply_not_text", "reply_too_large", "reply_unreadable"),
        *("reply_without_result", "reply_without_reference", "vendor_reference_reused", "not_storable"),
        "idempotency_error",  # the vendor was asked for something else under our key before
    }
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A call of which nobody can say what it came to. Made by the six functions below."""

    reason: str
    cause: AttemptOutcome
    counted: bool
    sent: bool = True  # False: it is certain that nothing was sent, so asking again is always safe
    until: datetime | None = None  # not to be asked again before
    trouble: bool = False  # the vendor's own: it gave no whole answer


def unanswered(reason: str) -> Unknown:
    return Unknown(reason, AttemptOutcome.OUTCOME_UNKNOWN, counted=True, trouble=True)


def unreported(reason: str) -> Unknown:
    """Likewise, but it says nothing of how the vendor is now: a bug of ours, or what it had stored before."""
    return Unknown(reason, AttemptOutcome.OUTCOME_UNKNOWN, counted=True)


def cut_by_stop() -> Unknown:
    return Unknown("cut off when its worker was stopped", AttemptOutcome.DRAINED, counted=False)


def never_sent() -> Unknown:
    return Unknown("its worker was stopped before the call", AttemptOutcome.RELEASED, counted=False, sent=False)


def held_back(reason: str, until: datetime) -> Unknown:
    return Unknown(reason, AttemptOutcome.RELEASED, counted=False, sent=False, until=until)


def worker_died() -> Unknown:
    return Unknown("the worker that ran it is gone", AttemptOutcome.CRASHED, counted=False)
