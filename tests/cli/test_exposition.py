"""Prometheus' text: of every process beside the others, of the fleet once, and the page that explains it."""

import asyncio
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.embedded import free_port
from cli.exposition import PrometheusText, labels_of, render, served
from cli.figures import Figures
from domain.errors import ConfigurationError
from domain.metrics import ATTEMPT_SECONDS, CATALOGUE, JOBS_ACCEPTED, QUEUED, Counter, Histogram, Metric
from domain.tallies import Single, Snapshot, Spread, Tallies
from tests.cli.metrics_page import told_metrics

NAME = "gateway_jobs_accepted_total"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: bytes) -> Samples:
    families = text_string_to_metric_families(text.decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def value(text: bytes, name: str, **labels: str) -> float:
    return samples(text)[name, tuple(sorted(labels.items()))]


def counts(times: int) -> Tallies:
    tallies = Tallies()
    tallies.add(JOBS_ACCEPTED, 'a "quoted"\nvendor', by=times)
    return tallies


def counted(process: str, times: int) -> Figures:
    figures = Figures(process)
    figures.counts.add(JOBS_ACCEPTED, "sync", by=times)
    return figures


def kind_of(metric: Metric) -> str:
    return "counter" if isinstance(metric, Counter) else "histogram" if isinstance(metric, Histogram) else "gauge"


def test_the_page_tells_of_every_metric_and_of_no_other() -> None:
    assert told_metrics() == {metric.name: (kind_of(metric), labels_of(metric)) for metric in CATALOGUE}


def test_each_process_has_series_of_its_own() -> None:
    text = render({"api": counts(2).snapshot(), "worker-1": counts(5).snapshot()})
    vendor = 'a "quoted"\nvendor'
    assert value(text, "gateway_jobs_accepted_total", process="api", vendor=vendor) == 2
    assert value(text, "gateway_jobs_accepted_total", process="worker-1", vendor=vendor) == 5


def test_buckets_are_summed_up_to_the_count() -> None:
    tallies = Tallies()
    for seconds in (0.02, 0.02, 0.2, 1_000):
        tallies.observe(ATTEMPT_SECONDS, seconds, "sync")
    text = render({"api": tallies.snapshot()})
    labels = {"process": "api", "vendor": "sync"}
    assert value(text, "gateway_attempt_seconds_bucket", le="0.025", **labels) == 2
    assert value(text, "gateway_attempt_seconds_bucket", le="300.0", **labels) == 3
    assert value(text, "gateway_attempt_seconds_bucket", le="+Inf", **labels) == 4
    assert value(text, "gateway_attempt_seconds_count", **labels) == 4
    assert value(text, "gateway_attempt_seconds_sum", **labels) == pytest.approx(1_000.24)


def test_what_another_version_wrote_otherwise_is_left_out() -> None:
    other = Snapshot(
        (Single(JOBS_ACCEPTED.name, ("sync", "more"), 1), Single("gateway_gone_total", (), 1)),
        (Spread(ATTEMPT_SECONDS.name, ("sync",), (1, 2), 3.0),),
    )
    assert samples(render({"api": other})) == {}


class FakeFleet:
    """A `Fleet` of one figure; `asked` is how often somebody wanted it."""

    def __init__(self) -> None:
        self.asked = 0

    async def read(self) -> list[Single]:
        self.asked += 1
        return [Single(QUEUED.name, ("sync",), 9)]


async def test_it_shows_this_process_as_it_is_now_and_its_neighbours_as_they_wrote(tmp_path: Path) -> None:
    own, neighbour = Figures("api"), Figures("worker-1")
    own.counts.add(JOBS_ACCEPTED, "sync")
    own.write(tmp_path)
    own.counts.add(JOBS_ACCEPTED, "sync")
    neighbour.counts.add(JOBS_ACCEPTED, "sync", by=7)
    neighbour.write(tmp_path)
    text = await PrometheusText(own, tmp_path, FakeFleet()).text()
    assert value(text, "gateway_jobs_accepted_total", process="api", vendor="sync") == 2
    assert value(text, "gateway_jobs_accepted_total", process="worker-1", vendor="sync") == 7
    assert value(text, "gateway_vendor_queued_jobs", vendor="sync") == 9


async def test_what_was_shown_is_on_record_so_that_no_successor_shows_less(tmp_path: Path) -> None:
    own = counted("api", 3)
    shown = value(await PrometheusText(own, tmp_path, FakeFleet()).text(), NAME, process="api", vendor="sync")
    successor = Figures("api")  # after a kill: nobody wrote any last word
    successor.go_on(tmp_path)
    after = await PrometheusText(successor, tmp_path, FakeFleet()).text()
    assert value(after, NAME, process="api", vendor="sync") == shown == 3


async def test_no_process_shows_less_than_another_did_before(tmp_path: Path) -> None:
    one, other = counted("api", 3), counted("api-2", 3)
    now = [100.0]
    shown = [PrometheusText(each, tmp_path, FakeFleet(), lambda: now[0]) for each in (one, other)]
    one.write(tmp_path)
    await shown[1].text()
    one.counts.add(JOBS_ACCEPTED, "sync", by=5)
    now[0] += 0.1
    for text in [await each.text() for each in shown]:
        assert value(text, NAME, process="api", vendor="sync") == 8


async def test_figures_that_cannot_be_written_are_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file where the folder should be")
    text = await PrometheusText(counted("api", 3), tmp_path / "metrics", FakeFleet()).text()
    assert value(text, NAME, process="api", vendor="sync") == 3


async def test_the_fleet_is_asked_once_however_many_look(tmp_path: Path) -> None:
    fleet, now = FakeFleet(), [100.0]
    shown = PrometheusText(Figures("api"), tmp_path, fleet, lambda: now[0])
    await asyncio.gather(*(shown.text() for _ in range(5)))
    assert fleet.asked == 1
    now[0] += 1.0
    await shown.text()
    assert fleet.asked == 2


def test_a_port_of_its_own_shows_the_home(tmp_path: Path) -> None:
    figures, port = Figures("worker-1"), free_port()
    figures.counts.add(JOBS_ACCEPTED, "sync")
    figures.write(tmp_path)
    with served(port, "127.0.0.1", tmp_path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read()
        with pytest.raises(ConfigurationError, match="GATEWAY_METRICS_PORT"), served(port, "127.0.0.1", tmp_path):
            pass
    assert value(text, "gateway_jobs_accepted_total", process="worker-1", vendor="sync") == 1
