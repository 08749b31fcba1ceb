"""
What goes wrong at a vendor, drawn from a seed: how a call is treated, and how its webhooks come.

The draw for a job's webhooks hangs on the job's key alone, so that a vendor which was killed goes on as it had begun.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

How = Literal["well", "cut_before", "refuse", "cut_after", "midway", "garbage"]

# Of a thousand calls; the rest are treated well. A tenth of all are answered late, whatever the answer.
_ODDS: tuple[tuple[int, How, int, str | None], ...] = (
    (20, "cut_before", 0, None),
    (20, "cut_after", 0, None),
    (10, "midway", 0, None),
    (6, "garbage", 200, None),
    (25, "refuse", 500, None),
    (10, "refuse", 503, None),
    (4, "refuse", 503, "1"),
    (4, "refuse", 429, "1"),
    (2, "refuse", 429, None),
    (20, "refuse", 422, None),  # no, by the vendor's word
)
_LATE_SHARE = 0.1
_LATEST_SECONDS = 3.0  # below the timeout of the tables
_SAYS_NO_SHARE = 0.05  # of the jobs that an async vendor has taken


@dataclass(frozen=True, slots=True)
class Treatment:
    """How one call is answered, after so many seconds."""

    how: How = "well"
    status: int = 0
    retry_after: str | None = None
    seconds: float = 0.0

    @property
    def is_final_no(self) -> bool:
        return self.how == "refuse" and 400 <= self.status < 500 and self.status != 429


WELL = Treatment()


class Faults:
    """`calm`: there are none any more."""

    def __init__(self, seed: int) -> None:
        self.calm = False
        self.seed = seed
        self._random = Random(f"calls:{seed}")

    def draw(self) -> Treatment:
        if self.calm:
            return WELL
        seconds = self._random.uniform(0, _LATEST_SECONDS) if self._random.random() < _LATE_SHARE else 0.0
        at = self._random.randrange(1000)
        for odds, how, status, retry_after in _ODDS:
            if at < odds:
                return Treatment(how, status, retry_after, seconds)
            at -= odds
        return Treatment(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event: how long after the call it comes, how often, and whether somebody forges one beside it."""

    say: str
    after_seconds: float
    times: int = 1
    forged: bool = False
    early: bool = False  # before the call that it belongs to is answered
    names_job: bool = True  # by the gateway's own id; otherwise by the vendor's reference alone


def verdict_on(seed: int, key: str) -> str:
    """What an async vendor makes of a job."""
    return "failed" if Random(f"verdict:{seed}:{key}").random() < _SAYS_NO_SHARE else "complete"


def deliveries_for(seed: int, key: str, *, calm: bool) -> tuple[Delivery, ...]:
    """The events of one job, in the order of their coming."""
    random = Random(f"webhooks:{seed}:{key}")
    say, names_job = verdict_on(seed, key), random.random() < 0.5
    soon = random.uniform(0.05, 1.0)
    well = Delivery(say, soon, names_job=names_job)
    working = Delivery("working", soon / 2, names_job=names_job)
    plans: tuple[tuple[int, tuple[Delivery, ...]], ...] = (
        (20, (well,)),
        (15, (working, well)),
        (15, (replace(well, times=2),)),
        (15, (replace(well, early=True, after_seconds=0.0),)),
        (10, (replace(well, after_seconds=random.uniform(5, 15)),)),
        (15, (well, replace(working, after_seconds=soon + random.uniform(0, 0.5)))),  # out of order
        (10, (replace(well, forged=True),)),
    )
    return (well,) if calm else random.choices([plan for _, plan in plans], [weight for weight, _ in plans])[0]
