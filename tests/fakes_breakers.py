"""Fake circuit breakers: in memory, by the rules of `domain.breakers`, and their time passes when the test says."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.breakers import (
    Admission,
    Breaker,
    BreakerLook,
    BreakerRules,
    BreakerState,
    CallOutcome,
    admitted,
    reported,
    spread_of,
)


def moment_of_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms * 1000 / 1_000_000, UTC)


@dataclass
class FakeBreakers:
    """A `domain.balancing.ports.Breakers`. `told` is what was reported, in order."""

    rules: BreakerRules = field(default_factory=BreakerRules)
    now: int = 1_800_000_000_000
    stored: defaultdict[str, Breaker] = field(default_factory=lambda: defaultdict(Breaker))
    told: list[tuple[str, CallOutcome]] = field(default_factory=list)
    asked: int = 0

    async def admit(self, key: str, lasts: timedelta) -> Admission:
        self.asked += 1
        before, token = self.stored[key], f"probe-{self.asked}"
        self.stored[key], allowed = admitted(before, token, round(lasts.total_seconds() * 1000), self.now)
        state = before.state(self.now)
        if allowed:
            probe = state is BreakerState.HALF_OPEN
            return Admission(allowed=True, probe=probe, token=token if probe else "")
        return Admission(allowed=False, until=moment_of_ms(before.until) if state is BreakerState.OPEN else None)

    async def report(self, key: str, admission: Admission, outcome: CallOutcome) -> None:
        self.told.append((key, outcome))
        token = admission.token if admission.probe else ""
        self.stored[key] = reported(
            self.stored[key], outcome, self.rules, spread=spread_of(key), now=self.now, token=token
        )

    def fail_late(self, key: str, age_ms: int) -> None:
        """A call that began so long ago has failed."""
        self.stored[key] = reported(
            self.stored[key], CallOutcome.FAILED, self.rules, spread=spread_of(key), now=self.now, age=age_ms
        )

    async def looks(self, keys: Sequence[str]) -> list[BreakerLook]:
        return [self._look(self.stored[key]) for key in keys]

    def open(self, key: str) -> None:
        """As after the failures that it takes."""
        failing = self.rules.in_a_row
        self.stored[key] = reported(
            Breaker(), CallOutcome.FAILED, self.rules, spread=spread_of(key), now=self.now, calls=failing
        )

    def _look(self, breaker: Breaker) -> BreakerLook:
        state = breaker.state(self.now)
        return BreakerLook(state, moment_of_ms(breaker.until) if state is BreakerState.OPEN else None, breaker.row)
