"""
`make bench-accounts`: the section "Accounts" of `docs/benchmarks.md`, on this machine.

Sign-ins beside jobs, whether an answer's time tells who has an account, and stuffing at full speed: a gateway of its
own with one HTTP process, real servers and passwords at their full cost. The load generator shares the machine with
it, so the figures are floors. It is a benchmark and no test: nothing fails because a machine was slow.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from loadtest.account_requests import PASSWORD, new_name, register, sign_in
from loadtest.accounts_section import HEADING, with_section
from loadtest.bench_guessing import measure_forgotten, measure_register, measure_sign_in
from loadtest.bench_hashing import measure_hashing
from loadtest.lab import SYNC, Lab, Row, measured
from loadtest.own_gateway import ROOT, own_gateway
from loadtest.raw_http import Connection, Tally, blast_each, connect, request_bytes

SETTINGS = {
    "GATEWAY_WORKERS": "0",  # what is submitted and mailed waits
    "GATEWAY_LOG_LEVEL": "error",
    "GATEWAY_TRUSTED_HOPS": "1",
    "GATEWAY_VENDORS_FILE": f"{ROOT / 'vendors.toml'}:{ROOT / 'loadtest' / 'vendors.toml'}",
}
UNCOUNTED = {"GATEWAY_IP_LIMIT": "none"}  # else the guesses whose time is measured would end too soon
PAGE = ROOT / "docs" / "benchmarks.md"
SUBMIT = request_bytes("POST", "/jobs", SYNC)
JOBS_A_SECOND = 200  # a tenth of what the process can take
AT_ONCE = 50
SECONDS = 20.0
STUFFING = "stuffing"
PARTS = ("hashing", "guessing", "sign-ins", STUFFING)
PREFACE = f"""{HEADING}

