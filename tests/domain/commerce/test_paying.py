"""Beginning a payment: named by its order before it is on record, once, and only where there is something to pay."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.commerce.cancelling import cancel_order
from domain.commerce.moving import BEGIN_PAYMENT
from domain.commerce.orders import Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payments import VENDOR, Checkout, checkout_job, payment_id
from domain.errors import Conflict, NotFound
from domain.interventions import ORDER, PAYMENT
from tests.fakes_orders import HALF_AN_HOUR
from tests.payments import LATER, Till
from tests.strategies import NOON


@pytest.fixture
def till() -> Till:
    return Till()


async def test_the_order_names_its_payment_before_any_job_of_it_is_there(till: Till) -> None:
    placed = await till.order()
    order = await begin_payment(till.orders, placed.id, "user:ann", till.step())
    assert (order.status, order.payment, order.payments) == (Status.AWAITING_PAYMENT, payment_id(placed), 1)
    assert (order.owed, till.payments.stored) == ([BEGIN_PAYMENT], {})
    after = await till.following.follow(order, LATER)
    assert (after.owed, list(till.payments.stored)) == (None, [order.payment])


async def test_the_job_says_what_is_to_be_paid_by_when_and_who_is_to_learn_of_its_end(till: Till) -> None:
    order, job = await till.paying()
    assert (job.id, job.vendor, job.client, job.at_end) == (order.payment, VENDOR, "user:ann", [ORDER, PAYMENT])
    asked = msgspec.json.decode(job.payload, type=Checkout)
    assert asked == Checkout(order.id, 5997, "USD", NOON + HALF_AN_HOUR, LATER)
    assert job.metadata == {"kind": "payment.checkout", "order_id": str(order.id)}


async def test_while_one_is_under_way_it_is_answered_again(till: Till) -> None:
    order, job = await till.paying()
    again = await begin_payment(till.orders, order.id, "user:ann", till.step(LATER + timedelta(minutes=1)))
    assert (again, again.payments) == (till.look(order), 1)
    await till.following.follow(again, LATER)
    assert list(till.payments.stored) == [job.id]


async def test_of_two_who_begin_at_once_both_get_the_same(till: Till) -> None:
    placed = await till.order()
    both = await asyncio.gather(
        *(begin_payment(till.orders, placed.id, "user:ann", till.step(LATER + timedelta(seconds=n))) for n in range(2))
    )
    assert both[0].payment == both[1].payment == payment_id(placed)
    assert len(till.look(placed).history) == 2


async def test_what_is_put_on_record_by_two_is_one_and_the_same_job(till: Till) -> None:
    order, job = await till.paying()
    later = checkout_job(order, LATER + timedelta(seconds=5))
    assert later.id == job.id
    await till.desk.begin(order)
    assert till.payments.stored[job.id] == job


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"status": Status.PAID}, "paid already"),
        ({"status": Status.SHIPPED}, "paid already"),
        ({"status": Status.DELIVERED}, "paid already"),
        ({"status": Status.CANCELLED}, "cancelled"),
        ({"status": Status.REFUNDED}, "refunded"),
        ({"expires_at": LATER}, "not paid in time"),
        ({"expires_at": LATER, "status": Status.AWAITING_PAYMENT}, "not paid in time"),
    ],
)
async def test_what_cannot_be_paid_says_why(till: Till, changes: dict[str, Any], word: str) -> None:
    order = await till.order()
    till.orders.stored[order.id] = before = order.model_copy(update=changes)
    with pytest.raises(Conflict, match=word) as refusal:
        await begin_payment(till.orders, order.id, "user:ann", till.step())
    assert (refusal.value.code, till.look(order)) == ("order-state", before)


async def test_anothers_order_is_not_there(till: Till) -> None:
    order = await till.order()
    with pytest.raises(NotFound):
        await begin_payment(till.orders, order.id, "user:bob", till.step())


async def test_a_payment_of_an_order_that_was_cancelled_first_is_never_made(till: Till) -> None:
    placed = await till.order()
    order = await begin_payment(till.orders, placed.id, "user:ann", till.step())
    step = Step(at=LATER, status=Status.CANCELLED, by="user:ann")
    cancelled = await cancel_order(till.orders, order.id, "user:ann", step)
    after = await till.following.follow(cancelled, LATER)
    assert after.owed is None
    await till.desk.begin(order)  # by who read it before it was cancelled
    [job] = till.payments.stored.values()
    assert job.status == "cancelled"
