"""What a payment owes, and what it learns when a job of its ends: once, and without a word about its money."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from domain.commerce.payments import CHECKOUT, GIVE_BACK, PROCESS
from domain.errors import Conflict, Unavailable
from domain.jobs import Job, JobError
from domain.jobs import Status as JobStatus
from domain.outcomes import Done, Failed
from domain.payments.following import PaymentFollowing
from domain.payments.hearing import Hearing
from domain.payments.job_ends import PaymentJobEnds
from domain.payments.jobs import CREATE_CHECKOUT, SOON, GiveBack, NewCheckout, Try
from domain.payments.of_orders import payment_of
from domain.payments.payments import Page, Payment, RefundStatus, Status
from domain.payments.processing import BEGIN, begun, page_begun
from domain.payments.refunding import SOONEST
from domain.payments.upkeep import PaymentUpkeep
from domain.request_ids import new_request_id
from domain.transitions import settle, start
from domain.unknowns import unanswered
from tests.fakes_commerce import a_product
from tests.fakes_orders import FakePaymentJobs, an_order
from tests.fakes_payments import FakePaymentStore, a_paid_payment, a_payment, a_refund
from tests.payments import LATER, ONCE
from tests.strategies import a_job

BACK = "https://shop.test/payments/return"
NO = Failed("vendor_rejected", "no", 400)


class Desk:
    """The books, the jobs, and what stands between them."""

    def __init__(self) -> None:
        self.books, self.jobs = FakePaymentStore(), FakePaymentJobs()
        self.told: list[tuple[str, Payment]] = []
        self.following = PaymentFollowing(self.books, self.jobs, BACK, self)
        self.ends = PaymentJobEnds(self.following, Hearing(self.books, self.clock), self.clock)
        self.asked = 0

    def clock(self) -> datetime:
        """Each time is after the one before."""
        self.asked += 1
        return LATER + timedelta(milliseconds=self.asked)

    async def paid(self, payment: Payment) -> None:
        self.told.append(("paid", payment))

    async def refunded(self, payment: Payment) -> None:
        self.told.append(("refunded", payment))

    async def begun(self, **fields: Any) -> Payment:
        payment = begun(await self.books.add(a_payment()), "pm_1", LATER)
        self.books.stored[payment.id] = payment.model_copy(update=fields)
        return self.books.stored[payment.id]

    async def tried(self) -> tuple[Payment, Job]:
        payment = await self.following.follow(await self.begun(), LATER)
        [job] = self.jobs.of_kind(PROCESS)
        return payment, job

    async def reserved(self) -> tuple[Payment, Job]:
        payment = await self.books.add(a_paid_payment())
        after = await self.books.reserve(payment.id, None, a_refund())
        assert after is not None
        await self.following.follow(after, LATER)
        [job] = self.jobs.of_kind(GIVE_BACK)
        return self.look(payment), job

    def come_to(self, job: Job, outcome: Any) -> Job:
        return settle(start(job, worker="w", key=f"{job.id}:call:1", now=LATER), outcome, ONCE, LATER)

    def look(self, payment: Payment) -> Payment:
        return self.books.stored[payment.id]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_try_is_put_on_record_under_the_id_that_its_payment_names(desk: Desk) -> None:
    payment, job = await desk.tried()
    assert (job.id, job.at_end, payment.owed, payment.sweep_at) == (payment.job, ["payment"], None, None)
    total = payment.total
    assert msgspec.json.decode(job.payload, type=Try) == Try(payment.id, total.amount, total.currency, "pm_1", BACK)


async def test_what_a_crash_left_owed_the_sweep_does_once(desk: Desk) -> None:
    payment = await desk.begun()
    upkeep = PaymentUpkeep(desk.following)
    assert await upkeep.once(LATER + SOONEST - timedelta(milliseconds=1)) == 0
    desk.jobs.down = True
    assert await upkeep.once(LATER + SOONEST) == 1
    waiting = desk.look(payment)
    assert waiting.owed == [BEGIN]
    assert waiting.sweep_at is not None
    assert waiting.sweep_at > LATER + SOONEST
    desk.jobs.down = False
    assert await upkeep.once(waiting.sweep_at) == 1
    assert await upkeep.once(waiting.sweep_at + timedelta(days=1)) == 0
    assert (desk.look(payment).owed, len(desk.jobs.stored)) == (None, 1)


async def test_the_job_of_the_next_try_is_owed_though_the_one_before_was_put_on_record_meanwhile(desk: Desk) -> None:
    """A bank says no quickly, and whoever pays tries again at once."""
    first = await desk.begun()

    class Quick(FakePaymentJobs):
        async def put(self, job: Job) -> None:
            await super().put(job)
            declined = first.model_copy(update={"epoch": first.epoch + 1, "status": Status.FAILED, "owed": None})
            desk.books.stored[first.id] = begun(declined, "pm_2", LATER)

    await PaymentFollowing(desk.books, Quick(), BACK).follow(first, LATER)
    again = desk.look(first)
    assert (again.owed, again.sweep_at is not None) == ([BEGIN], True)
    assert again.job != first.job
    await PaymentUpkeep(desk.following).once(LATER + SOONEST)
    assert list(desk.jobs.stored) == [again.job]


async def test_a_store_that_is_away_costs_the_caller_nothing(desk: Desk) -> None:
    payment = await desk.begun()
    desk.books.down = True
    assert await desk.following.soon(payment, LATER) == payment


async def test_a_bug_in_what_one_owes_keeps_no_other_waiting(desk: Desk) -> None:
    broken = await desk.begun(job=None)  # of which no job can be made
    other = await desk.begun()
    await PaymentUpkeep(desk.following).once(LATER + SOONEST)
    assert (desk.look(broken).owed, desk.look(other).owed) == ([BEGIN], None)
    assert (desk.look(broken).sweep_at or LATER) > LATER + SOONEST


async def test_one_that_cannot_be_written_keeps_no_other_waiting(desk: Desk) -> None:
    class Refusing(FakePaymentStore):
        async def change(self, before: Payment, *rest: Any) -> bool:
            if before.id == broken.id:
                raise Unavailable("the store does not answer just now")
            return await super().change(before, *rest)

    broken, other = await desk.begun(), await desk.begun()
    books = Refusing(broken, other)
    assert await PaymentUpkeep(PaymentFollowing(books, desk.jobs, BACK)).once(LATER + SOONEST) == 1
    assert books.stored[other.id].owed is None


@pytest.mark.parametrize("kind", ["order_paid", "order_refunded", "receipt"])
async def test_what_this_process_knows_nothing_of_is_left_to_one_that_does(desk: Desk, kind: str) -> None:
    payment = await desk.begun(owed=[kind])
    following = PaymentFollowing(desk.books, desk.jobs, BACK)
    with capture_logs() as logs:
        assert (await following.follow(payment, LATER)).owed == [kind]
    assert (desk.jobs.stored, logs) == ({}, [])


async def test_a_payments_order_is_told_that_it_was_paid_and_that_all_of_it_went_back(desk: Desk) -> None:
    payment = await desk.begun(owed=["order_paid", "order_refunded"])
    assert (await desk.following.follow(payment, LATER)).owed is None
    assert sorted(desk.told, key=lambda told: told[0]) == [("paid", payment), ("refunded", payment)]


async def test_a_payment_with_a_page_owes_the_job_that_opens_it(desk: Desk) -> None:
    page = Page(product_name="A mug", success_url=f"{BACK}/yes", cancel_url=f"{BACK}/no")
    payment = await desk.books.add(page_begun(a_payment(page=page)))
    assert (await desk.following.follow(payment, LATER)).owed is None
    [job] = desk.jobs.of_kind(CREATE_CHECKOUT)
    assert (job.id, job.at_end, job.deadline) == (payment.job, ["payment"], LATER + SOON)
    asked = msgspec.json.decode(job.payload, type=NewCheckout)
    assert asked == NewCheckout(payment.id, "USD", "A mug", 1000, f"{BACK}/yes", f"{BACK}/no")
    with pytest.raises(Conflict, match="on its page"):
        begun(payment, "pm_1", LATER)


async def test_a_page_that_was_never_opened_ends_its_payment(desk: Desk) -> None:
    page = Page(product_name="A mug", success_url=BACK, cancel_url=BACK)
    payment = await desk.following.follow(await desk.books.add(page_begun(a_payment(page=page))), LATER)
    [job] = desk.jobs.of_kind(CREATE_CHECKOUT)
    await desk.ends.tell(desk.come_to(job, NO))
    assert desk.look(payment).status is Status.CANCELLED


async def test_what_its_owner_took_along_is_begun_by_nobody(desk: Desk) -> None:
    """They left between the record and its job."""
    page = Page(product_name="A mug", success_url=BACK, cancel_url=BACK)
    payment = await desk.books.add(page_begun(a_payment(page=page)))
    await desk.books.forget(payment.client, LATER)
    with capture_logs() as logs:
        await PaymentUpkeep(desk.following).once(LATER + SOONEST)
    assert (desk.look(payment).owed, desk.jobs.stored, logs) == (None, {}, [])


async def test_a_try_that_was_never_sent_fails_and_another_may_be_made(desk: Desk) -> None:
    payment, job = await desk.tried()
    never = job.model_copy(
        update={"status": JobStatus.FAILED, "error": JobError(code="vendor_away", message="away", retryable=True)}
    )
    for _ in range(2):
        await desk.ends.tell(never)
    failed = desk.look(payment)
    assert failed.failure is not None
    assert (failed.status, failed.failure.code, failed.captured) == (Status.FAILED, "vendor_away", 0)
    assert begun(failed, "pm_2", LATER).job != payment.job


async def test_a_late_word_of_a_former_try_does_not_end_the_one_that_counts(desk: Desk) -> None:
    payment, job = await desk.tried()
    refused = desk.come_to(job, NO)
    await desk.ends.tell(refused)
    again = begun(desk.look(payment), "pm_2", LATER)
    desk.books.stored[payment.id] = again
    await desk.ends.tell(refused)
    assert (desk.look(payment).status, desk.look(payment).job) == (Status.PROCESSING, again.job)


async def test_an_orders_payment_is_over_with_the_job_that_was_called_off(desk: Desk) -> None:
    payment = await desk.books.add(payment_of(an_order((a_product(), 1), payment=new_request_id()), LATER))
    called_off = a_job(id=payment.id, vendor="payments", metadata={"kind": CHECKOUT}, status=JobStatus.CANCELLED)
    await desk.ends.tell(called_off)
    assert (desk.look(payment).status, desk.look(payment).captured) == (Status.CANCELLED, 0)


async def test_what_was_booked_already_is_not_booked_by_a_jobs_end(desk: Desk) -> None:
    payment, job = await desk.tried()
    waiting = payment.model_copy(update={"status": Status.REQUIRES_ACTION, "reference": "pi_1"})
    desk.books.stored[payment.id] = waiting
    for outcome in (NO, Done("{}")):
        await desk.ends.tell(desk.come_to(job, outcome))
        assert desk.look(payment) == waiting


async def test_what_was_done_is_booked_by_the_processors_word_alone(desk: Desk) -> None:
    payment, job = await desk.tried()
    await desk.ends.tell(desk.come_to(job, Done("{}")))
    assert desk.look(payment).status is Status.PROCESSING
    payment, job = await desk.reserved()
    await desk.ends.tell(desk.come_to(job, Done("{}")))
    assert desk.look(payment).refunding == 300


async def test_unknown_is_not_failed_and_a_payment_stays_under_way(desk: Desk) -> None:
    payment, job = await desk.tried()
    with capture_logs() as logs:
        await desk.ends.tell(desk.come_to(job, unanswered("no answer")))
    assert desk.look(payment).status is Status.PROCESSING
    assert [entry["log_level"] for entry in logs] == ["warning"]


async def test_a_refund_that_was_refused_frees_what_it_reserved(desk: Desk) -> None:
    payment, job = await desk.reserved()
    assert msgspec.json.decode(job.payload, type=GiveBack).refund_id == job.id
    for _ in range(2):
        await desk.ends.tell(desk.come_to(job, NO))
    after = desk.look(payment)
    assert (after.refunding, after.refundable) == (0, payment.captured)
    assert [refund.status for refund in after.refunds] == [RefundStatus.FAILED]


async def test_a_refund_that_the_processor_has_is_freed_by_its_word_alone(desk: Desk) -> None:
    payment, job = await desk.reserved()
    known = payment.refunds[0].model_copy(update={"reference": "re_1"})
    desk.books.stored[payment.id] = payment.model_copy(update={"refunds": [known]})
    await desk.ends.tell(desk.come_to(job, NO))
    assert desk.look(payment).refunding == 300


async def test_that_others_change_a_payment_all_the_time_is_a_reason_to_tell_it_later(desk: Desk) -> None:
    _, job = await desk.reserved()

    class Contested(FakePaymentStore):
        async def change(self, *_: Any) -> bool:
            return False

    desk.ends = PaymentJobEnds(desk.following, Hearing(Contested(*desk.books.stored.values()), desk.clock), desk.clock)
    with pytest.raises(Unavailable):
        await desk.ends.tell(desk.come_to(job, NO))


async def test_a_refund_of_which_nobody_knows_keeps_what_it_reserved(desk: Desk) -> None:
    payment, job = await desk.reserved()
    await desk.ends.tell(desk.come_to(job, unanswered("no answer")))
    assert (desk.look(payment).refunding, desk.look(payment).refunds[0].status) == (300, RefundStatus.PENDING)


async def test_a_job_whose_payment_is_not_on_record_is_logged_and_changes_nothing(desk: Desk) -> None:
    with capture_logs() as logs:
        await desk.ends.tell(a_job(vendor="payments", metadata={"kind": PROCESS, "payment_id": str(a_payment().id)}))
    assert [entry["log_level"] for entry in logs] == ["error"]
