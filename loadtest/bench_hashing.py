"""
What a password's hash costs, by its lanes and by the threads that make it: why `domain.infra.passwords` is as it is.

The same memory and passes each time. An event loop beside the threads ticks every few milliseconds: how late it ticks
is what every other request of such a process would wait.
"""

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pwdlib.hashers.argon2 import Argon2Hasher

from loadtest.lab import Row
from loadtest.raw_http import Tally

MEMORY_KIB, PASSES = 65_536, 3
TICK_SECONDS = 0.005
HASHES = 30
TRIED = ((1, 1), (1, 2), (1, 4), (4, 1), (4, 2))  # lanes and threads


async def measure_hashing() -> list[Row]:
    return [await _row(lanes, threads) for lanes, threads in TRIED]


async def _row(lanes: int, threads: int) -> Row:
    hasher = Argon2Hasher(PASSES, MEMORY_KIB, lanes)
    ticks = asyncio.create_task(_tick(tally := Tally()))
    began = time.perf_counter()
    with ThreadPoolExecutor(threads, initializer=_stand_back) as pool:
        loop = asyncio.get_running_loop()
        made = (loop.run_in_executor(pool, partial(hasher.hash, f"password {number}")) for number in range(HASHES))
        await asyncio.gather(*made)
    took = time.perf_counter() - began
    ticks.cancel()
    return Row(
        f"{HASHES} hashes of {MEMORY_KIB // 1024} MiB, {PASSES} passes, {lanes} lanes, by {threads} threads, a second",
        f"{HASHES / took:.1f}",
        f"ticks late, p99: {tally.percentile_ms(0.99):.0f} ms",
    )


async def _tick(tally: Tally) -> None:
    while True:
        due = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        tally.latencies.append(max(0.0, time.perf_counter() - due))


def _stand_back() -> None:
    """As the gateway's own threads do."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, 5)
