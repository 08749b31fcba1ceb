"""Ports of the API and the receiver with their answers counted; what stands behind them is unaware of it."""

import time

from domain.errors import GatewayError
from domain.jobs import Job
from domain.metrics import INTAKE_SECONDS, JOBS_ACCEPTED, JOBS_REFUSED, JOBS_REPEATED
from domain.ports import Accepted, JobIntake
from domain.tallies import Tallies


class CountedIntake:
    """A `JobIntake` around another."""

    def __init__(self, intake: JobIntake, counts: Tallies) -> None:
        self._intake = intake
        self._counts = counts

    async def take_in(self, job: Job) -> Accepted:
        begun = time.perf_counter()
        try:
            accepted = await self._intake.take_in(job)
        except GatewayError as fault:
            self._counts.add(JOBS_REFUSED, job.vendor, fault.code)
            raise
        if accepted.replayed:
            self._counts.add(JOBS_REPEATED, job.vendor)
        else:
            self._counts.add(JOBS_ACCEPTED, job.vendor)
            self._counts.observe(INTAKE_SECONDS, time.perf_counter() - begun)
        return accepted

    async def replay(self, client: str, key: str, fingerprint: str) -> Accepted | None:
        earlier = await self._intake.replay(client, key, fingerprint)
        if earlier is not None:
            self._counts.add(JOBS_REPEATED, earlier.job.vendor)
        return earlier
