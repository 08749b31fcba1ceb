"""
The balance of a run: what was accepted against what MongoDB holds, the vendors saw and the callbacks told.

Pure functions of the evidence; `broken` names what must be 0 and is not.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtest.chaos.anomalies import CHECKS
from loadtest.chaos.callbacks_kept import Callbacks, count_callbacks
from loadtest.chaos.documents import faults_of
from loadtest.chaos.evidence import Evidence, Life, Machine, Sorted, sort_out
from loadtest.chaos.limits_kept import Measured, measure
from loadtest.chaos.records import CALL
from loadtest.chaos.report import page


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the jobs; none of it is wrong in itself."""

    accepted: int
    unheard: int  # stored, though no client ever heard of it
    statuses: Mapping[str, int]
    failures: Mapping[str, int]  # by code
    unknown: Mapping[str, int]  # outcome_unknown, by vendor
    calls: int
    repeated: int  # calls that were not the first of their job and generation
    cancels: int
    retries: int
    given_up: int
    answers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ledger:
    seed: int
    seconds: float
    machine: Machine
    counts: Counts
    wrong: Mapping[str, tuple[str, ...]]  # the jobs under each kind of what must not be
    limits: tuple[Measured, ...]
    callbacks: Callbacks
    odds: tuple[str, ...] = ()  # what is at odds in documents, each said once
    faults: Mapping[str, int] = field(default_factory=dict)
    recoveries: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    unrecovered: int = 0
    kills: int = 0
    ended_themselves: Mapping[str, int] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """What must be 0 and is not, each with a few of the jobs; a 500 is a bug whatever came of it."""
        jobs = [f"{what}: {len(ids)}, {', '.join(ids[:3])}" for what, ids in self.wrong.items() if ids]
        limits = [
            f"{each.vendor}: {each.worst} {each.what}, {each.bound} allowed" for each in self.limits if not each.kept
        ]
        bugs = [f"{what}: {times}" for what, times in self.counts.answers.items() if what.endswith(" 500")]
        odds = [f"document at odds with itself: {fault}" for fault in self.odds]
        return [*jobs, *limits, *bugs, *odds]

    @property
    def sound(self) -> bool:
        """Whether all holds, of a run in which something was done."""
        return self.counts.accepted > 0 and not self.broken

    def markdown(self) -> str:
        return page(self)


def balance(evidence: Evidence) -> Ledger:
    found = sort_out(evidence)
    callbacks = count_callbacks(found.lives.items())
    wrong = {what: tuple(job for job, life in found.lives.items() if is_so(life)) for what, is_so in CHECKS.items()}
    wrong["one key, two jobs"] = tuple(sorted({each.second for each in found.keys_broken}))
    wrong["callback missing"] = callbacks.missing
    wrong["more callbacks than ends"] = callbacks.too_many
    wrong["callback of another end"] = callbacks.untrue
    wrong["callback not signed"] = callbacks.unsigned
    seen = {kind: tuple(each for each in all_of if each is not None) for kind, all_of in evidence.recoveries.items()}
    return Ledger(
        seed=evidence.seed,
        seconds=evidence.seconds,
        machine=evidence.machine,
        counts=_count(found),
        wrong=wrong,
        limits=tuple(measure(found.calls, found.ends)),
        callbacks=callbacks,
        odds=tuple(sorted({fault for life in found.lives.values() for fault in _odds(life)})),
        faults=evidence.faults,
        recoveries=seen,
        unrecovered=sum(each is None for all_of in evidence.recoveries.values() for each in all_of),
        kills=evidence.kills,
        ended_themselves=evidence.ended_themselves,
    )


def _odds(life: Life) -> list[str]:
    return [] if life.document is None else faults_of(life.document)


def _count(found: Sorted) -> Counts:
    lives = list(found.lives.values())
    stored = [life for life in lives if life.document is not None]
    unknown = [life for life in stored if life.code == "outcome_unknown"]
    return Counts(
        accepted=sum(life.accepted is not None for life in lives),
        unheard=sum(life.accepted is None for life in stored),
        statuses=Counter(life.status for life in stored),
        failures=Counter(life.code for life in stored if life.status == "failed"),
        unknown=Counter(str((life.document or {})["vendor"]) for life in unknown),
        calls=sum(len(life.calls) for life in lives),
        repeated=sum(map(_repeated, lives)),
        cancels=sum(bool(life.cancels()) for life in lives),
        retries=sum(len(life.retries()) for life in lives),
        given_up=found.given_up,
        answers=found.answers,
    )


def _repeated(life: Life) -> int:
    calls = [call for call in life.calls if call.operation == CALL]
    return len(calls) - len({call.generation for call in calls})
