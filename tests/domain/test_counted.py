"""The intake with its answers counted."""

import pytest

from domain.counted import CountedIntake
from domain.errors import Unavailable
from domain.metrics import INTAKE_SECONDS, JOBS_ACCEPTED, JOBS_REFUSED, JOBS_REPEATED
from domain.tallies import Tallies
from tests.api.samples import pending_job
from tests.fakes import FakeJobs


async def test_accepted_repeated_and_refused_are_three_things() -> None:
    jobs, counts = FakeJobs(), Tallies()
    intake = CountedIntake(jobs, counts)
    job = pending_job(idempotency_key="k", fingerprint="f" * 64)
    await intake.take_in(job)
    await intake.take_in(job)
    jobs.down = True
    with pytest.raises(Unavailable):
        await intake.take_in(pending_job())
    assert (counts.of(JOBS_ACCEPTED, job.vendor), counts.of(INTAKE_SECONDS)) == (1, 1)
    assert counts.of(JOBS_REPEATED, job.vendor) == 1
    assert counts.of(JOBS_REFUSED, job.vendor, "unavailable") == 1


async def test_a_replay_counts_where_there_is_an_earlier_job() -> None:
    counts = Tallies()
    intake = CountedIntake(FakeJobs(), counts)
    job = pending_job(idempotency_key="k", fingerprint="f" * 64)
    assert await intake.replay(job.client, "k", "f" * 64) is None
    await intake.take_in(job)
    assert await intake.replay(job.client, "k", "f" * 64) is not None
    assert counts.of(JOBS_REPEATED, job.vendor) == 1
