"""Calls of which nobody can say what they came to: cut off, never answered, or never sent after all."""

from dataclasses import dataclass
from datetime import datetime

from domain.jobs import AttemptOutcome


@dataclass(frozen=True, slots=True)
class Unknown:
    """A call of which nobody can say what it came to. Made by the five functions below."""

    reason: str
    cause: AttemptOutcome
    counted: bool
    sent: bool = True  # False: it is certain that nothing was sent, so asking again is always safe
    until: datetime | None = None  # not to be asked again before


def unanswered(reason: str) -> Unknown:
    return Unknown(reason, AttemptOutcome.OUTCOME_UNKNOWN, counted=True)


def cut_by_stop() -> Unknown:
    return Unknown("cut off when its worker was stopped", AttemptOutcome.DRAINED, counted=False)


def never_sent() -> Unknown:
    return Unknown("its worker was stopped before the call", AttemptOutcome.RELEASED, counted=False, sent=False)


def held_back(reason: str, until: datetime) -> Unknown:
    return Unknown(reason, AttemptOutcome.RELEASED, counted=False, sent=False, until=until)


def worker_died() -> Unknown:
    return Unknown("the worker that ran it is gone", AttemptOutcome.CRASHED, counted=False)
