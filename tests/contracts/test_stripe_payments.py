"""
Payments by Stripe, kind by kind: on the simulated Stripe, on localstripe, and in Stripe's own test mode.

What we have on record of money is counted beside what each of them has, from outside, at the end of every test.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from domain.commerce.payments import Checkout, Withdrawal
from domain.errors import Unavailable
from domain.outcomes import Done, Failed, Retry, Waiting
from domain.payments.jobs import GiveBack, Look, NewCheckout, NewCustomer
from domain.payments.payments import Kind, Payment, RefundStatus, Status
from domain.payments.ports import PaymentStore, TransactionFilter
from domain.payments.processing import begun
from domain.request_ids import new_request_id
from tests.contracts import stripe_accounts
from tests.contracts.counted_till import BACK, PRICE, Till, till_at
from tests.contracts.stripe_accounts import Account
from tests.fakes_payments import FakePaymentStore

# It has no sessions, forgets keys, and gives back more than was paid.
not_localstripe = pytest.mark.parametrize("account", ["simulated", "at_stripe"], indirect=True)


@pytest.fixture(scope="module")
def simulated() -> Iterator[Account]:
    with stripe_accounts.simulated() as account:
        yield account


@pytest.fixture(scope="module")
def localstripe() -> Iterator[Account]:
    with stripe_accounts.localstripe() as account:
        yield account


@pytest.fixture(scope="module")
def at_stripe() -> Iterator[Account]:
    with stripe_accounts.at_stripe() as account:
        yield account


@pytest.fixture(params=["simulated", "localstripe", "at_stripe"])
def account(request: pytest.FixtureRequest) -> Account:
    found: Account = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store() -> FakePaymentStore:
    return FakePaymentStore()


@pytest.fixture
async def till(account: Account, store: FakePaymentStore) -> AsyncIterator[Till]:
    async with till_at(account, store) as till:
        yield till


def away_after(store: FakePaymentStore, reads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads a payment once more than so often finds the store away."""
    read, left = store.find, iter(range(reads))

    async def find(payment_id: UUID, owner: str | None) -> Payment | None:
        if next(left, None) is None:
            raise Unavailable("the store does not answer just now")
        return await read(payment_id, owner)

    monkeypatch.setattr(store, "find", find)


async def test_a_payment_is_completed_by_its_charge(till: Till) -> None:
    payment = await till.paid()
    assert (payment.status, payment.captured, payment.reference is not None) == (Status.COMPLETED, 2000, True)
    (charge,) = await till.store.list_transactions(TransactionFilter(owner="acme"))
    assert (charge.kind, charge.amount, charge.reference) == (Kind.CHARGE, PRICE, payment.charge)


async def test_a_declined_payment_fails_by_the_banks_word_and_may_be_tried_again(till: Till) -> None:
    payment = await till.payment()
    outcome = await till.tried(payment, till.account.declines)
    assert isinstance(outcome, Failed)
    failed = await till.now(payment)
    assert (outcome.code, failed.status, failed.captured) == ("card_declined", Status.FAILED, 0)
    assert failed.failure is not None
    again = begun(failed, "pm_card_visa", datetime.now(UTC))
    assert await till.store.change(failed, again)
    assert isinstance(await till.tried(again), Done)
    assert ((await till.now(payment)).status, await till.held()) == (Status.COMPLETED, 2000)


@not_localstripe
async def test_a_look_at_a_declined_try_says_nothing_of_the_next_one(till: Till) -> None:
    payment = await till.payment()
    await till.tried(payment, till.account.declines)
    failed = await till.now(payment)
    again = begun(failed, "pm_card_visa", datetime.now(UTC))
    assert await till.store.change(failed, again)
    look = Look(payment.id, failed.reference or "")
    assert isinstance(await till.do(look), Done)
    assert (await till.now(payment)).status is Status.PROCESSING
    assert isinstance(await till.tried(again), Done)
    assert isinstance(await till.do(look), Done)
    assert ((await till.now(payment)).status, await till.held()) == (Status.COMPLETED, 2000)


