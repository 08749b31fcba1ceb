"""A payment that is no longer wanted: called off, closed or refunded, as far as anybody knows what became of it."""

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from domain import interventions
from domain.commerce.cancelling import cancel_order
from domain.commerce.moving import BEGIN_PAYMENT, REFUND_IF_PAID
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payments import KEY_LIFETIME, Known, is_unsettled, known_of
from domain.errors import Unavailable
from domain.jobs import Job
from domain.outcomes import Done, Failed
from domain.payments.money_state import RefundState, Standing
from domain.payments.of_orders import reserve_all
from domain.payments.payments import RefundStatus
from domain.payments.refunding import SOONEST
from tests.fakes_payments import a_refund
from tests.payments import DECLINED, LATER, NO_ANSWER, ONCE, PAID, TAKEN, Till, begun


@pytest.fixture
def till() -> Till:
    return Till()


async def cancelled(till: Till) -> tuple[Order, Job]:
    order, job = await till.paying()
    step = Step(at=LATER, status=Status.CANCELLED, by="user:ann")
    return await cancel_order(till.orders, order.id, "user:ann", step), job


async def test_what_the_processor_has_not_heard_of_is_called_off(till: Till) -> None:
    order, job = await cancelled(till)
    await till.desk.withdraw(order)
    assert till.payments.stored[job.id].status == "cancelled"
    assert till.kinds() == ["payment.checkout"]


async def test_what_has_just_been_begun_is_looked_at_again(till: Till) -> None:
    order, job = await cancelled(till)
    till.payments.rival = True
    with pytest.raises(Unavailable):
        await till.desk.withdraw(order)
    till.payments.rival = False
    till.payments.stored[job.id] = begun(job)
    with pytest.raises(Unavailable):
        await till.desk.withdraw(order)
    assert till.kinds() == ["payment.checkout"]


async def test_what_could_still_be_paid_is_closed_at_the_processor_and_waits_for_its_word(till: Till) -> None:
    order, job = await cancelled(till)
    taken = till.come_to(job, TAKEN)
    await till.desk.withdraw(order)
    await till.desk.withdraw(order)
    assert till.kinds() == ["payment.checkout", "payment.withdraw"]
    assert till.payments.stored[job.id] == taken
    [withdrawal] = till.payments.of_kind("payment.withdraw")
    assert (withdrawal.parent, withdrawal.at_end) == (job.id, None)
    assert withdrawal.payload == f'{{"kind":"payment.withdraw","reference":"co_1","payment_id":"{job.id}"}}'


async def test_what_was_paid_is_refunded_once(till: Till) -> None:
    order, job = await cancelled(till)
    till.heard(till.come_to(job, TAKEN), PAID)
    for _ in range(3):
        await till.desk.withdraw(order)
    [refund] = till.payments.of_kind("payment.give_back")
    payment = till.books.stored[job.id]
    assert (payment.refunding, [each.by for each in payment.refunds]) == (5997, ["gateway"])
    assert (refund.id, refund.parent, refund.at_end) == (payment.refunds[0].id, job.id, ["payment"])
    told = json.loads(refund.payload)
    assert (told["payment_id"], told["reference"], told["amount"]) == (str(job.id), f"pi_{job.id}", 5997)


async def test_of_what_was_given_back_by_hand_already_the_rest_goes_back(till: Till) -> None:
    order, job = await cancelled(till)
    till.heard(till.come_to(job, TAKEN), PAID)
    by_hand = a_refund(997, status=RefundStatus.COMPLETED)
    till.books.refunds[job.id] = [RefundState("re_hand", by_hand.amount, by_hand.status, LATER)]
    till.books.hear(job.id, Standing.PAID)
    await till.desk.withdraw(order)
    [refund] = till.payments.of_kind("payment.give_back")
    assert json.loads(refund.payload)["amount"] == 5000


async def test_of_what_was_declined_nothing_is_owed(till: Till) -> None:
    order, job = await cancelled(till)
    till.heard(till.come_to(job, TAKEN), DECLINED)
    await till.desk.withdraw(order)
    assert till.kinds() == ["payment.checkout"]


async def test_in_doubt_the_processor_is_asked_again_under_the_same_key_until_it_says_so(till: Till) -> None:
    order, job = await cancelled(till)
    failed = till.come_to(job, NO_ANSWER)
    assert (failed.status, known_of(failed)) == ("failed", Known.IN_DOUBT)
    with pytest.raises(Unavailable, match="knows yet"):
        await till.desk.withdraw(order)
    again = till.payments.stored[job.id]
    assert (again.status, again.generation) == ("pending", 1)
    with pytest.raises(Unavailable):
        await till.desk.withdraw(order)
    till.come_to(again, TAKEN)
    await till.desk.withdraw(order)
    assert till.kinds() == ["payment.checkout", "payment.withdraw"]


