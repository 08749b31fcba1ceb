"""What an order learns of its payment: once, whoever tells it, and whatever else happened to it meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from domain.commerce.cancelling import cancel_order
from domain.commerce.moving import SOONEST
from domain.commerce.orders import Order, Status, Step
from domain.errors import Unavailable
from domain.jobs import Job
from domain.outcomes import Failed
from domain.payments.money_state import RefundState, Standing
from domain.payments.payments import RefundStatus
from domain.transitions import fail
from tests.payments import DECLINED, LATER, NO_ANSWER, ONCE, PAID, TAKEN, Till
from tests.strategies import a_job


@pytest.fixture
def till() -> Till:
    return Till()


async def cancel(till: Till, order: Order) -> Order:
    return await cancel_order(till.orders, order.id, "user:ann", Step(at=LATER, status=Status.CANCELLED, by="user:ann"))


async def paid(till: Till) -> tuple[Order, Job]:
    order, job = await till.paying()
    return order, till.heard(till.come_to(job, TAKEN), PAID)


async def test_a_payment_makes_its_order_paid_once_and_its_buyer_is_told(till: Till) -> None:
    order, job = await paid(till)
    assert job.follow_ups == ["order", "payment"]
    await asyncio.gather(*(till.ends.tell(job) for _ in range(3)))
    after = till.look(order)
    assert (after.status, after.expires_at, after.owed) == (Status.PAID, None, None)
    assert [step.by for step in after.history[1:]] == ["user:ann", "gateway"]
    assert (till.notices.templates, till.stock) == (["paid"], 7)


async def test_it_is_told_from_what_a_sweep_has_read_of_the_job(till: Till) -> None:
    order, job = await paid(till)
    await till.ends.tell(job.model_copy(update={"payload": "", "result": None}))
    assert till.look(order).status is Status.PAID


async def test_a_payment_that_failed_cancels_its_order_and_gives_the_stock_back_once(till: Till) -> None:
    order, job = await till.paying()
    failed = till.heard(till.come_to(job, TAKEN), DECLINED)
    for _ in range(2):
        await till.ends.tell(failed)
    after = till.look(order)
    assert (after.status, after.history[-1].why, after.owed) == (Status.CANCELLED, "the payment failed", None)
    assert (till.stock, till.notices.templates, till.kinds()) == (10, ["cancelled"], ["payment.checkout"])


async def test_unknown_is_not_failed_and_the_order_waits(till: Till) -> None:
    order, job = await till.paying()
    failed = till.come_to(job, NO_ANSWER)
    assert failed.status == "failed"
    await till.ends.tell(failed)
    assert (till.look(order), till.stock) == (order, 7)


async def test_what_was_paid_although_the_order_was_cancelled_goes_back_and_the_order_is_refunded(till: Till) -> None:
    order, job = await till.paying()
    taken = till.come_to(job, TAKEN)
    cancelled = await cancel(till, order)
    ended = till.heard(taken, PAID)
    for _ in range(2):
        await till.ends.tell(ended)
        await till.desk.withdraw(cancelled)
    [refund] = till.payments.of_kind("payment.give_back")
    assert till.look(order).status is Status.CANCELLED
    for _ in range(2):
        await till.given_back(refund)
    assert (till.look(order).status, till.stock) == (Status.REFUNDED, 10)


async def test_what_is_paid_after_its_withdrawal_is_on_record_goes_back_too(till: Till) -> None:
    order, job = await till.paying()
    taken = till.come_to(job, TAKEN)
    withdrawn = await till.following.follow(await cancel(till, order), LATER)
    assert (withdrawn.owed, till.kinds()) == (None, ["payment.checkout", "payment.withdraw"])
    await till.ends.tell(till.heard(taken, PAID))
    assert len(till.payments.of_kind("payment.give_back")) == 1


async def test_a_payment_in_doubt_after_its_page_was_to_be_closed_is_owed_anew_and_asked_for_again(till: Till) -> None:
    order, job = await till.paying()
    taken = till.come_to(job, TAKEN)
    assert (await till.following.follow(await cancel(till, order), LATER)).owed is None
    doubtful = fail(taken, Failed("poison", "it killed its workers"), ONCE, LATER)
    till.payments.stored[job.id] = doubtful
    for _ in range(2):
        await till.ends.tell(doubtful)
    owing = till.look(order)
    assert (owing.status, owing.owed, owing.sweep_at) == (Status.CANCELLED, ["refund_if_paid"], LATER + SOONEST)
    assert "refund_if_paid" in ((await till.following.follow(owing, LATER + SOONEST)).owed or [])
    again = till.payments.stored[job.id]
    assert (again.status, again.generation) == ("pending", 1)
    till.heard(till.come_to(again, TAKEN), PAID)
    assert (await till.following.follow(till.look(order), LATER + timedelta(minutes=1))).owed is None
    assert len(till.payments.of_kind("payment.give_back")) == 1


async def in_doubt(till: Till) -> tuple[Order, Job]:
    order, job = await till.paying()
    doubtful = till.come_to(job, NO_ANSWER)
    await till.ends.tell(doubtful)
    await till.book_ends.tell(doubtful)
    return order, doubtful


async def test_what_the_books_learn_once_its_job_has_ended_in_doubt_makes_the_order_paid(till: Till) -> None:
    order, job = await in_doubt(till)
    till.books.hear(job.id, Standing.PAID)
    for _ in range(2):
        await till.upkeep.once(LATER + SOONEST)
    assert (till.look(order).status, till.notices.templates) == (Status.PAID, ["paid"])
    assert till.books.stored[job.id].owed is None


async def test_what_the_books_learn_of_a_cancelled_order_that_nobody_asks_about_any_more_goes_back(till: Till) -> None:
    order, job = await in_doubt(till)
    till.now = LATER + timedelta(days=2)  # the processor has forgotten the key
    given_up = await till.following.follow(await cancel(till, order), till.now)
    assert (given_up.status, given_up.owed) == (Status.CANCELLED, None)
    till.books.hear(job.id, Standing.PAID)
    await till.upkeep.once(till.now)
    [refund] = till.payments.of_kind("payment.give_back")
    await till.given_back(refund)
    assert (till.look(order).status, till.books.held) == (Status.REFUNDED, 0)


async def test_what_was_paid_and_given_back_before_anybody_heard_of_it_ends_the_order_too(till: Till) -> None:
    order, job = await in_doubt(till)
    payment = till.books.stored[job.id]
    till.books.refunds[job.id] = [RefundState("re_1", payment.total.amount, RefundStatus.COMPLETED, LATER)]
    till.books.hear(job.id, Standing.PAID)
    await till.upkeep.once(LATER + SOONEST)
    assert (till.look(order).status, till.stock) == (Status.REFUNDED, 10)


async def test_what_another_refund_was_to_give_back_of_a_cancelled_order_goes_back_though_that_one_fails(
    till: Till,
) -> None:
    order, job = await paid(till)
    await cancel(till, order)
    payment = till.books.stored[job.id]
    by_hand = RefundState("re_hand", payment.total.amount, RefundStatus.PENDING, LATER)
    till.books.refunds[job.id] = [by_hand]
    till.books.hear(job.id, Standing.PAID)
    with pytest.raises(Unavailable):
        await till.ends.tell(job)
    till.books.refunds[job.id] = [replace(by_hand, status=RefundStatus.FAILED)]
    till.books.hear(job.id, Standing.PAID)
    await till.ends.tell(job)
    assert len(till.payments.of_kind("payment.give_back")) == 1


async def test_a_refund_that_came_to_nothing_leaves_the_order_as_it_is(till: Till) -> None:
    order, job = await paid(till)
    await cancel(till, order)
    await till.ends.tell(job)
    [refund] = till.payments.of_kind("payment.give_back")
    with capture_logs() as logs:
        await till.book_ends.tell(till.come_to(refund, Failed("vendor_rejected", "no", 409)))
    assert "error" in {entry["log_level"] for entry in logs}  # nobody asks for it again by itself
    payment = till.books.stored[job.id]
    assert (payment.refundable, [each.status for each in payment.refunds]) == (5997, [RefundStatus.FAILED])
    assert till.look(order).status is Status.CANCELLED


async def test_a_paid_order_of_which_all_was_given_back_at_the_processor_is_refunded(till: Till) -> None:
    order, job = await paid(till)
    await till.ends.tell(job)
    await till.book_ends.tell(job)
    till.books.refunds[job.id] = [RefundState("re_hand", 5997, RefundStatus.COMPLETED, LATER)]
    till.books.hear(job.id, Standing.PAID)
    till.orders.down = True
    assert await till.upkeep.once(LATER + SOONEST) == 1
    till.orders.down = False
    assert till.books.stored[job.id].owed == ["order_refunded"]
    assert await till.upkeep.once(LATER + timedelta(hours=1)) == 1
    assert (till.look(order).status, till.stock, till.books.stored[job.id].owed) == (Status.REFUNDED, 10, None)


async def test_what_went_back_before_its_order_knew_that_it_was_paid_is_told_after_that(till: Till) -> None:
    order, job = await paid(till)
    till.books.refunds[job.id] = [RefundState("re_hand", 5997, RefundStatus.COMPLETED, LATER)]
    till.books.hear(job.id, Standing.PAID)
    with pytest.raises(Unavailable, match="has yet to learn"):
        await till.ends.refunded(till.books.stored[job.id])
    await till.book_ends.tell(job)
    assert [step.status for step in till.look(order).history[-2:]] == [Status.PAID, Status.REFUNDED]


async def test_what_is_booked_after_its_job_ended_in_doubt_makes_the_order_paid(till: Till) -> None:
    """By an event, or by the reconciliation."""
    order, job = await till.paying()
    await till.ends.tell(till.come_to(job, NO_ANSWER))
    till.books.hear(job.id, Standing.PAID)
    assert await till.upkeep.once(LATER + SOONEST) == 1
    assert (till.look(order).status, till.books.stored[job.id].owed) == (Status.PAID, None)


async def test_what_is_booked_so_of_an_order_that_was_cancelled_goes_back(till: Till) -> None:
    order, job = await till.paying()
    till.come_to(job, NO_ANSWER)
    await cancel(till, order)
    till.books.hear(job.id, Standing.PAID)
    assert await till.upkeep.once(LATER + SOONEST) == 1
    [refund] = till.payments.of_kind("payment.give_back")
    await till.given_back(refund)
    assert till.look(order).status is Status.REFUNDED


async def test_a_part_that_was_given_back_changes_no_order(till: Till) -> None:
    order, job = await paid(till)
    await till.ends.tell(job)
    till.books.refunds[job.id] = [RefundState("re_hand", 5996, RefundStatus.COMPLETED, LATER)]
    till.books.hear(job.id, Standing.PAID)
    await till.book_ends.tell(job)
    assert (till.look(order).status, till.books.stored[job.id].owed) == (Status.PAID, None)


async def test_another_payment_than_the_one_that_counts_moves_nothing_and_goes_back(till: Till) -> None:
    order, job = await paid(till)
    other = order.model_copy(update={"payment": a_job().id})
    till.orders.stored[order.id] = other
    await till.ends.tell(job)
    assert till.look(order) == other
    assert len(till.payments.of_kind("payment.give_back")) == 1


async def test_a_job_of_no_order_and_a_withdrawals_end_change_nothing(till: Till) -> None:
    order, job = await till.paying()
    await till.ends.tell(a_job(vendor="payments"))
    await till.ends.tell(a_job(vendor="payments", parent=job.id, metadata={"kind": "payment.withdraw"}))
    assert till.look(order) == order


async def test_a_store_that_is_away_is_told_again_later(till: Till) -> None:
    order, job = await paid(till)
    till.orders.down = True
    with pytest.raises(Unavailable):
        await till.ends.tell(job)
    till.orders.down = False
    await till.ends.tell(job)
    assert till.look(order).status is Status.PAID
