"""What clients and admins may do to jobs, less what would make us deaf to a payment, or have one made twice."""

from dataclasses import dataclass
from uuid import UUID

from domain.commerce.payments import CHECKOUT, VENDOR, kind_of
from domain.errors import Conflict
from domain.jobs import Job
from domain.ports import JobControl, JobReader, Replayed, ReplayFilter

_CANCEL = "a payment ends by its processor's word alone; cancel its order with POST /orders/{order_id}/cancel"
_RETRY = "a payment is made once; place another order"
_DELETE = "what was paid, and given back, stays on record"


@dataclass(frozen=True, slots=True)
class KeepsPayments:
    """A `JobControl`. A refund that failed may be run again by an admin; nothing else of a payment is anybody's."""

    inner: JobControl
    jobs: JobReader

    async def cancel(self, request_id: UUID, owner: str | None) -> Job:
        await self._refuse(request_id, owner, _CANCEL)
        return await self.inner.cancel(request_id, owner)

    async def retry(self, request_id: UUID, owner: str | None) -> Job:
        job = await self.jobs.find(request_id, owner)
        if job is not None and job.vendor == VENDOR and (owner is not None or kind_of(job) == CHECKOUT):
            raise _kept(_RETRY)
        return await self.inner.retry(request_id, owner)

    async def delete(self, request_id: UUID, owner: str | None) -> None:
        await self._refuse(request_id, owner, _DELETE)
        await self.inner.delete(request_id, owner)

    async def replay(self, which: ReplayFilter, *, dry_run: bool) -> Replayed:
        if which.vendor == VENDOR and not dry_run:
            raise _kept("payments are not replayed; retry a refund that failed by its id")
        return await self.inner.replay(which, dry_run=dry_run)

    async def _refuse(self, request_id: UUID, owner: str | None, why: str) -> None:
        job = await self.jobs.find(request_id, owner)
        if job is not None and job.vendor == VENDOR:
            raise _kept(why)


def _kept(why: str) -> Conflict:
    return Conflict(why, code="payment-kept")