async def test_when_the_processor_has_forgotten_the_key_a_person_has_to_look(till: Till) -> None:
    order, job = await cancelled(till)
    failed = till.come_to(job, NO_ANSWER)
    late = order.model_copy(update={"updated_at": job.created_at + timedelta(days=6)})  # when it was cancelled
    till.now = job.created_at + KEY_LIFETIME
    await till.desk.withdraw(late)
    assert till.payments.stored[job.id] == failed


async def test_a_payment_that_is_no_longer_on_record_is_not_taken_for_one_that_never_was(till: Till) -> None:
    order, job = await cancelled(till)
    till.come_to(job, NO_ANSWER)
    till.payments.stored.clear()
    with capture_logs() as logs:
        await till.desk.withdraw(order)
    assert till.payments.stored == {}
    assert [(entry["log_level"], entry["order_id"]) for entry in logs] == [("error", str(order.id))]


async def test_what_never_was_on_record_stays_so_owed_until_it_is_called_off(till: Till) -> None:
    order = await begin_payment(till.orders, (await till.order()).id, "user:ann", till.step())
    step = Step(at=LATER, status=Status.CANCELLED, by="user:ann")
    order = await cancel_order(till.orders, order.id, "user:ann", step)
    till.payments.down = True
    order = await till.following.follow(order, LATER)
    assert {BEGIN_PAYMENT, REFUND_IF_PAID} <= {*(order.owed or ())}
    till.payments.down = False
    assert (await till.following.follow(order, LATER + timedelta(minutes=1))).owed is None
    assert [job.status for job in till.payments.stored.values()] == ["cancelled"]


async def test_beginning_what_was_paid_meanwhile_gives_nothing_back(till: Till) -> None:
    order, job = await till.paying()
    await till.ends.tell(till.heard(till.come_to(job, TAKEN), PAID))
    await till.desk.begin(till.look(order))
    assert till.kinds() == ["payment.checkout"]


async def test_what_is_to_go_back_waits_until_it_is_booked(till: Till) -> None:
    order, job = await cancelled(till)
    ended = interventions.hear(till.come_to(job, TAKEN), PAID, ONCE, LATER)
    till.payments.stored[job.id] = ended
    with pytest.raises(Unavailable, match="not booked"):
        await till.desk.withdraw(order)
    with pytest.raises(Unavailable, match="not booked"):
        await till.ends.tell(ended)
    assert till.kinds() == ["payment.checkout"]
    till.books.hear(job.id, Standing.PAID)
    await till.ends.tell(ended)
    assert len(till.payments.of_kind("payment.give_back")) == 1


async def test_what_a_crash_left_reserved_is_put_on_record_by_the_sweep_of_payments(till: Till) -> None:
    _, job = await cancelled(till)
    till.heard(till.come_to(job, TAKEN), PAID)
    assert await reserve_all(till.books, job.id, LATER) is not None  # and there it died
    assert await till.upkeep.once(LATER + SOONEST) == 1
    assert till.kinds() == ["payment.checkout", "payment.give_back"]
    assert till.books.stored[job.id].owed is None


async def test_a_store_that_is_away_leaves_it_owed(till: Till) -> None:
    order, _ = await cancelled(till)
    till.payments.down = True
    assert "refund_if_paid" in ((await till.following.follow(order, LATER)).owed or [])
    till.payments.down = False
    after = await till.following.follow(till.look(order), LATER + timedelta(minutes=1))
    assert after.owed is None


async def test_only_the_processors_own_no_or_never_having_asked_proves_that_nobody_can_pay(till: Till) -> None:
    _, job = await till.paying()
    refused = Failed("vendor_rejected", "no", 400)
    assert known_of(job) is Known.UNCALLED
    assert known_of(begun(job)) is Known.CALLED
    assert known_of(till.come_to(job, TAKEN)) is Known.OPEN
    assert known_of(till.come_to(job, refused)) is Known.UNPAID
    assert known_of(till.heard(till.come_to(job, TAKEN), DECLINED)) is Known.UNPAID
    assert known_of(till.heard(till.come_to(job, TAKEN), PAID)) is Known.PAID
    assert known_of(till.come_to(job, Failed("reply_without_reference", "what?", 200))) is Known.IN_DOUBT


async def test_what_may_yet_be_asked_for_or_given_back_keeps_the_words_that_it_takes(till: Till) -> None:
    """Also where its buyer has left, or all words are removed a day after their end."""
    _, job = await till.paying()
    refused = Failed("vendor_rejected", "no", 409)
    declined = till.heard(till.come_to(job, TAKEN), DECLINED)
    paid = till.heard(till.come_to(job, TAKEN), PAID)
    await till.desk.give_back(job.id)
    [refund] = till.payments.of_kind("payment.give_back")
    assert is_unsettled(till.come_to(job, NO_ANSWER))
    assert is_unsettled(till.come_to(refund, NO_ANSWER))
    ended = till.come_to(refund, Done("{}"))
    for settled in (declined, paid, till.come_to(job, refused), till.come_to(refund, refused), ended):
        assert not is_unsettled(settled)
