"""
What is counted, by which words: the one list that the code counts by, `/metrics` shows and `docs/metrics.md` tells.

Labels come from what an operator or our code names: vendors, services, routes as the router spells them, codes. Never
an id, a client, an address or a path as it came: a figure per stranger would grow without bound, and tell of them.
"""

from dataclasses import dataclass
from typing import Protocol

# Seconds. An answer of the API takes milliseconds, a vendor's call tenths to tens of seconds.
OF_ANSWERS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
OF_CALLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
OF_WAITS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # at a gate: 0.1 s is the look-ahead
OF_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True, eq=False)  # by identity: it is half of a key that is looked up at every count
class Metric:
    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Counter(Metric):
    """Counted in each process since its start."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram(Metric):
    """Observed in each process since its start; `buckets` are upper ends, rising, infinity left out."""

    buckets: tuple[float, ...] = OF_CALLS


@dataclass(frozen=True, slots=True, eq=False)
class Gauge(Metric):
    """How something stands in one process."""


@dataclass(frozen=True, slots=True, eq=False)
class FleetGauge(Metric):
    """How something stands over the whole fleet, asked of the stores when somebody looks."""


JOBS_ACCEPTED = Counter("gateway_jobs_accepted_total", "Jobs that were stored and answered.", ("vendor",))
JOBS_REPEATED = Counter("gateway_jobs_repeated_total", "Submissions that repeated an earlier one's key.", ("vendor",))
JOBS_REFUSED = Counter(
    "gateway_jobs_refused_total", "Well-formed jobs that were not taken in, by the problem's code.", ("vendor", "code")
)
JOBS_ENDED = Counter("gateway_jobs_ended_total", "Jobs that ended, by what they ended as.", ("vendor", "status"))
INTAKE_SECONDS = Histogram("gateway_intake_seconds", "Until a job was durable in MongoDB.", buckets=OF_ANSWERS)

HTTP_ANSWERS = Counter("gateway_http_answers_total", "Answers to HTTP requests.", ("method", "route", "status"))
HTTP_SECONDS = Histogram(
    "gateway_http_seconds", "Until an answer's head was sent; waits that the client asked for are in it.",
    ("method", "route"), OF_ANSWERS,
)  # fmt: skip
PROBLEMS = Counter(
    "gateway_problems_total", "Operational errors: requests that were answered with a problem.", ("status", "code")
)
PROGRAMMING_ERRORS = Counter(
    "gateway_programming_errors_total", "Bugs that were met, by exception; `gateway doctor` tells where.", ("type",)
)

ATTEMPTS = Counter(
    "gateway_attempts_total", "Attempts that are over, as on the timelines.", ("vendor", "operation", "outcome")
)
ATTEMPT_SECONDS = Histogram("gateway_attempt_seconds", "How long calls to a vendor took.", ("vendor",), OF_CALLS)
LIMITER_WAIT_SECONDS = Histogram(
    "gateway_limiter_wait_seconds", "How long claimed calls waited for the start that their limit gave them.",
    ("vendor",), OF_WAITS,
)  # fmt: skip
LIMITER_MISSED = Counter(
    "gateway_limiter_missed_starts_total",
    "Starts that a call was too late for, so that it reserved again.",
    ("vendor",),
)
CLAIMS_HELD = Counter(
    "gateway_claims_held_total", "Claims that found due jobs which may not be called yet, by why.", ("vendor", "why")
)
LEASES_LOST = Counter("gateway_leases_lost_total", "Jobs given up since another worker has them.", ("vendor",))
BREAKER_CALLS = Counter(
    "gateway_breaker_calls_total", "What breakers let through or refused, and how it went.", ("kind", "name", "outcome")
)

SWEEP_FINDS = Counter("gateway_sweep_finds_total", "What the sweep found and mended, by kind.", ("kind",))
WEBHOOKS = Counter("gateway_webhooks_total", "Webhooks that arrived for a known vendor, by case.", ("vendor", "case"))
WEBHOOK_EVENTS = Counter(
    "gateway_webhook_events_total", "What became of stored webhooks when they were applied.", ("vendor", "state")
)

PROXIED = Counter(
    "gateway_proxy_requests_total", "Requests passed on to a service, by what the client heard.", ("service", "outcome")
)
PROXY_SECONDS = Histogram("gateway_proxy_seconds", "Until a service's answer began.", ("service",), OF_CALLS)
PROXY_CUT = Counter(
    "gateway_proxy_cut_answers_total", "Answers of services that broke off before their end.", ("service",)
)
INSTANCE_UP = Gauge(
    "gateway_service_instance_up", "1 while the instance gets its share; 0: checks or failures keep it out.",
    ("service", "instance"),
)  # fmt: skip

LOOP_LAG_SECONDS = Histogram(
    "gateway_event_loop_lag_seconds", "How much later than asked the event loop woke somebody.", buckets=OF_LAG
)
STARTED_SECONDS = Gauge("gateway_process_start_time_seconds", "When the process started, in Unix time.")

QUEUED = FleetGauge("gateway_vendor_queued_jobs", "Jobs that wait, scheduled ones included.", ("vendor",))
DUE = FleetGauge("gateway_vendor_due_jobs", "Jobs that only wait for their turn.", ("vendor",))
OLDEST_DUE = FleetGauge(
    "gateway_vendor_oldest_due_seconds", "How long the oldest of the due jobs has waited; 0 where none is.", ("vendor",)
)
RUNNING = FleetGauge("gateway_vendor_running_calls", "Calls under way.", ("vendor",))
PAUSED = FleetGauge("gateway_vendor_paused", "1 while an admin has paused the vendor.", ("vendor",))
CLOSED = FleetGauge(
    "gateway_vendor_closed_seconds", "How much longer the vendor asked to be left alone; 0 where it did not.",
    ("vendor",),
)  # fmt: skip
BREAKER_OPEN = FleetGauge(
    "gateway_vendor_breaker_open", "1 while the vendor's circuit breaker lets at most a probe through.", ("vendor",)
)
LIMIT = FleetGauge("gateway_vendor_limit", "What the vendor's limit allows in one window.", ("vendor", "window"))
LIMIT_USED = FleetGauge("gateway_vendor_limit_used", "How much of that window is used.", ("vendor", "window"))
INSTANCE_BREAKER_OPEN = FleetGauge(
    "gateway_service_instance_breaker_open", "1 while the instance's circuit breaker lets at most a probe through.",
    ("service", "instance"),
)  # fmt: skip
STORE_UP = FleetGauge("gateway_store_up", "1 while the store answers the process that answers this.", ("store",))
UNREAD = FleetGauge("gateway_vendors_unread", "Vendors of which the stores did not tell how they stand.")

CATALOGUE: tuple[Metric, ...] = (
    *(JOBS_ACCEPTED, JOBS_REPEATED, JOBS_REFUSED, JOBS_ENDED, INTAKE_SECONDS),
    *(HTTP_ANSWERS, HTTP_SECONDS, PROBLEMS, PROGRAMMING_ERRORS),
    *(ATTEMPTS, ATTEMPT_SECONDS, LIMITER_WAIT_SECONDS, LIMITER_MISSED, CLAIMS_HELD, LEASES_LOST, BREAKER_CALLS),
    *(SWEEP_FINDS, WEBHOOKS, WEBHOOK_EVENTS, PROXIED, PROXY_SECONDS, PROXY_CUT, INSTANCE_UP, INSTANCE_BREAKER_OPEN),
    *(LOOP_LAG_SECONDS, STARTED_SECONDS),
    *(QUEUED, DUE, OLDEST_DUE, RUNNING, PAUSED, CLOSED, BREAKER_OPEN, LIMIT, LIMIT_USED, STORE_UP, UNREAD),
)


class Exposition(Protocol):
    """The figures of all processes as Prometheus reads them."""

    async def text(self) -> bytes:
        """Not older than a second or two. A store that is away leaves its figures out, and raises nothing."""
        ...
