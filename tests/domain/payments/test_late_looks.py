"""Events whose jobs have ended, or are gone: what they name is looked at, and not what our books happen to know."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from domain.commerce.payments import PROCESS, VENDOR
from domain.jobs import Job
from domain.payments.jobs import LOOK, Look
from domain.payments.late_looks import PaymentLooks
from domain.payments.payments import Payment, Status
from domain.request_ids import new_request_id
from domain.webhooks import LookAgain, Notice
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payments import FakePaymentStore, a_paid_payment, a_payment
from tests.strategies import NOON, a_job


class Office:
    def __init__(self, payment: Payment) -> None:
        self.payment, self.jobs, self.now = payment, FakePaymentJobs(), NOON
        self.looks = PaymentLooks(FakePaymentStore(payment), self.jobs, lambda: self.now)

    async def hears(self, at: str | None, *, job: Job | None = None, names: UUID | None = None) -> bool:
        """An event of what the processor calls `at`, which names a job that is on record, or one that is not."""
        reference = at if job is None and names is None else None
        return await self.looks.take_up(VENDOR, Notice(reference, names, LookAgain(at), "event"), job)

    def a_try(self) -> Job:
        return a_job(vendor=VENDOR, metadata={"kind": PROCESS, "payment_id": str(self.payment.id)})

    @property
    def looked_at(self) -> list[str]:
        return [msgspec.json.decode(job.payload, type=Look).reference for job in self.jobs.of_kind(LOOK)]


@pytest.fixture
def in_doubt() -> Office:
    """Nobody knows what became of its try, so no name at the processor is on record."""
    return Office(a_payment(status=Status.PROCESSING, job=new_request_id()))


@pytest.fixture
def paid() -> Office:
    return Office(a_paid_payment(reference="pi_2", charge="ch_2"))


async def test_a_try_in_doubt_is_looked_at_where_the_event_says(in_doubt: Office) -> None:
    assert await in_doubt.hears("pi_1", job=in_doubt.a_try())
    assert in_doubt.looked_at == ["pi_1"]


async def test_an_event_that_names_nothing_has_nothing_looked_at_that_has_no_name(in_doubt: Office) -> None:
    assert not await in_doubt.hears(None, job=in_doubt.a_try())
    assert in_doubt.jobs.stored == {}


async def test_an_event_of_an_earlier_try_has_that_one_looked_at(paid: Office) -> None:
    assert await paid.hears("pi_1", job=paid.a_try())
    assert paid.looked_at == ["pi_1"]


async def test_an_event_whose_job_is_no_longer_kept_finds_its_payment(paid: Office) -> None:
    """A bank may send a refund back after a month, and what names its job then names none."""
    assert await paid.hears("pi_2", names=new_request_id())
    assert paid.looked_at == ["pi_2"]


async def test_an_event_of_nobodys_payment_is_not_taken_up(paid: Office) -> None:
    assert not await paid.hears("pi_9", names=new_request_id())
    assert not await paid.looks.take_up("acme", Notice("pi_2", None, LookAgain("pi_2")), None)


async def test_within_a_second_one_look_follows_all_that_is_said_of_one_thing(paid: Office) -> None:
    for at in ("pi_1", "pi_2", "pi_2"):
        assert await paid.hears(at, job=paid.a_try())
    assert sorted(paid.looked_at) == ["pi_1", "pi_2"]
    assert {job.run_at for job in paid.jobs.stored.values()} == {NOON + timedelta(seconds=1)}
    paid.now = NOON + timedelta(seconds=1)
    assert await paid.hears("pi_2", job=paid.a_try())
    assert len(paid.jobs.stored) == 3
