"""Payments by Stripe: each kind of job on the simulated Stripe, and what the books say of it afterwards."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydantic import SecretStr

from domain.commerce.payments import Checkout, Withdrawal
from domain.money import Money
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.payments.hearing import Hearing
from domain.payments.jobs import GiveBack, Look, NewCheckout, NewCustomer, Try
from domain.payments.of_orders import reserve_all
from domain.payments.payments import Kind, Payment, Refund, RefundStatus, Status
from domain.payments.processing import begun
from domain.request_ids import new_request_id
from domain.vendors import Call
from tests.fakes_payments import FakePaymentStore
from tests.loadtest.client import Vendors
from tests.loadtest.conftest import vendors_running
from tests.loadtest.stripe.api import Api
from vendors.http import VendorHttp
from vendors.payments.stripe import StripePayments
from vendors.stripe.client import StripeDoor
from vendors.stripe.settings import StripeSettings
from vendors.stripe.webhooks import StripeWebhooks

PRICE = Money(amount=2000, currency="USD")
BACK = "https://shop.test/back"
CARD = "4242424242424242"


@dataclass
class Till:
    """The vendor, the books that it writes, and the Stripe behind it."""

    vendor: StripePayments
    store: FakePaymentStore
    stripe: Api
    calls: dict[UUID, Call] = field(default_factory=dict)

    async def payment(self, **fields: Any) -> Payment:
        now = datetime.now(UTC)
        usual = {
            "client": "acme",
            "total": PRICE,
            "status": Status.PROCESSING,
            "created_at": now,
            "updated_at": now,
            "job": new_request_id(),
        }
        return await self.store.add(Payment(id=new_request_id(), **{**usual, **fields}))

    async def do(self, asked: msgspec.Struct, request_id: UUID | None = None) -> Outcome:
        made = request_id or new_request_id()
        call = self.calls.setdefault(made, Call(made, msgspec.json.encode(asked).decode(), timedelta(seconds=10)))
        return await self.vendor.call(call)

    async def poll(self, request_id: UUID, reference: str) -> Outcome:
        return await self.vendor.poll(replace(self.calls[request_id], operation="poll"), reference)

    async def tried(self, payment: Payment, card: str = "pm_card_visa") -> Outcome:
        """The try that the payment names; after that others."""
        asked = Try(payment.id, PRICE.amount, PRICE.currency, card, BACK)
        return await self.do(asked, payment.job if payment.job not in self.calls else None)

    async def paid(self) -> Payment:
        payment = await self.payment()
        assert isinstance(await self.tried(payment), Done)
        return self.now(payment)

    async def reserved(self, payment: Payment, amount: int) -> Refund:
        refund = Refund(id=new_request_id(), amount=amount, by="acme", created_at=datetime.now(UTC))
        assert await self.store.reserve(payment.id, None, refund) is not None
        return refund

    async def give_back(self, payment: Payment, refund: Refund) -> Outcome:
        reference = payment.reference or ""
        return await self.do(GiveBack(payment.id, refund.id, reference, refund.amount, "USD"), refund.id)

    def now(self, payment: Payment) -> Payment:
        return self.store.stored[payment.id]

    @property
    def held(self) -> int:
        return sum(transaction.signed for transaction in self.store.transactions.values())


@pytest.fixture(scope="module")
def simulated() -> Iterator[Vendors]:
    with vendors_running() as vendors:
        yield vendors


@pytest.fixture
async def till(simulated: Vendors) -> AsyncIterator[Till]:
    stripe = Api(simulated)
    stripe.control("DELETE", "/everything")
    stripe.control("DELETE")
    base = f"http://127.0.0.1:{simulated.port}/stripe"
    settings = StripeSettings(SecretStr("sk_test_simulated"), SecretStr("whsec_x"), base)
    store = FakePaymentStore()
    async with VendorHttp() as http:
        door, webhooks = StripeDoor(settings, http), StripeWebhooks.of(settings)
        yield Till(StripePayments(door, Hearing(store), webhooks, "https://shop.test", None), store, stripe)


async def test_a_payment_is_completed_by_its_charge(till: Till) -> None:
    payment = await till.paid()
    assert (payment.status, payment.captured, payment.reference is not None) == (Status.COMPLETED, 2000, True)
    (charge,) = till.store.transactions.values()
    assert (charge.kind, charge.amount, charge.reference) == (Kind.CHARGE, PRICE, payment.charge)


async def test_a_declined_payment_fails_by_the_banks_word_and_may_be_tried_again(till: Till) -> None:
    payment = await till.payment()
    outcome = await till.tried(payment, "pm_card_visa_chargeDeclined")
    assert isinstance(outcome, Failed)
    failed = till.now(payment)
    assert (outcome.code, failed.status, failed.captured) == ("card_declined", Status.FAILED, 0)
    assert failed.failure is not None
    assert isinstance(await till.tried(payment), Done)
    assert (till.now(payment).status, till.held) == (Status.COMPLETED, 2000)


async def test_a_look_at_a_try_that_was_declined_ends_no_later_one(till: Till) -> None:
    payment = await till.payment()
    await till.tried(payment, "pm_card_visa_chargeDeclined")
    declined = till.now(payment)
    again = begun(declined, "pm_card_visa", datetime.now(UTC))
    assert await till.store.change(declined, again)
    assert await till.do(Look(payment.id, declined.reference or "")) == Done("null")
    assert till.now(payment) == again


async def test_a_way_to_pay_that_there_is_not_fails_the_payment_too(till: Till) -> None:
    payment = await till.payment()
    assert isinstance(await till.tried(payment, "pm_nobody_has_this"), Failed)
    assert (till.now(payment).status, till.now(payment).reference) == (Status.FAILED, None)


async def test_who_has_to_prove_who_they_are_is_told_where_and_pays_then(till: Till) -> None:
    tried = new_request_id()
    payment = await till.payment(job=tried)
    asked = Try(payment.id, PRICE.amount, PRICE.currency, "pm_card_authenticationRequired", BACK)
    outcome = await till.do(asked, tried)
    assert isinstance(outcome, Waiting)
    waiting = till.now(payment)
    assert waiting.status is Status.REQUIRES_ACTION
    assert waiting.next_action is not None
    till.stripe.press(waiting.next_action, "complete")
    assert isinstance(await till.poll(tried, outcome.reference), Done)
    assert (till.now(payment).status, till.now(payment).next_action) == (Status.COMPLETED, None)


async def test_refunds_give_back_what_was_reserved(till: Till) -> None:
    payment = await till.paid()
    for amount in (500, 1500):
        refund = await till.reserved(payment, amount)
        assert isinstance(await till.give_back(payment, refund), Done)
    after = till.now(payment)
    assert (after.status, after.refunded, after.refunding, till.held) == (Status.REFUNDED, 2000, 0, 0)
    assert [refund.by for refund in after.refunds] == ["acme", "acme"]


async def test_a_refund_that_stripe_refuses_reserves_nothing_more(till: Till) -> None:
    payment = await till.paid()
    refund = await till.reserved(payment, 2000)
    till.stripe.control("POST", "/refunds", {"payment_intent": payment.reference})
    assert isinstance(await till.give_back(payment, refund), Failed)
    await till.do(Look(payment.id, payment.reference or ""))
    after = till.now(payment)
    assert [one.status for one in after.refunds] == [RefundStatus.FAILED, RefundStatus.COMPLETED]
    assert (after.refunded, after.refunding, till.held) == (2000, 0, 0)


async def test_a_refund_that_is_pending_waits_for_its_own_end(till: Till) -> None:
    till.stripe.control("PUT", "/outcomes", {"refunds": "pending"})
    payment = await till.paid()
    refund = await till.reserved(payment, 700)
    waiting = await till.give_back(payment, refund)
    assert isinstance(waiting, Waiting)
    assert (till.now(payment).refunding, till.held) == (700, 2000)
    till.stripe.control("POST", f"/refunds/{waiting.reference}/settle", {"status": "succeeded"})
    assert isinstance(await till.poll(refund.id, waiting.reference), Done)
    assert (till.now(payment).refunded, till.held) == (700, 1300)
    till.stripe.control("PUT", "/outcomes", {})


async def test_an_order_is_paid_on_its_page(till: Till) -> None:
    order, begun = new_request_id(), datetime.now(UTC)
    payment = await till.payment(order=order)
    asked = Checkout(order, PRICE.amount, PRICE.currency, begun + timedelta(minutes=30), begun)
    waiting = await till.do(asked, payment.id)
    assert isinstance(waiting, Waiting)
    page = msgspec.json.decode(waiting.taken_with or "null")["redirect_url"]
    assert isinstance(await till.poll(payment.id, waiting.reference), Waiting)
    till.stripe.press(page, "pay", card=CARD)
    assert isinstance(await till.poll(payment.id, waiting.reference), Done)
    assert (till.now(payment).status, till.held) == (Status.COMPLETED, 2000)
    reserved = await reserve_all(till.store, payment.id, datetime.now(UTC))
    assert reserved is not None
    assert isinstance(await till.give_back(*reserved), Done)
    assert (till.now(payment).status, till.held) == (Status.REFUNDED, 0)


async def test_a_page_that_is_withdrawn_is_paid_by_nobody(till: Till) -> None:
    order, begun = new_request_id(), datetime.now(UTC)
    payment = await till.payment(order=order)
    waiting = await till.do(Checkout(order, 2000, "USD", None, begun), payment.id)
    assert isinstance(waiting, Waiting)
    assert isinstance(await till.do(Withdrawal(waiting.reference)), Done)
    assert isinstance(await till.poll(payment.id, waiting.reference), Failed)
    assert (till.now(payment).status, till.held) == (Status.CANCELLED, 0)


async def test_a_refund_made_at_stripe_is_found_by_a_look(till: Till) -> None:
    payment = await till.paid()
    till.stripe.control("POST", "/refunds", {"payment_intent": payment.reference, "amount": 800})
    assert isinstance(await till.do(Look(payment.id, payment.reference or "")), Done)
    assert (till.now(payment).refunded, till.held) == (800, 1200)


async def test_what_could_not_be_booked_is_asked_for_again_and_charged_once(till: Till) -> None:
    payment, tried = await till.payment(), new_request_id()
    asked = Try(payment.id, PRICE.amount, PRICE.currency, "pm_card_visa", BACK)
    till.store.down = True
    assert isinstance(await till.do(asked, tried), Retry)
    till.store.down = False
    assert isinstance(await till.do(asked, tried), Done)
    assert (till.held, till.stripe.totals()["charged"]) == (2000, {"usd": 2000})


async def test_a_payment_that_is_not_on_record_waits_for_a_person(till: Till) -> None:
    nobody = Payment(
        id=new_request_id(), client="a", total=PRICE, created_at=datetime.now(UTC), updated_at=datetime.now(UTC)
    )
    outcome = await till.tried(nobody)
    assert isinstance(outcome, Retry)
    assert outcome.code == "payment_not_on_record"


async def test_customers_and_pages_of_no_order_are_told_as_stripe_wrote_them(till: Till) -> None:
    customer = await till.do(NewCustomer("Ada", "ada@example.com"))
    assert isinstance(customer, Done)
    assert msgspec.json.decode(customer.result)["object"] == "customer"
    page = await till.do(NewCheckout("USD", "A mug", 2000, BACK, BACK))
    assert isinstance(page, Done)
    assert msgspec.json.decode(page.result)["url"].startswith("http")
