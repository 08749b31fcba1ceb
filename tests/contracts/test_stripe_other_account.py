"""
Somebody sets STRIPE_SECRET_KEY to a key of another account while nobody knows what became of a payment.

The other account has never heard of it, which says nothing: nobody is charged there, nothing ends, and all goes on once
the right key is back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from domain.commerce.payments import Checkout, Withdrawal
from domain.errors import OutcomeUnknown
from domain.outcomes import Done, Failed, Retry, Waiting
from domain.payments.hearing import Hearing
from domain.payments.jobs import Look, NewCheckout, NewCustomer
from domain.payments.payments import Payment, RefundStatus
from domain.payments.processing import begun
from domain.request_ids import new_request_id
from tests.contracts import stripe_accounts
from tests.contracts.counted_till import BACK, Till, till_at
from tests.contracts.stripe_accounts import Account
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payments import FakePaymentStore
from tests.loadtest.stripe.api import KEY, Api
from vendors.payments.stripe import StripePayments
from vendors.stripe.client import StripeDoor
from vendors.stripe.webhooks import StripeWebhooks

OTHER, ROLLED = "sk_test_other", "sk_test_rolled"
RESTRICTED, RESTRICTED_ROLLED = "rk_test_one", "rk_test_two"
OF_OTHER = "?account=acct_other"
LOST = {"mode": "drop_after", "times": 1}

SetKey = Callable[[str], None]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with stripe_accounts.simulated() as account:
        yield account


@pytest.fixture
async def till(account: Account) -> AsyncIterator[Till]:
    async with till_at(account, FakePaymentStore()) as till:
        yield till


@pytest.fixture
def stripe(account: Account, till: Till) -> Api:
    assert account.control is not None
    account.control.control("PUT", "/accounts", {OTHER: "acct_other", ROLLED: "acct_simulated"})
    return account.control


@pytest.fixture
async def set_key(till: Till, stripe: Api) -> AsyncIterator[SetKey]:
    """The gateway is started anew with another key: nothing is known but what is on record."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(till.account.open_http())

        def restart(key: str) -> None:
            settings = replace(till.account.settings, secret_key=SecretStr(key))
            door, webhooks = StripeDoor(settings, http), StripeWebhooks.of(settings)
            hearing, jobs = Hearing(till.store), FakePaymentJobs()
            till.vendor = StripePayments(door, hearing, jobs, webhooks, "https://shop.test", limit=None)

        yield restart


def lose(stripe: Api, operation: str) -> None:
    """The next answer to this is lost: it was done."""
    stripe.control("PUT", f"?on={operation.replace(' ', '%20')}", [LOST, {"mode": "normal"}])


def asked(stripe: Api) -> list[str]:
    """Every request so far."""
    calls: Any = stripe.vendors.ask("GET", "/control/calls?vendor=stripe").json["calls"]
    return [f"{call['method']} {call['path'].removeprefix('/stripe/v1/')}" for call in calls]


def count_nothing(till: Till) -> None:
    """At the end one account is held against all books."""
    till.made.clear()
    till.store = FakePaymentStore()


async def in_doubt(till: Till, stripe: Api) -> tuple[Payment, UUID]:
    payment = await till.payment(job=(tried := new_request_id()))
    lose(stripe, "POST /v1/payment_intents")
    with pytest.raises(OutcomeUnknown):
        await till.tried(payment, request_id=tried)
    return payment, tried


async def test_a_try_in_doubt_is_never_made_at_another_account(till: Till, stripe: Api, set_key: SetKey) -> None:
    payment, tried = await in_doubt(till, stripe)
    before = await till.now(payment)
    set_key(OTHER)
    outcome = await till.tried(payment, request_id=tried)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.counted) == ("other_account", False)
    assert (await till.now(payment), stripe.totals(OF_OTHER)["statuses"]) == (before, {})
    set_key(KEY)
    assert isinstance(await till.tried(payment, request_id=tried), Done)
    assert ((await till.now(payment)).captured, stripe.totals()["charges"]) == (2000, 1)


async def test_no_look_at_another_account_says_anything(till: Till, stripe: Api, set_key: SetKey) -> None:
    payment = await till.payment(job=(tried := new_request_id()))
    waiting = await till.tried(payment, till.account.asks(), tried)
    assert isinstance(waiting, Waiting)
    before, already = await till.now(payment), len(asked(stripe))
    set_key(OTHER)
    for outcome in (await till.poll(tried, waiting.reference), await till.do(Look(payment.id, waiting.reference))):
        assert isinstance(outcome, Retry)
        assert outcome.code == "other_account"
    assert (await till.now(payment), asked(stripe)[already:]) == (before, ["GET account"])


async def test_a_refund_in_doubt_is_neither_made_nor_refused_at_another_account(
    till: Till, stripe: Api, set_key: SetKey
) -> None:
    payment = await till.paid()
    refund = await till.reserved(payment, 700)
    lose(stripe, "POST /v1/refunds")
    with pytest.raises(OutcomeUnknown):
        await till.give_back(payment, refund)
    set_key(OTHER)
    outcome = await till.give_back(payment, refund)
    assert isinstance(outcome, Retry)
    assert outcome.code == "other_account"
    assert [one.status for one in (await till.now(payment)).refunds] == [RefundStatus.PENDING]
    set_key(KEY)
    assert isinstance(await till.give_back(payment, refund), Done)
    assert ((await till.now(payment)).refunded, stripe.totals()["refunds"]) == (700, 1)


