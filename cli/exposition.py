"""
The figures of all processes of a home as Prometheus reads them: each beside the others, by the label `process`.

Nothing is summed up here: a process that starts anew begins at 0, which Prometheus knows how to read of one series
and not of a sum. The only module that knows `prometheus_client`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from cli.figures import Figures, read_figures
from domain.errors import ConfigurationError
from domain.metrics import CATALOGUE, Counter, FleetGauge, Histogram, Metric
from domain.tallies import Single, Snapshot, Spread, fits

FRESH_SECONDS = 1.0
PROCESS = "process"

Of = Mapping[str, Snapshot]  # by process
Labels = tuple[str, ...]


class Fleet(Protocol):
    async def read(self) -> Sequence[Single]:
        """How the fleet stands just now. Raises nothing."""
        ...


class PrometheusText:
    """
    An `Exposition`: of this process as it stands now, and of its neighbours as they wrote last.

    Stores are asked for the fleet's figures once a second. Nothing else is kept: of two API processes one would show
    less than the other did a moment before.
    """

    def __init__(
        self, figures: Figures, folder: Path, fleet: Fleet, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._figures = figures
        self._folder = folder
        self._fleet = fleet
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._stands: Sequence[Single] = ()

    async def text(self) -> bytes:
        async with self._turn:
            if self._clock() - self._asked_at >= FRESH_SECONDS:
                self._stands = await self._fleet.read()
                self._asked_at = self._clock()
            fleet, own = self._stands, {self._figures.process: await self._own()}
            return await asyncio.to_thread(lambda: render({**read_figures(self._folder), **own}, fleet))

    async def _own(self) -> Snapshot:
        """On record before it is shown: whoever comes after us under this name goes on from no less."""
        try:
            return await self._figures.save(self._folder)
        except OSError:  # of which the log tells: see `cli.figures`
            return self._figures.snapshot()


@contextmanager
def served(port: int, host: str, folder: Path) -> Iterator[None]:
    """`/metrics` on a port of its own, for all processes of the home; 0: none. Raises `ConfigurationError`."""
    if not port:
        yield
        return
    registry = CollectorRegistry()
    registry.register(_Collector(lambda: read_figures(folder), ()))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as fault:
        raise ConfigurationError(
            f"GATEWAY_METRICS_PORT: cannot listen on {host}:{port} ({fault.strerror}); choose another for each process "
            "of this machine, or 0 for all but one: it shows them all"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def render(of: Of, fleet: Sequence[Single] = ()) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Collector(lambda: of, fleet))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, read: Callable[[], Of], fleet: Sequence[Single]) -> None:
        self._read = read
        self._fleet = fleet

    def collect(self) -> Iterable[Family]:
        figures = _Found(self._read(), self._fleet)
        return [_family(metric, figures) for metric in CATALOGUE]


class _Found:
    """All figures by their metric's name, the process before the labels of those that have one."""

    def __init__(self, of: Of, fleet: Sequence[Single]) -> None:
        self.singles: defaultdict[str, list[tuple[Labels, float]]] = defaultdict(list)
        self.spreads: defaultdict[str, list[tuple[Labels, Spread]]] = defaultdict(list)
        for single in fleet:
            self.singles[single.name].append((single.labels, single.value))
        for process, snapshot in of.items():
            for single in snapshot.singles:
                self.singles[single.name].append(((process, *single.labels), single.value))
            for spread in snapshot.spreads:
                self.spreads[spread.name].append(((process, *spread.labels), spread))


def labels_of(metric: Metric) -> Labels:
    return metric.labels if isinstance(metric, FleetGauge) else (PROCESS, *metric.labels)


def _family(metric: Metric, found: _Found) -> Family:
    """All samples of one metric. What was written under other labels or buckets is another version's, and left out."""
    names = labels_of(metric)
    if isinstance(metric, Histogram):
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=names)
        for labels, spread in found.spreads[metric.name]:
            if fits(metric, spread):
                histogram.add_metric(labels, _buckets(metric, spread), spread.total)
        return histogram
    make = CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily
    family = make(metric.name, metric.help, labels=names)
    for labels, value in found.singles[metric.name]:
        if len(labels) == len(names):
            family.add_metric(labels, value)
    return family


def _buckets(metric: Histogram, spread: Spread) -> list[tuple[str, float]]:
    ends = [*(repr(end) for end in metric.buckets), "+Inf"]
    return list(zip(ends, accumulate(spread.counts), strict=True))
