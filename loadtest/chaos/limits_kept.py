"""How close the vendors were called together: the worst window against each limit, the most calls at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtest.chaos.records import Call
from loadtest.chaos.tables import VENDORS
from loadtest.vendors.ledger import worst_window


@dataclass(frozen=True, slots=True)
class Measured:
    """The worst that a vendor saw of what it had bounded."""

    vendor: str
    what: str
    bound: int
    worst: int

    @property
    def kept(self) -> bool:
        return self.worst <= self.bound


def measure(calls: Mapping[str, Sequence[Call]], ends: Mapping[str, float]) -> Iterator[Measured]:
    """Every call that arrived counts, polls and those that were cut too."""
    for vendor in VENDORS.values():
        came = calls.get(vendor.name, ())
        times = sorted(call.at for call in came)
        for bound, seconds in vendor.windows:
            yield Measured(vendor.name, f"calls in any {seconds} s", bound, worst_window(times, seconds))
        if vendor.concurrency is not None:
            yield Measured(vendor.name, "calls at once", vendor.concurrency, most_at_once(came, ends))


def most_at_once(calls: Iterable[Call], ends: Mapping[str, float]) -> int:
    """
    The most calls that were open at one moment.

    One without an end was cut by the vendor's own death, and nobody knows when: it is left out.
    """
    ended = [(call.at, ends[call.id]) for call in calls if call.id in ends]
    moments = [(began, 1) for began, _ in ended] + [(end, -1) for _, end in ended]
    now = worst = 0
    for _, change in sorted(moments):  # at one moment ends go first
        now += change
        worst = max(worst, now)
    return worst
