"""
The figures of one process, in plain dictionaries: counting must cost nothing that a call would notice.

For the event loop's thread alone. Somebody takes a `Snapshot` from time to time and shows it: see `cli.figures`.
"""

from bisect import bisect_left
from typing import TypeVar

import msgspec

from domain.metrics import CATALOGUE, Counter, Gauge, Histogram, Metric

MOST_SERIES = 5_000  # of all metrics together: a label that is not as bounded as it was taken for must not eat memory
OTHER = "other"  # what stands for every further one

Key = tuple[Metric, *tuple[str, ...]]
_Value = TypeVar("_Value")


class Single(msgspec.Struct, frozen=True, array_like=True):
    """One counter or gauge."""

    name: str
    labels: tuple[str, ...]
    value: float


class Spread(msgspec.Struct, frozen=True, array_like=True):
    """One histogram: how many fell into each bucket and no lower one, infinity last, and the sum."""

    name: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    total: float


class Snapshot(msgspec.Struct, frozen=True):
    singles: tuple[Single, ...] = ()
    spreads: tuple[Spread, ...] = ()


class Tallies:
    """What nobody ever takes a snapshot of may be counted all the same: it stays small."""

    __slots__ = ("_singles", "_spreads")

    def __init__(self) -> None:
        self._singles: dict[Key, float] = {}
        self._spreads: dict[Key, list[float]] = {}  # the counts of each bucket, then the sum

    def add(self, metric: Counter, *labels: str, by: float = 1) -> None:
        key: Key = (metric, *labels)
        try:
            self._singles[key] += by
        except KeyError:
            key = _bounded(key, self._singles)
            self._singles[key] = self._singles.get(key, 0) + by

    def set(self, metric: Gauge, value: float, *labels: str) -> None:
        self._singles[_bounded((metric, *labels), self._singles)] = value

    def observe(self, metric: Histogram, value: float, *labels: str) -> None:
        key: Key = (metric, *labels)
        try:
            spread = self._spreads[key]
        except KeyError:
            empty = [0.0] * (len(metric.buckets) + 2)
            spread = self._spreads.setdefault(_bounded(key, self._spreads), empty)
        spread[bisect_left(metric.buckets, value)] += 1
        spread[-1] += value

    def of(self, metric: Metric, *labels: str) -> float:
        """A counter's or gauge's value, or how often a histogram was observed; 0 where nothing came."""
        key: Key = (metric, *labels)
        return sum(self._spreads[key][:-1]) if key in self._spreads else self._singles.get(key, 0)

    def take_up(self, earlier: Snapshot) -> None:
        """Go on from where another stopped. Its gauges, and what it counted otherwise than this version, are left."""
        known = {metric.name: metric for metric in CATALOGUE}
        for single in earlier.singles:
            metric = known.get(single.name)
            if isinstance(metric, Counter) and len(single.labels) == len(metric.labels):
                self.add(metric, *single.labels, by=single.value)
        for spread in earlier.spreads:
            metric = known.get(spread.name)
            if isinstance(metric, Histogram) and fits(metric, spread):
                key = _bounded((metric, *spread.labels), self._spreads)
                mine = self._spreads.setdefault(key, [0.0] * (len(metric.buckets) + 2))
                self._spreads[key] = [sum(pair) for pair in zip(mine, (*spread.counts, spread.total), strict=True)]

    def snapshot(self) -> Snapshot:
        singles = tuple(Single(metric.name, tuple(labels), value) for (metric, *labels), value in self._singles.items())
        spreads = tuple(
            Spread(metric.name, tuple(labels), tuple(int(count) for count in spread[:-1]), spread[-1])
            for (metric, *labels), spread in self._spreads.items()
        )
        return Snapshot(singles, spreads)


def fits(metric: Histogram, spread: Spread) -> bool:
    """Whether it was counted by the same labels and buckets: it may be another version's."""
    return len(spread.labels) == len(metric.labels) and len(spread.counts) == len(metric.buckets) + 1


def _bounded(key: Key, known: dict[Key, _Value]) -> Key:
    if key in known or len(known) < MOST_SERIES:
        return key
    metric, *labels = key
    return (metric, *(OTHER for _ in labels))
