"""Payments by Stripe where only the simulated one can be told what to do: late refunds, and a buyer at the page."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.commerce.payments import Checkout
from domain.errors import NotNow
from domain.outcomes import Done, Retry, Waiting
from domain.payments.jobs import Try
from domain.payments.of_orders import reserve_all
from domain.payments.payments import Payment, Status
from domain.request_ids import new_request_id
from domain.vendors import Call
from tests.contracts import stripe_accounts
from tests.contracts.counted_till import BACK, CARD, PRICE, Till, till_at
from tests.contracts.stripe_accounts import Account
from tests.fakes_payments import FakePaymentStore
from tests.loadtest.stripe.api import Api


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with stripe_accounts.simulated() as account:
        yield account


@pytest.fixture
async def till(account: Account) -> AsyncIterator[Till]:
    async with till_at(account, FakePaymentStore()) as till:
        yield till


@pytest.fixture
def stripe(account: Account) -> Iterator[Api]:
    assert account.control is not None
    yield account.control
    account.control.control("PUT", "/outcomes", {})


async def test_a_refund_that_is_pending_waits_for_its_own_end(till: Till, stripe: Api) -> None:
    stripe.control("PUT", "/outcomes", {"refunds": "pending"})
    payment = await till.paid()
    refund = await till.reserved(payment, 700)
    waiting = await till.give_back(payment, refund)
    assert isinstance(waiting, Waiting)
    assert ((await till.now(payment)).refunding, await till.held()) == (700, 2000)
    stripe.control("POST", f"/refunds/{waiting.reference}/settle", {"status": "succeeded"})
    assert isinstance(await till.poll(refund.id, waiting.reference), Done)
    assert ((await till.now(payment)).refunded, await till.held()) == (700, 1300)


async def test_an_order_is_paid_on_its_page(till: Till, stripe: Api) -> None:
    order, begun = new_request_id(), datetime.now(UTC)
    payment = await till.payment(order=order)
    asked = Checkout(order, PRICE.amount, PRICE.currency, begun + timedelta(minutes=30), begun)
    waiting = await till.do(asked, payment.id)
    assert isinstance(waiting, Waiting)
    page = msgspec.json.decode(waiting.taken_with or "null")["redirect_url"]
    assert isinstance(await till.poll(payment.id, waiting.reference), Waiting)
    stripe.press(page, "pay", card=CARD)
    assert isinstance(await till.poll(payment.id, waiting.reference), Done)
    assert ((await till.now(payment)).status, await till.held()) == (Status.COMPLETED, 2000)
    reserved = await reserve_all(till.store, payment.id, datetime.now(UTC))
    assert reserved is not None
    assert isinstance(await till.give_back(*reserved), Done)
    assert ((await till.now(payment)).status, await till.held()) == (Status.REFUNDED, 0)


async def test_of_a_payment_that_is_not_on_record_no_money_moves(till: Till) -> None:
    now = datetime.now(UTC)
    payment = Payment(id=new_request_id(), client="a", total=PRICE, created_at=now, updated_at=now)
    till.made.append(payment.id)
    outcome = await till.tried(payment)
    assert isinstance(outcome, Retry)
    assert outcome.code == "payment_not_on_record"
    assert await till.held() == 0


async def test_what_was_paid_is_not_charged_again_under_a_key_that_stripe_has_forgotten(
    till: Till, stripe: Api
) -> None:
    payment = await till.payment(job=(tried := new_request_id()))
    assert isinstance(await till.tried(payment, request_id=tried), Done)
    stripe.control("POST", "/clock", {"seconds": 90_000})
    assert isinstance(await till.tried(payment, request_id=tried), Done)
    assert ((await till.now(payment)).captured, await till.held()) == (2000, 2000)


async def test_what_is_held_back_after_it_was_charged_was_sent(till: Till) -> None:
    """The look is another request, which the fleet's limit may not let through."""

    class OneRequest:
        asked = 0

        async def __call__(self) -> None:
            self.asked += 1
            if self.asked > 1:
                raise NotNow("held back", until=datetime.now(UTC))

    await till.paid()  # so whose key ours is, is known
    payment = await till.payment(job=(tried := new_request_id()))
    payload = msgspec.json.encode(Try(payment.id, PRICE.amount, PRICE.currency, "pm_card_visa", BACK)).decode()
    till.calls[tried] = Call(tried, payload, timedelta(seconds=10), gate=OneRequest())
    waiting = await till.vendor.call(till.calls[tried])
    assert isinstance(waiting, Waiting)
    till.calls[tried] = replace(till.calls[tried], gate=None)
    assert isinstance(await till.poll(tried, waiting.reference), Done)


async def test_a_refund_that_was_made_is_not_made_again_under_a_key_that_stripe_has_forgotten(
    till: Till, stripe: Api
) -> None:
    payment = await till.paid()
    refund = await till.reserved(payment, 700)
    assert isinstance(await till.give_back(payment, refund), Done)
    stripe.control("POST", "/clock", {"seconds": 90_000})
    assert isinstance(await till.give_back(payment, refund), Done)
    assert ((await till.now(payment)).refunded, await till.held()) == (700, 1300)


async def test_that_stripe_knows_nothing_of_a_payment_says_nothing_of_its_money(till: Till, stripe: Api) -> None:
    """Of another account's key, say: its order must not end as unpaid."""
    order, begun = new_request_id(), datetime.now(UTC)
    payment = await till.payment(order=order)
    waiting = await till.do(Checkout(order, PRICE.amount, PRICE.currency, None, begun), payment.id)
    assert isinstance(waiting, Waiting)
    before = await till.now(payment)
    stripe.control("DELETE", "/everything")
    outcome = await till.poll(payment.id, waiting.reference)
    assert isinstance(outcome, Retry)
    assert (outcome.code, await till.now(payment)) == ("resource_missing", before)