`make bench-accounts` rewrites this section: one HTTP process, passwords at their full cost, each stranger at an
address of their own unless it says otherwise. *t* is Welch's: within ±2 the two means differ by no more than noise.
"""


@dataclass(slots=True)
class Memory:
    """Of a process, in MiB."""

    before: float
    peak: float


async def measure_sign_ins(lab: Lab, people: Sequence[str]) -> list[Row]:
    """Fifty people who sign in again and again, beside jobs that come at a steady pace."""
    alone = await _jobs_at_a_pace(lab.host, SECONDS)
    async with _memory_of_api(lab) as memory:
        signing_in = asyncio.create_task(_keep_signing_in(lab.host, people[:AT_ONCE], SECONDS))
        beside = await _jobs_at_a_pace(lab.host, SECONDS)
        signed_in, took = await signing_in
    what = f"POST /jobs at {JOBS_A_SECOND} a second beside {AT_ONCE} sign-ins at once, and alone"
    return [
        *(_compared(f"{what}, {name}, ms", beside, alone, share) for name, share in (("p50", 0.5), ("p99", 0.99))),
        Row("… answers by status", str(beside.statuses), str(alone.statuses)),
        Row(
            "… sign-ins a second, by status", f"{sum(signed_in.statuses.values()) / took:.1f}", str(signed_in.statuses)
        ),
        Row("… p50 of a sign-in, s", f"{signed_in.percentile_ms(0.5) / 1000:.1f}"),
        Row("… memory of the HTTP process, MiB", f"at its peak {memory.peak:.0f}", f"before {memory.before:.0f}"),
    ]


async def measure_stuffing(lab: Lab) -> list[Row]:
    """At full speed for twenty seconds, from as many addresses as there are names, and then from one."""
    alone = await _jobs_at_full_speed(lab.host, SECONDS / 2)
    rows = []
    for whence, told in (("anywhere", "each guess from another address"), ("one-place", "all from one address")):
        stuffing = await _start_stuffing(lab.host, whence)
        await asyncio.sleep(1)  # its connections are open
        beside = await _jobs_at_full_speed(lab.host, SECONDS - 2)
        report = json.loads((await stuffing.communicate())[0])
        hashed = report["statuses"].get("401", 0)
        rows += [
            Row(f"stuffing for {SECONDS:.0f} s, {told}: tries a second, by status", _told(report)),
            Row("… tries that reached argon2", f"{hashed}", "", f"{hashed / SECONDS:.1f} a second"),
            Row("… jobs/s accepted meanwhile, and alone", f"{beside:,.0f}", f"{alone:,.0f}", f"{beside / alone:.2f} ×"),
        ]
    return rows


async def measure_guessing(lab: Lab, tries: int) -> tuple[list[Row], list[str]]:
    rows, people = await measure_register(lab, tries)
    rows += await measure_sign_in(lab, people)
    rows += await measure_forgotten(lab, people)
    return rows, people


async def _jobs_at_a_pace(host: str, seconds: float) -> Tally:
    """From the first byte sent to the last received; whether one is late does not hold up the next."""
    pool: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(AT_ONCE):
        pool.put_nowait(await connect(host))
    tally, began, sending = Tally(), time.perf_counter(), []
    for number in range(int(seconds * JOBS_A_SECOND)):
        await asyncio.sleep(max(0.0, began + number / JOBS_A_SECOND - time.perf_counter()))
        sending.append(asyncio.create_task(_submit(pool, tally)))
    await asyncio.gather(*sending)
    while not pool.empty():
        pool.get_nowait().close()
    return tally


async def _submit(pool: "asyncio.Queue[Connection]", tally: Tally) -> None:
    connection = await pool.get()
    began = time.perf_counter()
    status, _ = await connection.exchange(SUBMIT)
    tally.latencies.append(time.perf_counter() - began)
    tally.statuses[status] = tally.statuses.get(status, 0) + 1
    pool.put_nowait(connection)


async def _jobs_at_full_speed(host: str, seconds: float) -> float:
    """Jobs accepted a second."""
    ends_at = time.monotonic() + seconds
    tally, took = await blast_each(
        host, AT_ONCE, itertools.takewhile(lambda _: time.monotonic() < ends_at, itertools.repeat(SUBMIT))
    )
    return tally.statuses.get(202, 0) / took


async def _keep_signing_in(host: str, people: Sequence[str], seconds: float) -> tuple[Tally, float]:
    """One connection for each of them."""
    ends_at = time.monotonic() + seconds
    names = itertools.takewhile(lambda _: time.monotonic() < ends_at, itertools.cycle(people))
    return await blast_each(host, len(people), (sign_in(name, PASSWORD) for name in names))


async def _start_stuffing(host: str, whence: str) -> asyncio.subprocess.Process:
    """A process of its own, so that the jobs need not share its event loop."""
    words = (sys.executable, "-m", "loadtest.stuffing", host, str(SECONDS), whence)
    return await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)


async def _some_people(lab: Lab) -> list[str]:
    people = [new_name() for _ in range(AT_ONCE)]
    await blast_each(lab.host, 4, map(register, people))
    return people


async def _confirm_all(lab: Lab) -> None:
    """In the store: nobody here reads mails."""
    async with lab.database() as found:
        await found["users"].update_many({}, {"$set": {"confirmed_at": datetime.now(UTC)}})


@asynccontextmanager
async def _memory_of_api(lab: Lab) -> AsyncIterator[Memory]:
    status = Path("/proc") / (Path(lab.environment["GATEWAY_HOME"]) / "api.pid").read_text().strip() / "status"
    memory = Memory(_resident(status), 0.0)

    async def watch() -> None:
        while True:
            memory.peak = max(memory.peak, _resident(status))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    try:
        yield memory
    finally:
        watching.cancel()


def _resident(status: Path) -> float:
    """VmRSS of proc(5), in MiB."""
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _compared(what: str, beside: Tally, alone: Tally, share: float) -> Row:
    ours, theirs = beside.percentile_ms(share), alone.percentile_ms(share)
    return Row(what, f"{ours:.1f}", f"alone {theirs:.1f}", f"{ours / theirs:.1f} ×")


def _told(report: dict[str, object]) -> str:
    return f"{report['a_second']:,.0f}; {report['statuses']}"


async def measure(lab: Lab, tries: int, chosen: Collection[str]) -> list[Row]:
    rows: list[Row] = []

    def tell(found: list[Row]) -> None:
        print(*found, sep="\n", file=sys.stderr, flush=True)
        rows.extend(found)

    if "hashing" in chosen:
        tell(await measure_hashing())
    people: list[str] = []
    if "guessing" in chosen:
        found, people = await measure_guessing(lab, tries)
        tell(found)
    if "sign-ins" in chosen:
        people = people if len(people) >= AT_ONCE else await _some_people(lab)
        await _confirm_all(lab)
        tell(await measure_sign_ins(lab, people))
    if STUFFING in chosen:
        tell(await measure_stuffing(lab))
    return rows


def _with_gateway(settings: Mapping[str, str], tries: int, chosen: Collection[str]) -> list[Row]:
    """One of its own, so that what one part counted is nothing to the next."""
    if not chosen:
        return []
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as home, own_gateway(Path(home), settings) as host:
        return uvloop.run(measure(Lab.of(host, Path(home), settings), tries, chosen))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_accounts", description=__doc__)
    parser.add_argument("--tries", type=int, default=200, help="of each known and unknown address")
    parser.add_argument("--only", metavar="A,B", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="rewrite the section of docs/benchmarks.md")
    wishes = parser.parse_args()
    chosen = wishes.only.split(",")
    rows = [
        *_with_gateway({**SETTINGS, **UNCOUNTED}, wishes.tries, [part for part in chosen if part != STUFFING]),
        *_with_gateway(SETTINGS, wishes.tries, [part for part in chosen if part == STUFFING]),
    ]
    text = f"{PREFACE}\n{measured(rows, 'what', 'measured', 'beside it', 'ratio or t')}"
    print(text)
    if wishes.write:
        PAGE.write_text(with_section(PAGE.read_text(), text))


if __name__ == "__main__":
    main()