@pytest.mark.parametrize("of_an_order", [True, False])
async def test_a_page_in_doubt_is_not_opened_at_another_account(
    till: Till, stripe: Api, set_key: SetKey, *, of_an_order: bool
) -> None:
    payment = await till.payment(order=new_request_id() if of_an_order else None)
    job = payment.id if of_an_order else payment.job
    wanted = (
        Checkout(payment.id, 2000, "USD", None, datetime.now(UTC))
        if of_an_order
        else NewCheckout(payment.id, "USD", "A mug", 2000, BACK, BACK)
    )
    lose(stripe, "POST /v1/checkout/sessions")
    with pytest.raises(OutcomeUnknown):
        await till.do(wanted, job)
    already = len(asked(stripe))
    set_key(OTHER)
    outcome = await till.do(wanted, job)
    assert isinstance(outcome, Retry)
    assert (outcome.code, asked(stripe)[already:]) == ("other_account", ["GET account"])
    set_key(KEY)
    assert isinstance(await till.do(wanted, job), Waiting if of_an_order else Done)
    assert len(stripe.get("checkout/sessions").json["data"]) == 1


async def test_a_page_is_not_taken_for_closed_because_another_account_has_none(till: Till, set_key: SetKey) -> None:
    payment = await till.payment(order=new_request_id())
    waiting = await till.do(Checkout(payment.id, 2000, "USD", None, datetime.now(UTC)), payment.id)
    assert isinstance(waiting, Waiting)
    close = Withdrawal(waiting.reference, payment.id)
    set_key(OTHER)
    outcome = await till.do(close)
    assert isinstance(outcome, Retry)
    assert outcome.code == "other_account"
    set_key(KEY)
    assert isinstance(await till.do(close), Done)
    assert till.account.ask("GET", f"checkout/sessions/{waiting.reference}")["status"] == "expired"


async def test_a_rolled_key_of_the_same_account_goes_on_without_a_stop(
    till: Till, stripe: Api, set_key: SetKey
) -> None:
    payment, tried = await in_doubt(till, stripe)
    set_key(ROLLED)
    assert isinstance(await till.tried(payment, request_id=tried), Done)
    assert stripe.totals()["charges"] == 1


async def test_another_account_takes_payments_of_its_own_from_the_first_one_on(
    till: Till, stripe: Api, set_key: SetKey
) -> None:
    await in_doubt(till, stripe)
    set_key(OTHER)
    payment = await till.payment()
    assert isinstance(await till.tried(payment), Done)
    assert isinstance(await till.do(NewCustomer("Ada", "ada@example.com")), Done)
    assert ((await till.now(payment)).account, stripe.totals(OF_OTHER)["charges"]) == ("acct_other/test", 1)
    count_nothing(till)


async def test_what_was_refused_at_one_account_may_be_tried_at_another(
    till: Till, stripe: Api, set_key: SetKey
) -> None:
    payment = await till.payment()
    assert isinstance(await till.tried(payment, till.account.declines), Failed)
    failed = await till.now(payment)
    again = begun(failed, "pm_card_visa", datetime.now(UTC))
    assert await till.store.change(failed, again)
    set_key(OTHER)
    assert isinstance(await till.tried(again), Done)
    assert (stripe.totals()["charges"], stripe.totals(OF_OTHER)["charges"]) == (0, 1)
    count_nothing(till)


async def test_of_a_key_that_may_not_tell_its_account_the_key_itself_counts(
    till: Till, stripe: Api, set_key: SetKey
) -> None:
    set_key(RESTRICTED)
    payment, tried = await in_doubt(till, stripe)
    recorded = (await till.now(payment)).account or ""
    assert recorded.startswith("key_")
    assert RESTRICTED not in recorded
    set_key(RESTRICTED_ROLLED)
    outcome = await till.tried(payment, request_id=tried)
    assert isinstance(outcome, Retry)
    assert outcome.code == "other_account"
    set_key(RESTRICTED)
    assert isinstance(await till.tried(payment, request_id=tried), Done)
    assert stripe.totals()["charges"] == 1


@pytest.mark.parametrize(
    "fault", [{"mode": "api_error"}, {"mode": "drop_before"}, {"mode": "rubbish"}, {"mode": "rate_limit"}]
)
async def test_while_nobody_knows_whose_our_key_is_nothing_is_sent(till: Till, stripe: Api, fault: Any) -> None:
    stripe.control("PUT", "?on=GET%20/v1/account", [fault])
    payment = await till.payment(job=(tried := new_request_id()))
    assert isinstance(await till.tried(payment, request_id=tried), Retry)
    assert ((await till.now(payment)).account, stripe.totals()["statuses"]) == (None, {})
    stripe.control("DELETE")
    assert isinstance(await till.tried(payment, request_id=tried), Done)
    assert (await till.now(payment)).account == "acct_simulated/test"


async def test_stripe_is_asked_once_whose_our_key_is(till: Till, stripe: Api, set_key: SetKey) -> None:
    already = len(asked(stripe))
    set_key(ROLLED)
    payments = [await till.payment() for _ in range(10)]
    outcomes = await asyncio.gather(*(till.tried(payment) for payment in payments))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert asked(stripe)[already:].count("GET account") == 1