async def test_a_way_to_pay_that_there_is_not_fails_the_payment_too(till: Till) -> None:
    payment = await till.payment()
    assert isinstance(await till.tried(payment, "pm_nobody_has_this"), Failed)
    after = await till.now(payment)
    assert (after.status, after.reference) == (Status.FAILED, None)


async def test_who_has_to_prove_who_they_are_pays_then(till: Till) -> None:
    if till.account.prove is None:
        pytest.skip("Stripe's own page wants a browser")
    tried = new_request_id()
    payment = await till.payment(job=tried)
    outcome = await till.tried(payment, till.account.asks())
    assert isinstance(outcome, Waiting)
    assert ((await till.now(payment)).status, await till.held()) == (Status.REQUIRES_ACTION, 0)
    till.account.prove(till.account, outcome.reference)
    assert isinstance(await till.poll(tried, outcome.reference), Done)
    after = await till.now(payment)
    assert (after.status, after.next_action, await till.held()) == (Status.COMPLETED, None, 2000)


@not_localstripe
async def test_who_has_to_prove_who_they_are_is_told_where(till: Till) -> None:
    payment = await till.payment()
    assert isinstance(await till.tried(payment, till.account.asks()), Waiting)
    waiting = await till.now(payment)
    assert waiting.status is Status.REQUIRES_ACTION
    assert (waiting.next_action or "").startswith("http")


async def test_refunds_give_back_what_was_reserved(till: Till) -> None:
    payment = await till.paid()
    for amount in (500, 1500):
        refund = await till.reserved(payment, amount)
        assert isinstance(await till.give_back(payment, refund), Done)
    after = await till.now(payment)
    assert (after.status, after.refunded, after.refunding) == (Status.REFUNDED, 2000, 0)
    assert await till.held() == 0
    assert [refund.by for refund in after.refunds] == ["acme", "acme"]


@not_localstripe
async def test_a_refund_that_stripe_refuses_reserves_nothing_more(till: Till) -> None:
    payment = await till.paid()
    refund = await till.reserved(payment, 2000)
    till.account.ask("POST", "refunds", payment_intent=payment.reference)
    assert isinstance(await till.give_back(payment, refund), Failed)
    await till.do(Look(payment.id, payment.reference or ""))
    after = await till.now(payment)
    assert [one.status for one in after.refunds] == [RefundStatus.FAILED, RefundStatus.COMPLETED]
    assert (after.refunded, after.refunding, await till.held()) == (2000, 0, 0)


async def test_a_refund_made_by_hand_is_found_by_a_look(till: Till) -> None:
    payment = await till.paid()
    till.account.ask("POST", "refunds", payment_intent=payment.reference, amount=800)
    assert isinstance(await till.do(Look(payment.id, payment.reference or "")), Done)
    assert ((await till.now(payment)).refunded, await till.held()) == (800, 1200)


