"""When the books are compared without anybody asking: once a period over the whole fleet, whoever comes first."""

from datetime import UTC, datetime, timedelta

from domain.commerce.ports import PaymentJobs
from domain.payments.reconcile_jobs import RECONCILE, Reconcile, page_job
from domain.request_ids import dated_id

LOOKS_BACK = timedelta(days=3)  # as long as Stripe goes on sending an event: what is older came, or will never come
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReconcileRota:
    """The id of a run derives from the period it is of, so any number of workers put the same one on record."""

    def __init__(self, jobs: PaymentJobs, every: timedelta) -> None:
        self._jobs = jobs
        self._every = every
        self._done: datetime | None = None

    async def put_due(self, now: datetime) -> None:
        """The run of this period is on record. Raises `Unavailable`."""
        period = now - (now - _EPOCH) % self._every
        if period == self._done:
            return
        run = dated_id(period, f"{RECONCILE}:{period.isoformat()}")
        await self._jobs.put(page_job(Reconcile(run, period - LOOKS_BACK), now))
        self._done = period
