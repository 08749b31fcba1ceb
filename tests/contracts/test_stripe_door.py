"""
The door to Stripe, on the simulated one and, with `STRIPE_SECRET_KEY=sk_test_…`, on Stripe's own test mode.

What Stripe alone decides cannot be told by a stub of ours: the same tests say that both are the same to us.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from pydantic import SecretStr

from domain.money import Money
from domain.outcomes import Failed, Retry
from domain.payments.money_state import MoneyState, Standing
from domain.payments.payments import RefundStatus
from domain.request_ids import new_request_id
from domain.unknowns import CODES_OF_DOUBT
from domain.vendors import Call
from tests.contracts.stripe_accounts import key_of_test_mode
from tests.loadtest.client import Vendors
from tests.loadtest.conftest import vendors_running
from vendors.http import VendorHttp
from vendors.stripe.client import StripeDoor
from vendors.stripe.faults import Declined
from vendors.stripe.looking import look_at
from vendors.stripe.settings import API_BASE, StripeSettings
from vendors.stripe.words import CustomerAsked, Intent, IntentAsked, Reason, RefundAsked, SessionAsked, session_end

USD = Money(amount=2000, currency="USD")
BACK = "https://shop.test/back"
Word = TypeVar("Word")


@dataclass(frozen=True)
class Account:
    """An account at Stripe, or at the one that stands for it."""

    door: StripeDoor
    settings: StripeSettings

    async def pay(self, card: str = "pm_card_visa", call: Call | None = None) -> Intent:
        return sure(await self.door.create_intent(IntentAsked(USD, card, BACK), call or a_call()))

    async def look(self, reference: str) -> MoneyState:
        return sure(await look_at(self.door, reference, a_call(), asked=USD, read_at=datetime.now(UTC)))


def a_call() -> Call:
    return Call(new_request_id(), "{}", timedelta(seconds=30))


def sure(answer: Word | Retry | Failed) -> Word:
    assert not isinstance(answer, Retry | Failed), answer
    return answer


@pytest.fixture(scope="module")
def simulated() -> Iterator[Vendors]:
    with vendors_running() as vendors:
        yield vendors


@pytest.fixture(params=["simulated", "at_stripe"])
async def account(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    if request.param == "simulated":
        port = request.getfixturevalue("simulated").port
        key, base = "sk_test_simulated", f"http://127.0.0.1:{port}/stripe"
    else:
        key, base = key_of_test_mode(), API_BASE
    settings = StripeSettings(SecretStr(key), SecretStr("whsec_x"), base)
    async with VendorHttp() as http:
        yield Account(StripeDoor(settings, http), settings)


async def test_what_is_asked_for_twice_under_one_key_is_made_once(account: Account) -> None:
    call, asked = a_call(), CustomerAsked("Ada", "ada@example.com")
    first = sure(await account.door.create_customer(asked, call))
    assert sure(await account.door.create_customer(asked, call)).id == first.id
    assert sure(await account.door.create_customer(asked, a_call())).id != first.id


async def test_a_payment_is_charged_once_however_often_it_is_asked_for(account: Account) -> None:
    call = a_call()
    paid = await account.pay(call=call)
    assert (await account.pay(call=call)).id == paid.id
    state = await account.look(paid.id)
    assert (state.standing, state.captured, state.charge) == (Standing.PAID, 2000, paid.charge_id)


async def test_other_parameters_under_a_key_are_refused_and_leave_it_in_doubt(account: Account) -> None:
    call = a_call()
    await account.pay(call=call)
    other = IntentAsked(Money(amount=1900, currency="USD"), "pm_card_visa", BACK)
    refused = await account.door.create_intent(other, call)
    assert isinstance(refused, Failed)
    assert refused.code in CODES_OF_DOUBT


@pytest.mark.parametrize(
    ("card", "decline"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
async def test_a_declined_card_is_an_explicit_no(account: Account, card: str, decline: str) -> None:
    refused = await account.door.create_intent(IntentAsked(USD, card, BACK), a_call())
    assert isinstance(refused, Declined)
    assert (refused.code, refused.decline_code, refused.vendor_status) == ("card_declined", decline, 402)
    assert refused.intent_id is not None
    state = await account.look(refused.intent_id)
    assert (state.standing, state.captured) == (Standing.DECLINED, 0)
    assert state.failure is not None
    assert state.failure.code == "card_declined"


async def test_after_a_no_the_next_generation_is_a_try_of_its_own(account: Account) -> None:
    call, asked = a_call(), IntentAsked(USD, "pm_card_visa_chargeDeclined", BACK)
    said = [await account.door.create_intent(asked, each) for each in (call, call, replace(call, generation=2))]
    first, again, next_one = [answer.intent_id for answer in said if isinstance(answer, Declined)]
    assert (first == again, first == next_one) == (True, False)


async def test_who_has_to_prove_who_they_are_is_sent_on_and_can_be_called_off(account: Account) -> None:
    asked = await account.pay("pm_card_authenticationRequired")
    state = await account.look(asked.id)
    assert state.standing is Standing.REQUIRES_ACTION
    assert state.next_action is not None
    sure(await account.door.cancel_intent(asked.id, a_call()))
    assert (await account.look(asked.id)).standing is Standing.CLOSED


async def test_a_paid_intent_cannot_be_called_off(account: Account) -> None:
    paid = await account.pay()
    refused = await account.door.cancel_intent(paid.id, a_call())
    assert isinstance(refused, Failed)
    assert refused.code == "payment_intent_unexpected_state"


async def test_refunds_are_known_by_our_ids_and_never_exceed_the_payment(account: Account) -> None:
    paid, ours = await account.pay(), new_request_id()
    part = RefundAsked(paid.id, Money(amount=1500, currency="USD"), Reason.REQUESTED, {"refund": str(ours)})
    call = a_call()
    made = sure(await account.door.create_refund(part, call))
    assert sure(await account.door.create_refund(part, call)).id == made.id
    assert isinstance(await account.door.create_refund(part, a_call()), Failed)
    rest = RefundAsked(paid.id, Money(amount=500, currency="USD"))
    sure(await account.door.create_refund(rest, a_call()))
    refused = await account.door.create_refund(rest, a_call())
    assert isinstance(refused, Failed)
    assert refused.code == "charge_already_refunded"
    state = await account.look(paid.id)
    assert sorted((each.amount, each.ours) for each in state.refunds) == [(500, None), (1500, ours)]
    assert {each.status for each in state.refunds} == {RefundStatus.COMPLETED}
    assert sure(await account.door.retrieve_refund(made.id, a_call())).reason == "requested_by_customer"


async def test_a_session_has_a_page_until_it_is_closed(account: Account) -> None:
    now = datetime.now(UTC)
    asked = SessionAsked(USD, "A teapot", BACK, BACK, session_end(now, now + timedelta(hours=1)), "order-7")
    made = sure(await account.door.create_session(asked, a_call()))
    assert made.url is not None
    assert (made.status, made.reference, made.money) == ("open", "order-7", USD)
    state = await account.look(made.id)
    assert (state.standing, state.next_action, state.reference) == (Standing.OPEN, made.url, made.id)
    sure(await account.door.expire_session(made.id, a_call()))
    assert (await account.look(made.id)).standing is Standing.CLOSED
    assert isinstance(await account.door.expire_session(made.id, a_call()), Failed)


async def test_what_was_made_since_is_listed_to_the_end(account: Account) -> None:
    since = datetime.now(UTC) - timedelta(seconds=30)
    paid = await account.pay()
    back = sure(await account.door.create_refund(RefundAsked(paid.id, USD), a_call()))
    intents = {each.id async for each in account.door.intents(since, a_call())}
    charges = {each.id async for each in account.door.charges(since, a_call())}
    refunds = {each.id async for each in account.door.refunds(since, a_call())}
    assert (paid.id in intents, paid.charge_id in charges, back.id in refunds) == (True, True, True)
    assert [each.id for each in sure(await account.door.list_refunds(paid.id, a_call()))] == [back.id]


async def test_what_is_not_there_is_a_no(account: Account) -> None:
    for answer in (
        await account.door.retrieve_intent("pi_0none", a_call()),
        await account.door.retrieve_session("cs_test_none", a_call()),
        await account.door.create_refund(RefundAsked("pi_0none", USD), a_call()),
    ):
        assert isinstance(answer, Failed)
        assert answer.code == "resource_missing"


async def test_an_amount_that_is_too_small_is_a_no_with_stripes_own_code(account: Account) -> None:
    asked = IntentAsked(Money(amount=1, currency="USD"), "pm_card_visa", BACK)
    refused = await account.door.create_intent(asked, a_call())
    assert isinstance(refused, Failed)
    assert refused.code == "amount_too_small"


@pytest.mark.parametrize(
    ("money", "card"),
    [(Money(amount=500, currency="JPY"), "pm_card_visa"), (Money(amount=500, currency="ISK"), "pm_card_visa")],
    ids=["JPY", "ISK"],
)
async def test_money_without_decimals_comes_back_as_it_was_asked_for(account: Account, money: Money, card: str) -> None:
    paid = sure(await account.door.create_intent(IntentAsked(money, card, BACK), a_call()))
    assert (paid.money, paid.received) == (money, money)


@pytest.mark.parametrize("kind", ["sk_live_", "rk_live_"])
def test_no_test_is_made_with_a_live_key_and_none_repeats_it(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", f"{kind}of_somebody")
    with pytest.raises(pytest.fail.Exception, match="STRIPE_SECRET_KEY is a live key") as refusal:
        key_of_test_mode()
    assert "of_somebody" not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "pk_test_x", "rk_test_x", "whsec_x"])
def test_a_key_that_is_none_of_test_mode_is_used_for_nothing(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)
    with pytest.raises(pytest.skip.Exception, match="no key of Stripe's test mode"):
        key_of_test_mode()