@not_localstripe
async def test_what_was_charged_and_could_not_be_booked_is_looked_at_and_never_asked_for_again(
    till: Till, store: FakePaymentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await till.payment(job=(tried := new_request_id()))
    away_after(store, 0, monkeypatch)
    waiting = await till.tried(payment, request_id=tried)
    assert isinstance(waiting, Waiting)
    assert isinstance(await till.poll(tried, waiting.reference), Retry)
    monkeypatch.undo()
    assert isinstance(await till.poll(tried, waiting.reference), Done)
    assert await till.held() == 2000


@not_localstripe
async def test_a_decline_that_could_not_be_booked_is_looked_at_and_never_asked_for_again(
    till: Till, store: FakePaymentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await till.payment(job=(tried := new_request_id()))
    away_after(store, 0, monkeypatch)
    waiting = await till.tried(payment, till.account.declines, request_id=tried)
    assert isinstance(waiting, Waiting)
    monkeypatch.undo()
    assert isinstance(await till.poll(tried, waiting.reference), Failed)


@not_localstripe
async def test_a_page_that_could_not_be_booked_is_told_and_looked_at(
    till: Till, store: FakePaymentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = new_request_id()
    payment = await till.payment(order=order)
    away_after(store, 0, monkeypatch)
    waiting = await till.do(Checkout(order, 2000, "USD", None, datetime.now(UTC)), payment.id)
    assert isinstance(waiting, Waiting)
    assert "redirect_url" in (waiting.taken_with or "")
    monkeypatch.undo()
    assert isinstance(await till.poll(payment.id, waiting.reference), Waiting)


@not_localstripe
async def test_a_refund_that_was_made_and_could_not_be_booked_is_never_refused(
    till: Till, store: FakePaymentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await till.paid()
    refund = await till.reserved(payment, 700)
    away_after(store, 1, monkeypatch)
    waiting = await till.give_back(payment, refund)
    monkeypatch.undo()
    assert isinstance(waiting, Waiting)
    assert isinstance(await till.poll(refund.id, waiting.reference), Done)
    assert ((await till.now(payment)).refunded, await till.held()) == (700, 1300)


@not_localstripe
async def test_a_try_in_doubt_is_no_declined_payment(till: Till) -> None:
    tried = new_request_id()
    first, second = [await till.payment(job=tried) for _ in range(2)]
    await till.tried(first, request_id=tried)
    till.calls.clear()
    assert isinstance(await till.tried(second), Failed)
    assert (await till.now(second)).status is Status.PROCESSING


@not_localstripe
async def test_a_refund_in_doubt_keeps_what_it_reserved(till: Till) -> None:
    payment = await till.paid()
    first, second = await till.reserved(payment, 500), await till.reserved(payment, 700)
    await till.give_back(payment, first)
    till.calls.clear()
    under_the_same_key = GiveBack(payment.id, second.id, payment.reference or "", second.amount, "USD")
    assert isinstance(await till.do(under_the_same_key, first.id), Failed)
    after = await till.now(payment)
    assert (after.refunded, after.refunding, await till.held()) == (500, 700, 1500)


@not_localstripe
async def test_a_page_that_is_withdrawn_is_paid_by_nobody(till: Till) -> None:
    order, begun = new_request_id(), datetime.now(UTC)
    payment = await till.payment(order=order)
    waiting = await till.do(Checkout(order, 2000, "USD", None, begun), payment.id)
    assert isinstance(waiting, Waiting)
    assert isinstance(await till.do(Withdrawal(waiting.reference)), Done)
    assert isinstance(await till.poll(payment.id, waiting.reference), Failed)
    assert ((await till.now(payment)).status, await till.held()) == (Status.CANCELLED, 0)


async def test_customers_are_told_as_stripe_wrote_them(till: Till) -> None:
    customer = await till.do(NewCustomer("Ada", "ada@example.com"))
    assert isinstance(customer, Done)
    assert msgspec.json.decode(customer.result)["object"] == "customer"


@not_localstripe
async def test_pages_of_no_order_are_told_as_stripe_wrote_them(till: Till) -> None:
    payment = await till.payment()
    page = await till.do(NewCheckout(payment.id, "USD", "A mug", 2000, BACK, BACK), payment.job)
    assert isinstance(page, Done)
    assert msgspec.json.decode(page.result)["url"].startswith("http")


async def test_what_the_account_holds_is_the_sum_of_our_transactions_at_every_step(
    account: Account, payments: PaymentStore
) -> None:
    async with till_at(account, payments) as till:
        paid, tried = await till.paid(), new_request_id()
        other = await till.payment(job=tried)
        held = [await till.held()]
        assert isinstance(await till.tried(await till.payment(), account.declines), Failed)
        held.append(await till.held())
        asked = await till.tried(other, account.asks())
        assert isinstance(asked, Waiting)
        held.append(await till.held())
        for amount in (700, 1300):
            await till.give_back(paid, await till.reserved(paid, amount))
            held.append(await till.held())
        assert held == [2000, 2000, 2000, 1300, 0]
        if account.prove is not None:
            account.prove(account, asked.reference)
            await till.poll(tried, asked.reference)
            assert await till.held() == 2000
