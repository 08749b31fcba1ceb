"""One good job of a chaos run, which a test spoils in one way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from loadtest.chaos.evidence import Evidence, Machine
from loadtest.chaos.ledger import Ledger, balance
from loadtest.chaos.records import Accepted, AnyRecord, Asked, Call, Delivered, Seen, Sent, short_hash

JOB = "0190aaaa-0000-7000-8000-000000000001"
RESULT = '{"effect":"keyed-1"}'
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ENDED = BEGAN + timedelta(seconds=10)
MACHINE = Machine(cores=2, kernel="Linux", python="3.11", redis="7", mongodb="6")


def accepted(**changes: Any) -> Accepted:
    told: dict[str, Any] = {"at": 1.0, "key": "k", "job": JOB, "client": "anonymous", "vendor": "keyed", "payload": "p"}
    return Accepted(**{**told, **changes})


def call(vendor: str = "keyed", *, number: int = 1, generation: int = 1, **changes: Any) -> Call:
    """One that acted and was answered well."""
    told: dict[str, Any] = {
        "at": float(number),
        "id": f"c-{number}",
        "vendor": vendor,
        "job": JOB,
        "key": f"{JOB}:call:{generation}",
        "operation": "call",
        "generation": generation,
        "answer": 200,
        "effect": number,
        "made": True,
        "payload": "p",
        "result": short_hash(RESULT.encode()),
    }
    return Call(**{**told, **changes})


def refused(vendor: str = "keyed", *, number: int = 1, answer: int | str = 500, generation: int = 1) -> Call:
    return call(vendor, number=number, generation=generation, answer=answer, effect=None, made=False, result=None)


def asked(what: str, *, at: float = 5.0, answered: int | str = 202) -> Asked:
    return Asked(began=at, at=at + 0.1, what=what, job=JOB, answered=answered)


def seen(status: str, *, at: float) -> Seen:
    return Seen(began=at, at=at + 0.1, job=JOB, status=status)


def word(say: str = "complete", *, wall: float = 0.0, **changes: Any) -> Sent:
    told: dict[str, Any] = {
        "at": 3.0,
        "wall": wall,
        "vendor": "hooked",
        "job": JOB,
        "reference": "hooked-1",
        "event": f"msg_{say}",
        "say": say,
        "answered": 202,
    }
    return Sent(**{**told, **changes})


def delivered(status: str = "complete", *, event: str = "msg_1", signed: bool = True, answered: int = 204) -> Delivered:
    return Delivered(at=9.0, event=event, job=JOB, status=status, signed=signed, answered=answered)


def attempt(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"number": number, "started_at": BEGAN, "ended_at": ENDED, "outcome": "done", **changes}


def document(vendor: str = "keyed", status: str = "complete", **changes: Any) -> dict[str, Any]:
    """As MongoDB holds it at the end. A change to None takes the field away."""
    told: dict[str, Any] = {
        "_id": JOB,
        "vendor": vendor,
        "status": status,
        "epoch": 2,
        "generation": 1,
        "attempts": [attempt()],
        "updated_at": ENDED,
        "result": RESULT if status == "complete" else None,
        "error": {"code": "vendor_rejected", "vendor_status": 422} if status == "failed" else None,
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def failed(code: str, vendor: str = "keyed", *, vendor_status: int | None = None, **changes: Any) -> dict[str, Any]:
    return document(vendor, "failed", error={"code": code, "vendor_status": vendor_status}, **changes)


def balanced(*records: AnyRecord, documents: Sequence[Mapping[str, Any]] | None = None) -> Ledger:
    """The ledger of these; by default over the one good document."""
    held = [document()] if documents is None else documents
    return balance(Evidence(seed=1, seconds=10.0, machine=MACHINE, records=records, documents=held))


@dataclass(frozen=True)
class Spoilt:
    """A run in which one thing is wrong."""

    what: str
    records: tuple[AnyRecord, ...]
    documents: tuple[dict[str, Any], ...] = field(default_factory=lambda: (document(),))

    @property
    def ledger(self) -> Ledger:
        return balanced(*self.records, documents=self.documents)
