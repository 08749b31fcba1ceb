"""
The vendors of a chaos run: what each promises, and the tables by which the gateway knows them.

One process plays them all, each under a path of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

DEMO_SECRET = "${GATEWAY_DEMO_WEBHOOK_SECRET}"  # noqa: S105 - the name of a setting, read where the tables are


@dataclass(frozen=True, slots=True)
class ChaosVendor:
    """
    `honours_keys`: a repeated key has its first answer again, and no second effect. `windows`: at most so many calls
    in so many seconds. `share`: how many of the load's jobs are its, against the others' shares.
    """

    name: str
    honours_keys: bool = True
    answers_later: bool = False
    tells: bool = False  # by webhook
    windows: tuple[tuple[int, int], ...] = ()
    concurrency: int | None = None
    share: int = 2
    faults: bool = True  # besides outages


VENDORS: Mapping[str, ChaosVendor] = MappingProxyType(
    {
        vendor.name: vendor
        for vendor in (
            ChaosVendor("keyed", share=3),
            ChaosVendor("plain", honours_keys=False, share=3),
            ChaosVendor("hooked", answers_later=True, tells=True, share=4),
            ChaosVendor("polled", answers_later=True),
            ChaosVendor("limited", windows=((20, 1),)),
            ChaosVendor("windowed", windows=((12, 1), (80, 10)), share=1),
            ChaosVendor("narrow", concurrency=6, share=1),
            ChaosVendor("probe", share=0, faults=False),  # by which a run sees when the gateway is itself again
        )
    }
)


def write_tables(
    path: Path,
    vendors_url: str,
    *,
    secret: str = DEMO_SECRET,
    webhook_deadline_seconds: float = 120,
    guard_ms: int = 25,
) -> None:
    """
    The `vendors.toml` of a run.

    Backoffs are short and attempts many, so that what was out for a while is served before the run's end; a webhook's
    deadline is far beyond the latest one's coming.
    """
    lines = (
        line
        for vendor in VENDORS.values()
        for line in (
            *_call_lines(vendor, vendors_url, guard_ms),
            *(_later_lines(vendor, vendors_url, secret, webhook_deadline_seconds) if vendor.answers_later else ()),
            "",
        )
    )
    path.write_text("\n".join(lines))


def _call_lines(vendor: ChaosVendor, url: str, guard_ms: int) -> Iterator[str]:
    yield f"[vendors.{vendor.name}]"
    yield f'mode = "{"async" if vendor.answers_later else "sync"}"'
    yield f'url = "{url}/{vendor.name}"'
    yield f"repeatable = {str(vendor.honours_keys).lower()}"
    yield "timeout_seconds = 5"
    yield "attempts = 40"
    yield "backoff = { base_seconds = 0.2, cap_seconds = 3 }"
    if vendor.windows:
        yield f'limit = "{"; ".join(f"{calls}/{seconds} seconds" for calls, seconds in vendor.windows)}"'
        yield f"burst_guard_ms = {guard_ms}"
    if vendor.concurrency is not None:
        yield f"concurrency = {vendor.concurrency}"


def _later_lines(vendor: ChaosVendor, url: str, secret: str, deadline_seconds: float) -> Iterator[str]:
    yield f"[vendors.{vendor.name}.reply]"
    yield 'reference = "/id"'
    yield f"[vendors.{vendor.name}.webhook]"
    if vendor.tells:
        yield f'secret = "{secret}"'
        yield 'reference = "/id"'
        yield 'request_id = "/job"'
    yield 'result = "/report"'
    yield 'status = "/status"'
    yield 'done = ["complete"]'
    yield 'failed = ["failed"]'
    yield 'error = "/message"'
    yield f"deadline_seconds = {deadline_seconds:g}"
    if not vendor.tells:
        yield f"[vendors.{vendor.name}.poll]"
        yield f'url = "{url}/{vendor.name}/${{job.reference}}"'
        yield "every_seconds = 5"  # each is two durable writes: every second, they were most of a run's load
