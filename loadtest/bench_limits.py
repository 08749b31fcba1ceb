"""The figures of limits and fairness: a limited vendor under three workers, and a fast vendor beside a slow one."""

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loadtest.lab import Lab, Row, compare, pick_ups, warm
from loadtest.raw_http import blast, blast_each, request_bytes

LIMITED = b'{"vendorType": "limited", "vendorPayload": {}, "run_at": "%b"}'
FAST = b'{"vendorType": "fast", "vendorPayload": {}}'
SLOW = b'{"vendorType": "slow", "vendorPayload": {"simulate": {"mode": "slow", "seconds": 5}}}'
SETTLED = timedelta(seconds=6)  # the workers are up and have nothing to do before the jobs come due
TICKS = os.sysconf("SC_CLK_TCK")
CROWD = 10  # vendors whose limits are more than two workers can reach, and as many without limits


@dataclass(slots=True)
class CpuWatch:
    """What some processes have used together, looked at all the time."""

    pids: Sequence[int]
    samples: list[tuple[float, float]] = field(default_factory=list)

    async def keep_looking(self) -> None:
        while True:
            self.samples.append((time.monotonic(), sum(map(_cpu_seconds, self.pids))))
            await asyncio.sleep(0.02)

    def used_between(self, first: float, last: float) -> float:
        before = max((used for at, used in self.samples if at <= first), default=0.0)
        return min(used for at, used in self.samples if at >= last) - before


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def measure_limit(lab: Lab, jobs: int = 1000, workers: int = 3) -> list[Row]:
    """All jobs come due at once, for workers that are up and idle: what is measured is the limit, and no start."""
    with lab.workers(workers, "--vendors", "limited") as pids:
        await lab.ask_vendors("DELETE", "/control/calls")
        due = datetime.now(UTC) + SETTLED
        await blast(lab.host, 50, jobs, request_bytes("POST", "/jobs", LIMITED % due.isoformat().encode()))
        watch = CpuWatch(pids)
        watching = asyncio.create_task(watch.keep_looking())
        while await lab.completed(vendor="limited") < jobs:
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.1)
        watching.cancel()
    return await _limit_rows(lab, watch, jobs)


async def _limit_rows(lab: Lab, watch: CpuWatch, jobs: int) -> list[Row]:
    calls = await lab.calls()
    first, *_, last = sorted(call["at_monotonic"] for call in calls)
    async with lab.database() as found:
        attempts = await found["jobs"].find({"vendor": "limited"}, {"attempts.number": 1}).to_list()
    beyond = len(calls) - len(Counter(call["request_id"] for call in calls))
    again = sum(len(job["attempts"]) for job in attempts) - jobs
    worst = (await lab.ask_vendors("GET", "/control/stats?window=1.0"))["worst_window"]
    used = watch.used_between(first, last)
    return [
        Row(
            f"{jobs:,} jobs at 50/second, three workers: first to last call, s (target 19.0 to 20.5)",
            f"{last - first:.2f}",
        ),
        Row("… calls in the worst sliding second, as received (target at most 50)", str(worst)),
        Row("… calls beyond one a job, attempts beyond one (target 0, 0)", f"{beyond}, {again}"),
        Row("… CPU of the three workers from the first call to the last, s (target below 1)", f"{used:.2f}"),
    ]


def crowd_tables() -> str:
    """The vendors of `measure_crowd`, for a file of tables."""
    common = 'mode = "sync"\nurl = "${GATEWAY_DEMO_VENDORS_URL}/sync"\nrepeatable = true\n'
    limits = {"crowd": 'limit = "1000/second"\n', "free": ""}
    return "".join(f"[vendors.{each}]\n{common}{limit}" for kind, limit in limits.items() for each in _crowd(kind))


def _crowd(kind: str) -> list[str]:
    return [f"{kind}{number}" for number in range(CROWD)]


async def measure_crowd(lab: Lab, jobs: int = 4000) -> list[Row]:
    """What keeping limits costs where the workers, and not the limits, are what bounds."""
    free, limited = [await _drain_of(lab, _crowd(kind), jobs) for kind in ("free", "crowd")]
    what = f"drain of {CROWD} vendors' backlogs at 1,000/second each, two workers, jobs/s; without limits"
    return [compare(what, limited, free)]


async def _drain_of(lab: Lab, vendors: Sequence[str], jobs: int) -> float:
    """Jobs a second, from the first that is complete to the last."""
    bodies = itertools.cycle(b'{"vendorType": "%b", "vendorPayload": {}}' % each.encode() for each in vendors)
    requests = (request_bytes("POST", "/jobs", body) for body in bodies)
    await blast_each(lab.host, 50, itertools.islice(requests, jobs))
    before, began, first = await lab.completed(), 0.0, 0
    with lab.workers(2, "--vendors", ",".join(vendors)):
        while (done := await lab.completed() - before) < jobs:
            if done and not began:
                began, first = time.perf_counter(), done
            await asyncio.sleep(0.05)
    return (jobs - first) / (time.perf_counter() - began)


async def measure_neighbours(lab: Lab, jobs: int = 500) -> list[Row]:
    """A fast vendor alone, then beside a slow one that takes every slot it can get."""
    with lab.workers(1, "--vendors", "fast,slow"):
        await warm(lab, FAST)
        alone = await pick_ups(lab, jobs, FAST)
        await blast(lab.host, 50, 1000, request_bytes("POST", "/jobs", SLOW))
        while await lab.in_flight() < 100:
            await asyncio.sleep(0.05)
        beside = await pick_ups(lab, jobs, FAST)
    what = "POST to a fast vendor's receipt beside 1,000 queued jobs of 5 s, and alone"
    return [
        Row(
            f"{what}, {name}, ms (target at most 1.5 ×)", f"{ours:.1f}", f"alone {theirs:.1f}", f"{ours / theirs:.2f} ×"
        )
        for name, ours, theirs in (
            (name, beside.percentile_ms(share), alone.percentile_ms(share))
            for name, share in (("p50", 0.5), ("p99", 0.99))
        )
    ]
