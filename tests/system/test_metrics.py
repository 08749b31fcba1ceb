"""A run of the whole gateway, scraped: what is shown is what the page tells, and the figures add up with the jobs."""

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.metrics_page import Told, told_metrics
from tests.system.client import Jobs, until
from tests.system.running import Gateway

pytestmark = pytest.mark.system

OF_HISTOGRAMS = ("_bucket", "_count", "_sum")
SYNC, ASYNC = "scraped", "scraped-async"  # no other test calls them
BY_KIND = {SYNC: 12, ASYNC: 3}  # jobs that are sent in
OF_TROUBLE = {  # what a run in which all goes well need not show; each has a test of its own
    *("gateway_programming_errors_total", "gateway_jobs_refused_total", "gateway_proxy_cut_answers_total"),
    *("gateway_limiter_missed_starts_total", "gateway_claims_held_total", "gateway_leases_lost_total"),
    "gateway_sweep_finds_total",
}


class Scrape:
    """One look at `/metrics`."""

    def __init__(self, text: str) -> None:
        self.families: list[Metric] = list(text_string_to_metric_families(text))

    def total(self, name: str, /, **labels: str) -> float:
        """Over all processes, and over all labels that are not named."""
        wanted = labels.items()
        samples = [sample for family in self.families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if wanted <= sample.labels.items())

    def shown(self) -> Told:
        """Every family, with its labels where it has samples: none is left out, and `le` is a histogram's own."""
        return {_name(family): (family.type, _labels(family)) for family in self.families}

    def bare(self) -> set[str]:
        """Those with a sample that has no label."""
        return {_name(family) for family in self.families for sample in family.samples if not sample.labels}

    def processes(self) -> set[str]:
        return {sample.labels["process"] for family in self.families for sample in family.samples
                if "process" in sample.labels}  # fmt: skip


def grown_between(before: Scrape, after: Scrape, attempts: Counter[tuple[str, str]]) -> dict[str, object]:
    def grown(name: str, /, **labels: str) -> float:
        return after.total(name, **labels) - before.total(name, **labels)

    return {
        "accepted": [grown("gateway_jobs_accepted_total", vendor=kind) for kind in BY_KIND],
        "repeated": grown("gateway_jobs_repeated_total", vendor=SYNC),
        "refused": grown("gateway_problems_total", status="422", code="invalid"),
        "attempts": {key: grown("gateway_attempts_total", vendor=key[0], outcome=key[1]) for key in attempts},
        "all attempts": sum(grown("gateway_attempts_total", vendor=kind) for kind in BY_KIND),
        "ended": sum(grown("gateway_jobs_ended_total", vendor=kind, status="complete") for kind in BY_KIND),
        "timed": sum(grown("gateway_attempt_seconds_count", vendor=kind) for kind in BY_KIND),
        "webhooks": grown("gateway_webhooks_total", vendor=ASYNC, case="new"),
        "applied": grown("gateway_webhook_events_total", vendor=ASYNC, state="applied"),
        "answers": grown("gateway_http_answers_total", method="POST", route="/jobs", status="202"),
        "seen": grown("gateway_http_seconds_count", method="POST", route="/jobs"),
        "passed on": grown("gateway_proxy_requests_total", service="user", outcome="2xx"),
        "guarded": grown("gateway_breaker_calls_total", kind="vendor", name=SYNC, outcome="ok"),
    }


async def test_a_run_shows_what_the_page_tells_and_adds_up_with_its_jobs(gateway: Gateway, jobs: Jobs) -> None:
    before = await scraped(jobs)
    sent = {kind: await jobs.submit_many(count, {"n": 1}, vendor=kind) for kind, count in BY_KIND.items()}
    body = {"vendorType": SYNC, "vendorPayload": {"n": 2}}
    repeated = [(await jobs.post(body, Idempotency_Key="scraped")).json()["request_id"] for _ in range(3)]
    refused = [await jobs.post({"vendorType": "nobody", "vendorPayload": 1}) for _ in range(2)]
    passed_on = [await jobs.http.get("/user/profile", headers=_by(gateway)) for _ in range(4)]
    ended = await jobs.all_ended([*sent[SYNC], *sent[ASYNC], repeated[0]])
    attempts = Counter((job["vendorType"], attempt["outcome"]) for job in ended for attempt in job["attempts"])

    async def added_up() -> Scrape | None:
        after = await scraped(jobs)

        shown = grown_between(before, after, attempts)
        expected = {
            "accepted": [BY_KIND[SYNC] + 1, BY_KIND[ASYNC]],
            "repeated": len(repeated) - 1,
            "refused": len(refused),
            "attempts": dict(attempts),
            "all attempts": attempts.total(),
            "ended": len(ended),
            "timed": attempts.total(),
            "webhooks": BY_KIND[ASYNC],
            "applied": BY_KIND[ASYNC],
            "answers": len(ended) + len(repeated) - 1,
            "seen": len(ended) + len(repeated) - 1 + len(refused),
            "passed on": len(passed_on),
            "guarded": BY_KIND[SYNC] + 1,
        }
        latest.update(shown=shown, expected=expected)
        return after if shown == expected else None

    latest: dict[str, object] = {}
    after = await found(added_up, latest)
    told = told_metrics()
    assert after.processes() >= {"api", "worker-1", "worker-2"}
    assert {name: kind for name, (kind, _) in after.shown().items()} == {name: kind for name, (kind, _) in told.items()}
    with_samples = {name: labels for name, (_, labels) in after.shown().items() if labels or name in after.bare()}
    assert with_samples == {name: told[name][1] for name in with_samples}
    assert told.keys() - with_samples.keys() <= OF_TROUBLE
    assert not [sent_id for job in ended for sent_id in (job["request_id"],) if sent_id in str(after.shown())]


def _by(gateway: Gateway) -> dict[str, str]:
    return {"Authorization": f"Bearer {gateway.key}"}


async def scraped(jobs: Jobs) -> Scrape:
    answer = await jobs.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)


async def found(look: Callable[[], Awaitable[Scrape | None]], latest: dict[str, object]) -> Scrape:
    """Once every process has written its figures."""
    scrapes: list[Scrape] = []

    async def is_there() -> bool:
        scrapes.extend(one for one in [await look()] if one is not None)
        return bool(scrapes)

    try:
        await until(is_there)
    except AssertionError:
        raise AssertionError(latest) from None
    return scrapes[-1]


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> tuple[str, ...]:
    """Those of its samples, in the order of the page; none where it has no samples."""
    names = {name for sample in family.samples for name in sample.labels} - {"le"}
    _, told = told_metrics().get(_name(family), ("", ()))
    return tuple(sorted(names, key=lambda name: told.index(name) if name in told else len(told)))
