"""
`make bench`: the figures of `docs/benchmarks.md`, on this machine, beside a baseline in the same run.

Everything runs here: embedded servers, one HTTP process, one worker, the simulated vendor, and the
load generator. So the figures are ratios and floors, not what separate machines would reach. It is
a benchmark and no test: nothing fails because a machine was slow.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import uvloop

from loadtest.accounts_section import section_of
from loadtest.bench_limits import crowd_tables, measure_crowd, measure_limit, measure_neighbours
from loadtest.bench_services import measure_services
from loadtest.bench_webhooks import measure_waiting, measure_webhooks
from loadtest.lab import SYNC, Lab, Row, admit_admin, compare, measured, pick_ups, warm
from loadtest.own_gateway import ROOT, free_port, own_gateway
from loadtest.raw_http import Tally, blast, connect, request_bytes

SLOW = b'{"vendorType": "sync", "vendorPayload": {"simulate": {"mode": "slow", "seconds": 1}}}'
SETTINGS = {
    "GATEWAY_WORKERS": "0",  # each measurement starts its own
    "GATEWAY_LOG_LEVEL": "warning",
    "GATEWAY_VENDORS_FILE": f"{ROOT / 'vendors.toml'}:{ROOT / 'loadtest' / 'vendors.toml'}",
}
PAGE = ROOT / "docs" / "benchmarks.md"
PREFACE = """# Benchmarks

`make bench` rewrites this page, but for its last section. Everything runs on the one machine: the embedded servers,
one HTTP process, one worker (three for the limit), the simulated vendors and the load generator. So the figures are
floors, and machines differ: read the ratios.

The baseline, measured in the same run against the same servers and vendor, is the usual way with the same libraries
(`loadtest/baseline.py`): an insert and an `enqueue_job` for each request, and a tuned `arq.Worker` with httpx's own
pool that reads, marks, calls and writes. It has no leases, no fencing and no recovery worth the name. The proxy's is
the least that passes requests on (`loadtest/baseline_proxy.py`): no access, limits, retries, breaker or count.
"""


async def intake(host: str, jobs: int) -> tuple[Tally, float]:
    return await blast(host, 200, jobs, request_bytes("POST", "/jobs", SYNC))


async def drained(lab: Lab, jobs: int, database: str = "gateway") -> float:
    """Seconds from the first complete job to the last, for a backlog that is there already."""
    began, first = 0.0, 0
    while True:
        done = await lab.completed(database)
        if done and not began:
            began, first = time.perf_counter(), done
        if done >= jobs:
            return (time.perf_counter() - began) * jobs / max(jobs - first, 1)
        await asyncio.sleep(0.05)


async def measure_intake_and_drain(lab: Lab, jobs: int) -> list[Row]:
    tally, took = await intake(lab.host, jobs)
    with lab.process("worker"):
        drain = await drained(lab, jobs)
    async with baseline_api(lab) as url:
        base_tally, base_took = await intake(url, jobs)
    with lab.process("worker", module="loadtest.baseline"):
        base_drain = await drained(lab, jobs, "baseline")
    return [
        compare("intake at 200 connections, jobs/s", jobs / took, jobs / base_took),
        Row("… p99 of POST, ms", f"{tally.percentile_ms(0.99):.0f}", f"{base_tally.percentile_ms(0.99):.0f}"),
        Row("… answers by status", str(tally.statuses), str(base_tally.statuses)),
        compare("drain of that backlog, one worker, jobs/s", jobs / drain, jobs / base_drain),
    ]


async def measure_idle(lab: Lab, jobs: int) -> list[Row]:
    """From sending POST to the vendor's receipt of the call."""
    with lab.process("worker"):
        await warm(lab)
        tally = await pick_ups(lab, jobs)
    row = f"{tally.percentile_ms(0.5):.1f} / {tally.percentile_ms(0.99):.1f}"
    return [Row(f"POST to the vendor's receipt at idle, {jobs} jobs, p50 / p99, ms", row)]


async def measure_kill(lab: Lab, jobs: int = 50) -> list[Row]:
    """kill -9 of the worker with all calls in flight; another one is there to take over."""
    before = await lab.completed()
    victim = subprocess.Popen([sys.executable, "-m", "cli.main", "worker"], env=lab.environment)
    await warm(lab)
    await blast(lab.host, 10, jobs, request_bytes("POST", "/jobs", SLOW))
    while await lab.in_flight() < jobs:
        await asyncio.sleep(0.01)
    victim.kill()
    killed_at = time.perf_counter()
    victim.wait()
    with lab.process("worker"):
        while await lab.completed() < before + 1 + jobs:
            await asyncio.sleep(0.05)
        took = time.perf_counter() - killed_at
    return [Row(f"kill -9 with {jobs} calls of 1 s in flight: all complete after, s", f"{took:.1f}")]


@asynccontextmanager
async def baseline_api(lab: Lab) -> AsyncIterator[str]:
    port = free_port()
    with lab.process("api", str(port), module="loadtest.baseline"):
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                (await connect(url)).close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        await blast(url, 1, 1, request_bytes("GET", "/"))
        yield url


async def measure(lab: Lab, jobs: int, chosen: Collection[str] | None) -> list[Row]:
    parts: dict[str, Callable[[], Awaitable[list[Row]]]] = {
        "intake": lambda: measure_intake_and_drain(lab, jobs),
        "idle": lambda: measure_idle(lab, 500),
        "kill": lambda: measure_kill(lab),
        "limit": lambda: measure_limit(lab),
        "crowd": lambda: measure_crowd(lab),
        "neighbours": lambda: measure_neighbours(lab),
        "waiting": lambda: measure_waiting(lab),
        "services": lambda: measure_services(lab),
        "webhooks": lambda: measure_webhooks(lab),  # the last: nobody works off what it leaves
    }
    rows: list[Row] = []
    for name, part in parts.items():
        if chosen is None or name in chosen:
            found = await part()
            print(*found, sep="\n", file=sys.stderr, flush=True)
            rows += found
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs taken in and drained")
    parser.add_argument(
        "--only",
        metavar="A,B",
        help="some of intake, idle, kill, limit, crowd, neighbours, waiting, services, webhooks",
    )
    parser.add_argument("--write", action="store_true", help="rewrite docs/benchmarks.md")
    wishes = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as home,
        ExitStack() as stack,
    ):
        admin_key, crowd = admit_admin(Path(home)), Path(home) / "crowd.toml"
        crowd.write_text(crowd_tables())
        settings = {**SETTINGS, "GATEWAY_VENDORS_FILE": f"{SETTINGS['GATEWAY_VENDORS_FILE']}:{crowd}"}
        host = stack.enter_context(own_gateway(Path(home), settings))
        lab = Lab.of(host, Path(home), settings, admin_key)
        lab.environment["BASELINE_VENDOR_URL"] = f"{lab.vendors}/sync"
        rows = uvloop.run(measure(lab, wishes.jobs, wishes.only.split(",") if wishes.only else None))
    text = f"{PREFACE}\n{measured(rows, 'what', 'gateway', 'baseline', 'ratio')}"
    print(text)
    if wishes.write:
        PAGE.write_text(text + section_of(PAGE.read_text()))


if __name__ == "__main__":
    main()
