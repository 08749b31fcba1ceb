"""
What a run leaves behind, sorted by job: the journals of all processes, and the documents that MongoDB holds at its end.

A document is as it is stored, a mapping; so nothing of the gateway's own is trusted to read it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loadtest.chaos.records import (
    Accepted,
    AnyRecord,
    Asked,
    Call,
    CallEnded,
    Delivered,
    KeyBroken,
    LoadOver,
    Mode,
    Seen,
    Sent,
)

Document = Mapping[str, Any]

ENDED = frozenset({"complete", "failed", "cancelled"})
CALLBACK = "callback"  # the vendor of those jobs that tell a client of another's end


@dataclass(frozen=True, slots=True)
class Machine:
    cores: int
    kernel: str
    python: str
    redis: str
    mongodb: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """`records` are those of all journals; `recoveries` the seconds by kind of fault, None where none was seen."""

    seed: int
    seconds: float
    machine: Machine
    records: Iterable[AnyRecord]
    documents: Iterable[Document]
    faults: Mapping[str, int] = field(default_factory=dict)  # how many of each kind struck
    recoveries: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    kills: int = 0  # processes that were ended by signal 9
    ended_themselves: Mapping[str, int] = field(default_factory=dict)  # processes that no fault had ended, and how


@dataclass(slots=True)
class Life:
    """All that is known of one job."""

    accepted: Accepted | None = None
    document: Document | None = None
    calls: list[Call] = field(default_factory=list)
    words: list[Sent] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    callbacks: list[Delivered] = field(default_factory=list)
    callback_jobs: list[Document] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "" if self.document is None else str(self.document["status"])

    @property
    def generation(self) -> int:
        return 1 if self.document is None else int(self.document.get("generation", 1))

    @property
    def code(self) -> str:
        """Why it failed."""
        error = None if self.document is None else self.document.get("error")
        return "" if error is None else str(error["code"])

    @property
    def ended_at(self) -> float:
        """Unix time of the last write. Only for one that has a document."""
        assert self.document is not None  # noqa: S101 - see above
        updated: datetime = self.document["updated_at"]
        return updated.timestamp()

    def calls_of(self, generation: int) -> list[Call]:
        return [call for call in self.calls if call.generation == generation]

    def effects_of(self, generation: int) -> list[Call]:
        return [call for call in self.calls if call.made and call.generation == generation]

    def said_of(self, reference: str | None) -> set[str]:
        """What the vendor has really said of this reference, by webhook or when it was asked."""
        told = {word.say for word in self.words if word.reference == reference and not word.forged}
        asked = {call.said for call in self.calls if call.said is not None and call.reference == reference}
        return told | asked

    def retries(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.what == "retry" and asked.may_have_worked]

    def cancels(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.what == "cancel" and asked.may_have_worked]


@dataclass(slots=True)
class Sorted:
    """The evidence by job and by vendor."""

    lives: defaultdict[str, Life] = field(default_factory=lambda: defaultdict(Life))
    calls: defaultdict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, float] = field(default_factory=dict)  # of calls, where these are bounded
    keys_broken: list[KeyBroken] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    given_up: int = 0


def sort_out(evidence: Evidence) -> Sorted:
    found = Sorted()
    for record in evidence.records:
        _take(record, found)
    for document in evidence.documents:
        if document["vendor"] == CALLBACK:
            found.lives[str(document.get("parent"))].callback_jobs.append(document)
        else:
            found.lives[str(document["_id"])].document = document
    return found


def _take(record: AnyRecord, found: Sorted) -> None:
    match record:
        case CallEnded():
            found.ends[record.id] = record.at
        case KeyBroken():
            found.keys_broken.append(record)
        case LoadOver():
            found.answers.update(record.answers)
            found.given_up += record.given_up
        case Mode():
            pass
        case _:
            _take_of_job(record, found.lives[record.job])
            if isinstance(record, Call):
                found.calls[record.vendor].append(record)


def _take_of_job(record: Call | Sent | Accepted | Asked | Seen | Delivered, life: Life) -> None:
    match record:
        case Call():
            life.calls.append(record)
        case Sent():
            life.words.append(record)
        case Accepted():
            life.accepted = record
        case Asked():
            life.asked.append(record)
        case Seen():
            life.seen.append(record)
        case Delivered():
            life.callbacks.append(record)
