"""
Who gets the next call of one service, as one process sees it: nothing here is shared, and nothing waits.

Round robin is the smooth weighted one of nginx: at each turn everybody gains its weight, whoever has most is picked and
pays what all have gained. Over a cycle that is exact, and mixed as evenly as can be.
"""

import random
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta

from domain.balancing.ejection import LONGEST_SECONDS, Ejection
from domain.balancing.health import Health
from domain.balancing.instances import Instance, InstanceLook, Strategy
from domain.breakers import CallOutcome

_MOST_SKIPPED = 1000  # turns; cycles of odd weights can be far longer

Clock = Callable[[], float]  # seconds, only forward


class _Seat:
    """One instance and what this process knows of it."""

    def __init__(self, instance: Instance, longest_out_seconds: float) -> None:
        self.instance = instance
        self.gained = 0
        self.outstanding = 0
        self.calls = 0
        self.failures = 0
        self.ejection = Ejection(longest_out_seconds)
        self.health = Health()

    def is_out(self, now: float) -> bool:
        return not self.health.is_well or self.ejection.is_out(now)

    def look(self, now: float) -> InstanceLook:
        left = timedelta(seconds=self.ejection.until - now)
        return InstanceLook(
            url=self.instance.url,
            weight=self.instance.weight,
            healthy=self.health.is_well,
            ejected_until=datetime.now(UTC) + left if self.ejection.is_out(now) else None,
            outstanding=self.outstanding,
            calls=self.calls,
            failures=self.failures,
        )


class Balancer:
    """
    `follow` says who there is, `pick` who is next, `begun` and `ended` what came of it, `health` what checks say.

    Who is not well, or ejected, is left out; passively at most half are, and when all are out all are used. Several
    processes begin their cycles at different places, at random unless `offset` says where: else the first instance
    would get the first call of each.
    """

    def __init__(
        self,
        strategy: Strategy = Strategy.ROUND_ROBIN,
        *,
        offset: int | None = None,
        clock: Clock = time.monotonic,
        longest_out_seconds: float = LONGEST_SECONDS,
    ) -> None:
        """`longest_out_seconds`: of an ejection, however many there were in a row."""
        self._longest_out_seconds = longest_out_seconds
        self._strategy = strategy
        self._offset = random.randrange(_MOST_SKIPPED) if offset is None else offset  # noqa: S311 - it is no secret
        self._clock = clock
        self._seats: dict[str, _Seat] = {}
        self._usable: list[_Seat] = []
        self._is_ranked = False  # are there several priorities?

    def follow(self, instances: Sequence[Instance]) -> None:
        """These, from now on. Who was there already stays as it was, but for its weight."""
        is_first = not self._seats
        known, self._seats = self._seats, {}
        for instance in instances:
            seat = self._seats[instance.url] = known.get(instance.url) or _Seat(instance, self._longest_out_seconds)
            seat.instance = instance
        self._usable = []  # weights may have changed
        self._is_ranked = len({instance.priority for instance in instances}) > 1
        self._let_half_in()
        if is_first and self._seats:
            self._skip()

    def pick(self, without: Collection[str] = ()) -> Instance | None:
        """
        Whose turn it is, but for those whose URLs are in `without`; None when that leaves nobody.

        Least outstanding counts from `begun`: call it before anything is awaited.
        """
        turns = self._turns()
        chosen = self._foremost([seat for seat in turns if seat.instance.url not in without] if without else turns)
        if self._strategy is Strategy.LEAST_OUTSTANDING:
            chosen = _idlest(chosen)
        return _next(chosen) if chosen else None

    def begun(self, instance: Instance) -> None:
        if seat := self._seats.get(instance.url):
            seat.calls += 1
            seat.outstanding += 1

    def ended(self, instance: Instance, outcome: CallOutcome) -> None:
        """Once for each `begun`. One that is gone meanwhile does not matter any more."""
        seat = self._seats.get(instance.url)
        if seat is None:
            return
        seat.outstanding = max(0, seat.outstanding - 1)  # it may have been away and come back since
        seat.failures += outcome is CallOutcome.FAILED
        seat.ejection.note(outcome)
        now = self._clock()
        if seat.ejection.is_due(now) and self._may_eject(seat, now):
            seat.ejection.begin(now)

    def health(self, url: str, ok: bool) -> None:
        """
        What an active check found. Well again after it was not, it is no longer ejected either: it was mended.

        A check that was good all along ends no ejection: an instance can answer checks and fail at everything else.
        """
        seat = self._seats.get(url)
        if seat is not None and seat.health.note(ok):
            seat.ejection.end()

    def ejected(self) -> Sequence[str]:
        """The URLs of those that are out for their failures."""
        now = self._clock()
        return [url for url, seat in self._seats.items() if seat.ejection.is_out(now)]

    def let_in(self, url: str) -> None:
        """Before its ejection is over; the next failure ejects it again."""
        if seat := self._seats.get(url):
            seat.ejection.cut_short()

    def looks(self) -> Sequence[InstanceLook]:
        now = self._clock()
        return [seat.look(now) for seat in self._seats.values()]

    def _turns(self) -> list[_Seat]:
        """Those who take turns now."""
        now = self._clock()
        seats = list(self._seats.values())
        usable = [seat for seat in seats if not seat.is_out(now)] or seats
        if usable != self._usable:
            _settle(usable)
            self._usable = usable
        return usable

    def _foremost(self, seats: list[_Seat]) -> list[_Seat]:
        if not self._is_ranked:  # nearly always: each call comes by here
            return seats
        first = min((seat.instance.priority for seat in seats), default=0)
        return [seat for seat in seats if seat.instance.priority == first]

    def _may_eject(self, seat: _Seat, now: float) -> bool:
        """Whoever is out for whatever reason counts: what is left must carry the load."""
        out = sum(other is not seat and other.is_out(now) for other in self._seats.values())
        return 2 * (out + 1) <= len(self._seats)

    def _let_half_in(self) -> None:
        """Of fewer instances than before more than half may be ejected: those who have least to wait come back."""
        now = self._clock()
        ejected = [seat for seat in self._seats.values() if seat.ejection.is_out(now)]
        ejected.sort(key=lambda seat: seat.ejection.until)
        for seat in ejected[: max(0, len(ejected) - len(self._seats) // 2)]:
            seat.ejection.cut_short()

    def _skip(self) -> None:
        turns = self._foremost(self._turns())
        for _ in range(self._offset % min(sum(seat.instance.weight for seat in turns), _MOST_SKIPPED)):
            _next(turns)


def _next(seats: Sequence[_Seat]) -> Instance:
    total = 0
    for seat in seats:
        seat.gained += seat.instance.weight
        total += seat.instance.weight
    best = max(seats, key=lambda seat: seat.gained)
    best.gained -= total
    return best.instance


def _idlest(seats: Sequence[_Seat]) -> list[_Seat]:
    """Those with the fewest calls under way for their weight. They take turns: an idle service uses all."""
    least = min((seat.outstanding / seat.instance.weight for seat in seats), default=0.0)
    return [seat for seat in seats if seat.outstanding / seat.instance.weight == least]


def _settle(seats: Sequence[_Seat]) -> None:
    """
    Who comes back, or is new, fits in where it would be in a cycle, not before all others for as long as it was away.

    Nobody is further ahead of another than a whole cycle: of equal weights each is picked once before any is twice.
    """
    gains = [seat.gained for seat in seats]
    total = sum(seat.instance.weight for seat in seats)
    spread = max(gains, default=0) - min(gains, default=0)
    if spread >= total:
        for seat in seats:
            seat.gained = (seat.gained - min(gains)) * (total - 1) // spread
