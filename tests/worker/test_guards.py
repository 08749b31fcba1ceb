"""Guards that stand behind others: each alone keeps a promise, and `make mutants` takes them away one at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.infra.queue import Lease
from domain.jobs import Job, Status
from domain.ports import Queued
from domain.transitions import signed
from tests.stores import LANE, LEASE, ScriptedVendor, Stores
from worker.starting import Starter
from worker.verdicts import Lost


async def claimed(stores: Stores, job: Job) -> Lease:
    leases: list[Lease] = []
    while not leases:  # the intake queues it behind its answer's back
        leases = (await stores.queue.claim("sync", 1, "sleeper:0")).leases
    assert leases[0].request_id == str(job.id)
    return leases[0]


async def test_a_worker_that_slept_between_claim_and_start_does_not_start_what_another_holds(stores: Stores) -> None:
    """The other has not written its own start yet, so the epoch would let both: the lease alone tells."""
    job = await stores.submit()
    lease = await claimed(stores, job)
    await stores.redis.set(f"arq:in-progress:{job.id}", "another:0", px=60_000)
    slept = replace(lease, claimed_at=lease.claimed_at - LEASE.total_seconds())
    [verdict] = await Starter(stores.station(ScriptedVendor())).start([slept])
    assert isinstance(verdict, Lost)
    assert (await stores.look(job)).status is Status.PENDING


async def test_queueing_again_brings_no_job_forward(stores: Stores) -> None:
    """It waits for its backoff: whoever queues it a second time may know less of that than the queue does."""
    job = await stores.submit(run_at=datetime.now(UTC) + timedelta(minutes=5))
    while (due := await stores.redis.zscore(LANE, str(job.id))) is None:
        pass
    again = replace(Queued.of(job), due_at=datetime.now(UTC))
    assert await stores.queue.enqueue([again]) == 0
    assert await stores.redis.zscore(LANE, str(job.id)) == due


async def test_a_writer_that_read_an_older_epoch_changes_nothing(stores: Stores) -> None:
    """It has the same token as the last writer: a worker whose first write went through and was not confirmed."""
    job = await stores.submit()
    first = signed(job, "w").model_copy(update={"epoch": job.epoch + 1, "status": Status.PROCESSING})
    assert await stores.store.compare_and_set([(job, first)]) == [True]
    second = first.model_copy(update={"epoch": first.epoch + 1, "status": Status.COMPLETE})
    assert await stores.store.compare_and_set([(first, second)]) == [True]
    late = first.model_copy(update={"epoch": first.epoch + 1, "status": Status.FAILED, "claim_token": "late"})
    assert await stores.store.compare_and_set([(first, late)]) == [False]
    assert (await stores.look(job)).status is Status.COMPLETE
