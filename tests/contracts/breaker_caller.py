"""
A process that asks a breaker, for `test_breakers.py`: REDIS_URL KEY LEASE_SECONDS, then a line on stdin for each round.

A line is how many callers ask at once; it answers with how many of them may call, and keeps what it was given.
"""

import asyncio
import sys
from datetime import timedelta

from domain.infra.breakers import open_breakers
from domain.infra.redis import open_redis


async def main(url: str, key: str, lease_seconds: float) -> None:
    loop, lasts = asyncio.get_running_loop(), timedelta(seconds=lease_seconds)
    async with open_redis(url) as redis, open_breakers(redis, probe_margin=timedelta(0)) as breakers:
        await redis.ping()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            answers = await asyncio.gather(*(breakers.admit(key, lasts) for _ in range(int(line))))
            sys.stdout.write(f"{sum(answer.allowed for answer in answers)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
