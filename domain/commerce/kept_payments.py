"""What clients and admins may do to jobs, less what would make us deaf to a payment, or have one made twice."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from domain.commerce.payments import CHECKOUT, GIVE_BACK, PROCESS, VENDOR, is_unsettled, kind_of
from domain.errors import Conflict
from domain.jobs import Job
from domain.ports import JobControl, JobReader, Replayed, ReplayFilter

_CANCEL = "a payment ends by its processor's word alone; cancel its order with POST /orders/{order_id}/cancel"
_WAIT = "what the processor is asked for ends by its word alone; wait for it"
_RETRY = {
    CHECKOUT: "a payment is made once; place another order",
    PROCESS: "a try is made once; make another with POST /payments/{payment_id}/process once this one has failed",
    GIVE_BACK: "this refund has ended; make another with POST /payments/{payment_id}/refund",
}
_NOT_YOURS = "jobs of payments are retried by admins alone"
_DELETE = "what was paid, and given back, stays on record"


@dataclass(frozen=True, slots=True)
class KeepsPayments:
    """A `JobControl`. A refund of which nobody knows may be asked for again by an admin, and what moves no money."""

    inner: JobControl
    jobs: JobReader

    async def cancel(self, request_id: UUID, owner: str | None) -> Job:
        await self._refuse(request_id, owner, _why_not_cancelled)
        return await self.inner.cancel(request_id, owner)

    async def retry(self, request_id: UUID, owner: str | None) -> Job:
        job = await self.jobs.find(request_id, owner)
        if job is not None and job.vendor == VENDOR:
            _refuse_retry(job, owner)
        return await self.inner.retry(request_id, owner)

    async def delete(self, request_id: UUID, owner: str | None) -> None:
        await self._refuse(request_id, owner, lambda _: _DELETE)
        await self.inner.delete(request_id, owner)

    async def replay(self, which: ReplayFilter, *, dry_run: bool) -> Replayed:
        if which.vendor == VENDOR and not dry_run:
            raise _kept("payments are not replayed; retry a refund that failed by its id")
        return await self.inner.replay(which, dry_run=dry_run)

    async def _refuse(self, request_id: UUID, owner: str | None, why: Callable[[Job], str]) -> None:
        job = await self.jobs.find(request_id, owner)
        if job is not None and job.vendor == VENDOR:
            raise _kept(why(job))


def _why_not_cancelled(job: Job) -> str:
    return _CANCEL if kind_of(job) == CHECKOUT else _WAIT


def _refuse_retry(job: Job, owner: str | None) -> None:
    kind = kind_of(job)
    if kind in _RETRY and not (kind == GIVE_BACK and is_unsettled(job)):
        raise _kept(_RETRY[kind])
    if owner is not None:
        raise _kept(_NOT_YOURS)


def _kept(why: str) -> Conflict:
    return Conflict(why, code="payment-kept")
