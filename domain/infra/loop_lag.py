"""How late the event loop is."""

import asyncio
import time


async def loop_lag(seconds: float) -> float:
    """How much later than after `seconds` the loop woke us. Not by its own clock: uvloop's counts milliseconds."""
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    return max(time.perf_counter() - begun - seconds, 0.0)
