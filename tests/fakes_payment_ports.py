"""What the routes of payments need of the outside, faked; and who stands for the processor."""

from typing import Any

from api.ports import PaymentPorts
from domain.jobs import Job
from domain.payments.following import PaymentFollowing
from tests.fakes import FakeJobs
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payments import FakePaymentStore

PAGES = "https://shop.example"


class FakeJobsOfPayments(FakePaymentJobs):
    """A `PaymentJobs` whose jobs are among the API's too; `becoming` is what the processor makes of each at once."""

    def __init__(self, jobs: FakeJobs) -> None:
        super().__init__()
        self.becoming: dict[str, Any] = {}
        self._jobs = jobs

    async def put(self, job: Job) -> None:
        await super().put(job)
        await self._jobs.put(self.stored[job.id].model_copy(update=self.becoming))


def fake_payments(**parts: Any) -> PaymentPorts:
    """Fakes of all that the routes of payments need, but for `parts`; nobody waits long."""
    payments = parts.pop("payments", None) or FakePaymentStore()
    jobs = parts.pop("jobs", None) or FakeJobsOfPayments(FakeJobs())
    following = PaymentFollowing(payments, jobs, f"{PAGES}/payments/return")
    return PaymentPorts(payments, jobs, following, PAGES, **{"patience_seconds": 0.02, **parts})
