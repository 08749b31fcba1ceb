"""Moves of an order: those that are drawn and no others, and what of stock, time and follow-ups comes with each."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commerce.moving import REFUND_IF_PAID, has_expired, moved, struck_off, tag_of
from domain.commerce.orders import LEGAL, Order, Status, Step
from domain.errors import Conflict
from tests.fakes_commerce import a_product
from tests.fakes_orders import HALF_AN_HOUR, an_order
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)
PAYMENT = UUID(int=7)
MUG = a_product()
PATHS = {
    Status.PENDING: (),
    Status.AWAITING_PAYMENT: (Status.AWAITING_PAYMENT,),
    Status.PAID: (Status.AWAITING_PAYMENT, Status.PAID),
    Status.SHIPPED: (Status.AWAITING_PAYMENT, Status.PAID, Status.SHIPPED),
    Status.DELIVERED: (Status.AWAITING_PAYMENT, Status.PAID, Status.SHIPPED, Status.DELIVERED),
    Status.CANCELLED: (Status.CANCELLED,),
    Status.REFUNDED: (Status.AWAITING_PAYMENT, Status.PAID, Status.REFUNDED),
}
DRAWN = [(start, end) for start in Status for end in Status if end in LEGAL[start]]
NOT_DRAWN = [(start, end) for start in Status for end in Status if end not in LEGAL[start]]


def step_to(status: Status, **fields: Any) -> Step:
    return Step(**{"at": LATER, "status": status, "by": "root", **fields})


def order_at(status: Status, **fields: Any) -> Order:
    """One that came to this status by the usual way."""
    order = an_order((MUG, 3), **fields)
    for each in PATHS[status]:
        order = moved(order, step_to(each, at=NOON))
    return order


@pytest.mark.parametrize(("start", "end"), DRAWN)
def test_a_move_that_is_drawn_is_made_and_told_in_the_history(start: Status, end: Status) -> None:
    before = order_at(start)
    after = moved(before, step_to(end, why="because"))
    assert (after.status, after.epoch, after.updated_at) == (end, before.epoch + 1, LATER)
    assert after.history == [*before.history, step_to(end, why="because")]
    assert (after.lines, after.total, after.id) == (before.lines, before.total, before.id)


@pytest.mark.parametrize(("start", "end"), NOT_DRAWN)
def test_any_other_move_is_refused_with_what_can_be_done_instead(start: Status, end: Status) -> None:
    with pytest.raises(Conflict, match=f"is {start}, and cannot become {end}.*; (it|what)") as refusal:
        moved(order_at(start), step_to(end))
    assert refusal.value.code == "order-state"


@pytest.mark.parametrize(("start", "end"), DRAWN)
def test_stock_goes_back_when_an_order_ends_before_it_was_shipped(start: Status, end: Status) -> None:
    before = order_at(start)
    ends_here = end in {Status.CANCELLED, Status.REFUNDED} and start not in {Status.SHIPPED, Status.DELIVERED}
    assert moved(before, step_to(end)).stock_held is (before.stock_held and not ends_here)


@pytest.mark.parametrize("end", Status)
def test_time_runs_out_for_what_is_not_paid_alone(end: Status) -> None:
    order = order_at(end)
    unpaid = end in {Status.PENDING, Status.AWAITING_PAYMENT}
    assert order.expires_at == (NOON + HALF_AN_HOUR if unpaid else None)
    assert has_expired(order, NOON + HALF_AN_HOUR) is unpaid
    assert not has_expired(order, NOON + HALF_AN_HOUR - timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("end", "owed"),
    [
        (Status.PENDING, None),
        (Status.AWAITING_PAYMENT, None),
        (Status.PAID, ["mail:paid"]),
        (Status.SHIPPED, ["mail:paid", "mail:shipped"]),
        (Status.CANCELLED, ["mail:cancelled"]),
        (Status.REFUNDED, ["mail:paid"]),
    ],
)
def test_a_move_owes_its_mail_and_what_was_owed_stays_owed(end: Status, owed: list[str] | None) -> None:
    assert order_at(end).owed == owed


def test_nobody_is_told_of_an_order_that_is_no_persons() -> None:
    assert order_at(Status.SHIPPED, user=None).owed is None


def test_an_order_that_is_cancelled_while_it_is_paid_owes_the_money_first() -> None:
    paying = moved(order_at(Status.PENDING), step_to(Status.AWAITING_PAYMENT), payment=PAYMENT, payments=1)
    assert moved(paying, step_to(Status.CANCELLED)).owed == [REFUND_IF_PAID, "mail:cancelled"]
    assert moved(paying, step_to(Status.CANCELLED), payment=None).owed == ["mail:cancelled"]


def test_the_sweep_comes_by_when_time_runs_out_and_soon_for_what_is_owed() -> None:
    assert order_at(Status.PENDING).sweep_at == NOON + HALF_AN_HOUR
    assert moved(order_at(Status.PENDING), step_to(Status.CANCELLED)).sweep_at == LATER + timedelta(seconds=10)
    assert moved(order_at(Status.PENDING, user=None), step_to(Status.CANCELLED)).sweep_at is None


def test_what_is_done_is_struck_off_and_the_rest_is_looked_at_ever_more_seldom() -> None:
    order = moved(order_at(Status.PENDING, payment=PAYMENT), step_to(Status.CANCELLED))
    half = struck_off(order, {REFUND_IF_PAID}, LATER)
    assert (half.owed, half.epoch, half.updated_at) == (["mail:cancelled"], order.epoch + 1, LATER)
    looks = [struck_off(order, set(), LATER + timedelta(minutes=age)).sweep_at for age in (0, 1, 30, 600)]
    waits = [timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=30), timedelta(hours=1)]
    assert looks == [LATER + timedelta(minutes=age) + wait for age, wait in zip((0, 1, 30, 600), waits, strict=True)]
    done = struck_off(half, {"mail:cancelled"}, LATER)
    assert (done.owed, done.sweep_at) == (None, None)


def test_an_unpaid_order_that_owes_nothing_more_is_still_looked_at_when_its_time_is_up() -> None:
    owing = order_at(Status.AWAITING_PAYMENT).model_copy(update={"owed": ["mail:paid"]})
    assert struck_off(owing, {"mail:paid"}, LATER).sweep_at == NOON + HALF_AN_HOUR


def test_the_tag_differs_by_moves_and_not_by_what_follows_of_them() -> None:
    order = order_at(Status.CANCELLED)
    assert tag_of(order) != tag_of(order_at(Status.PENDING))
    assert tag_of(struck_off(order, {"mail:cancelled"}, LATER)) == tag_of(order)
