"""How a payment stands, read from what Stripe says now."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.payments.money_state import MoneyState, Standing
from domain.payments.payments import RefundStatus
from domain.payments.settling import Contradiction
from tests.vendors.stripe.stripe_words import (
    CALL,
    MADE,
    answer,
    charge,
    error,
    intent,
    page,
    refund,
    session,
    stripe_says,
)
from vendors.stripe.looking import look_at
from vendors.stripe.money import state_of_intent, state_of_session
from vendors.stripe.wire import IntentWire, RefundWire, SessionWire, read_object
from vendors.stripe.words import Refund

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ASKED = Money(amount=2000, currency="USD")
OURS = UUID("0192f0c0-0000-7000-8000-000000000009")
DECLINE = {"code": "card_declined", "decline_code": "do_not_honor", "message": "Your card was declined."}


def raw(said: object) -> bytes:
    return json.dumps(said).encode()


def refunds_of(*said: dict[str, Any]) -> list[Refund]:
    return [read_object(raw(each), RefundWire) for each in said]


def of_intent(*refunds: dict[str, Any], asked: Money = ASKED, **said: Any) -> MoneyState:
    return state_of_intent(read_object(raw(intent(**said)), IntentWire), refunds_of(*refunds), asked, NOW)


def of_session(*refunds: dict[str, Any], asked: Money = ASKED, **said: Any) -> MoneyState:
    return state_of_session(read_object(raw(session(**said)), SessionWire), refunds_of(*refunds), asked, NOW)


def unpaid(status: str, **said: Any) -> dict[str, Any]:
    return intent(**{"status": status, "amount_received": 0, "latest_charge": None, **said})


def test_a_paid_intent_says_what_was_taken_by_which_charge_and_when() -> None:
    state = of_intent()
    assert (state.reference, state.standing, state.captured, state.currency) == ("pi_1", Standing.PAID, 2000, "USD")
    assert (state.charge, state.charged_at, state.read_at) == ("ch_1", datetime.fromtimestamp(MADE, UTC), NOW)
    assert (state.receipt_url, state.failure, state.next_action) == ("https://pay.example/receipt", None, None)


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        (unpaid("requires_payment_method"), Standing.OPEN),
        (unpaid("requires_confirmation"), Standing.OPEN),
        (unpaid("requires_action"), Standing.REQUIRES_ACTION),
        (unpaid("processing"), Standing.PROCESSING),
        (unpaid("requires_capture"), Standing.PROCESSING),
        (unpaid("canceled"), Standing.CLOSED),
        (unpaid("requires_payment_method", last_payment_error=DECLINE), Standing.DECLINED),
    ],
)
def test_an_intent_that_is_not_paid_holds_nothing(said: dict[str, Any], standing: Standing) -> None:
    state = of_intent(**said)
    assert (state.standing, state.captured, state.charge) == (standing, 0, None)


def test_a_decline_is_told_in_the_banks_words_from_the_charge_where_the_intent_has_none() -> None:
    failed = charge(
        status="failed",
        amount_captured=0,
        failure_code="card_declined",
        failure_message="Your card was declined.",
        outcome={"reason": "do_not_honor"},
    )
    by_intent = of_intent(**unpaid("requires_payment_method", last_payment_error=DECLINE))
    by_charge = of_intent(**unpaid("requires_payment_method", latest_charge=failed))
    assert by_intent.failure is not None
    assert (by_intent.failure.code, by_intent.failure.message) == (
        "card_declined",
        "Your card was declined. (do_not_honor)",
    )
    assert (by_charge.failure, by_charge.standing) == (by_intent.failure, Standing.DECLINED)
    assert (by_charge.charge, by_charge.receipt_url) == (None, None)  # it took nothing


def test_who_has_to_prove_who_they_are_is_told_where() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.test/3ds"}}
    assert of_intent(**unpaid("requires_action", next_action=action)).next_action == "https://bank.test/3ds"


@pytest.mark.parametrize(
    ("status", "behind", "standing"),
    [
        ("open", None, Standing.OPEN),
        ("open", unpaid("requires_payment_method", last_payment_error=DECLINE), Standing.OPEN),
        ("open", unpaid("requires_action"), Standing.REQUIRES_ACTION),
        ("open", unpaid("processing"), Standing.PROCESSING),
        ("complete", unpaid("processing"), Standing.PROCESSING),
        ("complete", unpaid("requires_payment_method", last_payment_error=DECLINE), Standing.DECLINED),
        ("expired", None, Standing.CLOSED),
        ("expired", unpaid("canceled"), Standing.CLOSED),
        ("expired", unpaid("processing"), Standing.PROCESSING),
        ("expired", unpaid("requires_payment_method", last_payment_error=DECLINE), Standing.CLOSED),
    ],
)
def test_a_session_stands_as_the_table_says(status: str, behind: dict[str, Any] | None, standing: Standing) -> None:
    state = of_session(status=status, payment_status="unpaid", payment_intent=behind, url="https://checkout.test/c")
    assert (state.standing, state.captured) == (standing, 0)
    assert state.reference == ("cs_1" if behind is None else "pi_1")
    assert (state.next_action is not None) is (standing in {Standing.OPEN, Standing.REQUIRES_ACTION})


@pytest.mark.parametrize("status", ["complete", "expired"])
@pytest.mark.parametrize("payment_status", ["paid", "unpaid"])
def test_of_a_session_the_intents_word_on_money_wins(payment_status: str, status: str) -> None:
    """Though it has expired: a bank may have been at it then, and the money is there."""
    state = of_session(payment_status=payment_status, status=status)
    assert (state.standing, state.captured, state.reference) == (Standing.PAID, 2000, "pi_1")


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("succeeded", RefundStatus.COMPLETED),
        ("pending", RefundStatus.PENDING),
        ("requires_action", RefundStatus.PENDING),
        (None, RefundStatus.PENDING),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.FAILED),
    ],
)
def test_refunds_are_known_by_our_id_or_as_strangers(status: str | None, ours: RefundStatus) -> None:
    mine = refund(status=status, metadata={"refund": str(OURS)}, failure_reason="expired_or_canceled_card")
    [first, second] = of_intent(mine, refund(id="re_2", status=status)).refunds
    assert (first.reference, first.amount, first.status, first.ours) == ("re_1", 500, ours, OURS)
    assert (first.failure, second.ours) == ("expired_or_canceled_card", None)


WRONG: dict[str, Any] = {
    "another amount": {"amount": 2001},
    "another currency": {"currency": "eur", "latest_charge": charge(currency="eur")},
    "more than was asked for": {"amount_received": 2001},
    "less than was asked for": {"amount_received": 1999, "latest_charge": charge(amount_captured=1999)},
    "paid and nothing received": {"amount_received": 0},
    "received and not paid": {"status": "processing"},
    "no charge": {"latest_charge": None},
    "the charge's id alone": {"latest_charge": "ch_1"},
    "another's charge": {"latest_charge": charge(payment_intent="pi_2")},
    "a failed charge": {"latest_charge": charge(status="failed")},
    "a charge of another amount": {"latest_charge": charge(amount=1000)},
    "a charge in another currency": {"latest_charge": charge(currency="eur")},
    "a charge that took less": {"latest_charge": charge(amount_captured=1000)},
    "a charge that took more": {"latest_charge": charge(amount_captured=3000)},
    "a charge that gave back more": {"latest_charge": charge(amount_refunded=2001)},
    "a charge of the other mode": {"latest_charge": charge(livemode=True)},
    "a status that is none": {"status": "settled"},
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_contradicts_itself_is_not_booked(name: str) -> None:
    with pytest.raises(Contradiction):
        of_intent(**WRONG[name])
    with pytest.raises(Contradiction):
        of_session(payment_intent=intent(**WRONG[name]))


@pytest.mark.parametrize(
    "said",
    [
        {"amount_total": 1999},
        {"currency": "eur"},
        {"status": None},
        {"payment_intent": "pi_1"},
        {"payment_intent": None},
        {"payment_intent": None, "payment_status": "unpaid"},
        {"payment_intent": unpaid("processing")},
        {"payment_intent": unpaid("requires_payment_method"), "payment_status": "unpaid"},
        {"payment_intent": intent(livemode=True, latest_charge=charge(livemode=True))},
        {"payment_intent": unpaid("processing"), "payment_status": "no_payment_required"},
    ],
)
def test_a_session_that_contradicts_itself_is_not_booked(said: dict[str, Any]) -> None:
    with pytest.raises(Contradiction):
        of_session(**said)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 2001},
        {"currency": "eur"},
        {"payment_intent": "pi_2"},
        {"payment_intent": None},
        {"status": "reversed"},
    ],
)
def test_a_refund_that_cannot_be_is_not_booked(wrong: dict[str, Any]) -> None:
    with pytest.raises(Contradiction):
        of_intent(refund(**wrong))


def test_a_refund_of_what_nobody_paid_is_not_booked() -> None:
    with pytest.raises(Contradiction):
        of_session(refund(), status="expired", payment_status="unpaid", payment_intent=None)


@given(
    paid=st.integers(1, 10_000),
    refunds=st.lists(
        st.tuples(st.integers(1, 5_000), st.sampled_from(["succeeded", "pending", "failed", "canceled"])), max_size=8
    ),
)
def test_what_went_back_is_never_more_than_what_came_or_it_is_refused(
    paid: int, refunds: list[tuple[int, str]]
) -> None:
    said = [refund(id=f"re_{at}", amount=amount, status=status) for at, (amount, status) in enumerate(refunds)]
    theirs = charge(amount=paid, amount_captured=paid)
    held = sum(amount for amount, status in refunds if status in {"succeeded", "pending"})
    asked = Money(amount=paid, currency="USD")
    try:
        state = of_intent(*said, asked=asked, amount=paid, amount_received=paid, latest_charge=theirs)
    except Contradiction:
        assert held > paid
        return
    assert held <= paid
    counted = sum(each.amount for each in state.refunds if each.status is not RefundStatus.FAILED)
    assert (state.captured, counted) == (paid, held)


async def test_a_look_asks_for_refunds_only_of_what_was_taken() -> None:
    opened = session(status="open", payment_status="unpaid", payment_intent=None)
    answers = [opened, session(), page(refund()), intent(), page(), unpaid("processing")]
    async with stripe_says(*map(answer, answers)) as scene:
        states = [
            await look_at(scene.door, reference, CALL, asked=ASKED, read_at=NOW)
            for reference in ("cs_1", "cs_1", "pi_1", "pi_1")
        ]
    seen = [(state.standing, len(state.refunds)) for state in states if isinstance(state, MoneyState)]
    paid, processing = Standing.PAID, Standing.PROCESSING
    assert seen == [(Standing.OPEN, 0), (paid, 1), (paid, 0), (processing, 0)]
    assert len(scene.lines) == 6


@pytest.mark.parametrize("reference", ["cs_1", "pi_1"])
async def test_a_look_that_cannot_see_everything_says_nothing(reference: str) -> None:
    whole = session() if reference == "cs_1" else intent()
    async with stripe_says(answer(error(), 500), answer(whole), answer(error(), 500)) as scene:
        for _ in range(2):
            assert not isinstance(await look_at(scene.door, reference, CALL, asked=ASKED, read_at=NOW), MoneyState)
