"""What workers do so that the books are compared with the processor's: see `domain.payments.reconcile_rota`."""

import asyncio
import random

import structlog

from domain.errors import Unavailable
from domain.payments.reconcile_rota import ReconcileRota
from worker.clock import FleetClock

PAUSE_SECONDS = 2.0

log = structlog.get_logger()


async def compare_in_time(rota: ReconcileRota, clock: FleetClock, *, pause_seconds: float = PAUSE_SECONDS) -> None:
    """For ever, by the fleet's clock. It needs no turn: whoever comes second finds the run on record."""
    while True:
        await asyncio.sleep(pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter is no secret
        try:
            if clock.is_set:
                await rota.put_due(clock.now())
        except Unavailable as fault:
            log.warning("no run that compares the books could be put on record", fault=fault.detail)
        except Exception:
            log.exception("putting a run on record broke; it goes on")
