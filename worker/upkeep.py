"""What workers do besides running jobs, in turns over the fleet: they look after orders, and after payments."""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.commerce.upkeep import LARGEST_LOOK
from domain.errors import Unavailable
from domain.infra.queue import Queue
from domain.infra.redis import REDIS_FAULTS
from worker.clock import FleetClock

PAUSE_SECONDS = 2.0
TURN_LASTS = timedelta(seconds=1.5)  # less than the shortest pause: a worker alone misses no turn

log = structlog.get_logger()


class Looks(Protocol):
    async def once(self, now: datetime) -> int:
        """Look at those that are due; answers how many were looked after. Raises `Unavailable`."""
        ...


async def look_after(
    upkeep: Looks, turn: str, queue: Queue, clock: FleetClock, *, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """For ever, out of step with the other workers. By the fleet's clock: a machine's own may be wrong."""
    while True:
        await asyncio.sleep(pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter is no secret
        try:
            if clock.is_set and await queue.take_turn(turn, TURN_LASTS):
                await _look(upkeep, clock)
        except (Unavailable, *REDIS_FAULTS) as fault:
            log.warning("nobody could look after them", turn=turn, fault=str(fault))
        except Exception:
            log.exception("looking after them broke; it goes on", turn=turn)


async def _look(upkeep: Looks, clock: FleetClock) -> None:
    """Until no more are due, or none of those that are can be helped now."""
    while await upkeep.once(clock.now()) >= LARGEST_LOOK:
        pass
