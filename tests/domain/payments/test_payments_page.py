"""`docs/payments.md` says how payments and refunds move and what may be charged: the code must do just that."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from domain.errors import Conflict
from domain.money import EXPONENTS
from domain.payments.amounts import limits_of
from domain.payments.money_state import MoneyState, RefundState, Standing
from domain.payments.payments import Payment, RefundStatus, Status
from domain.payments.processing import begun
from domain.payments.refunding import refused
from domain.payments.settling import settled
from tests.fakes_payments import a_paid_payment, a_payment, a_refund, paid_state
from tests.strategies import NOON

PAGE = (Path(__file__).parents[3] / "docs" / "payments.md").read_text()
LATER = NOON + timedelta(hours=1)
CODE = re.compile(r"`([a-z_]+)`")

State = TypeVar("State", Status, RefundStatus)
Moves = set[tuple[State, State]]


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> Iterator[list[str]]:
    """The cells of its tables, without their heads."""
    for line in section(title).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("what happens", "what", "least", "unknown is"):
            yield cells


def written(title: str, kind: type[State]) -> Moves[State]:
    moves = [cells for cells in rows(title) if len(cells) == 3]
    return {(kind(before), kind(CODE.findall(to)[0])) for _, many, to in moves for before in CODE.findall(many)}


def test_payments_move_as_the_table_says() -> None:
    made = {(before.status, after.status) for before in of_every_status() for after in moved(before)}
    assert {move for move in made if move[0] != move[1]} == written("A payment", Status)


def test_refunds_move_as_the_table_says() -> None:
    made = {(before, after) for before in RefundStatus for after in told(before)}
    assert {move for move in made if move[0] != move[1]} == written("A refund", RefundStatus)


def test_what_is_drawn_is_in_the_table() -> None:
    moves = written("A payment", Status)
    for drawn in (
        (Status.PENDING, Status.PROCESSING, Status.REQUIRES_ACTION, Status.PROCESSING, Status.FAILED),
        (Status.FAILED, Status.PROCESSING, Status.CANCELLED),
        (Status.PROCESSING, Status.COMPLETED, Status.REFUNDED, Status.COMPLETED),
    ):
        assert set(pairwise(drawn)) <= moves
    picture = section("A payment").split("```")[1]
    assert {status for status in Status if status.value in picture} == set(Status)


def test_the_least_of_each_currency_is_the_one_that_is_written() -> None:
    told = {code: int(least) for least, codes in rows("Money") for code in re.findall(r"\b[A-Z]{3}\b", codes)}
    assert {code: limits_of(code).least for code in EXPONENTS} == {**dict.fromkeys(EXPONENTS, 1), **told}
    most = {limits_of(code).most for code in EXPONENTS}
    assert all(f"{amount:,}" in section("Money") for amount in most)


def of_every_status() -> Iterator[Payment]:
    """As each is before a word is heard, and of money what belongs to it."""
    for status in Status:
        if status not in (Status.COMPLETED, Status.REFUNDED):
            yield a_payment(status=status, payment_method="pm_1")
    yield a_paid_payment()
    given_back = a_refund(1000, status=RefundStatus.COMPLETED, reference="re_1")
    yield a_paid_payment(status=Status.REFUNDED, refunded=1000, refunds=[given_back])


def moved(before: Payment) -> Iterator[Payment]:
    """By our own word, and by all that the processor can say."""
    with suppress(Conflict):
        yield begun(before, "pm_2", LATER)
    for word in words(before):
        after = settled(before, word, LATER)
        yield before if after is None else after.payment


def words(payment: Payment) -> Iterator[MoneyState]:
    paid = paid_state(payment, read_at=LATER)
    for status in RefundStatus:
        yield replace(paid, refunds=(RefundState("re_1", 1000, status, NOON),))
    if payment.captured == 0:  # what was captured stays: `test_what_was_captured_does_not_become_less`
        unpaid = [standing for standing in Standing if standing is not Standing.PAID]
        yield from (replace(paid, standing=standing, captured=0, charge=None) for standing in unpaid)


def told(before: RefundStatus) -> Iterator[RefundStatus]:
    refund = a_refund(status=before, reference="re_1")
    payment = a_paid_payment(
        refunds=[refund],
        refunded=300 if before is RefundStatus.COMPLETED else 0,
        refunding=300 if before is RefundStatus.PENDING else 0,
    )
    yield refused(payment, refund.id, "no", LATER).refunds[0].status
    for status in RefundStatus:
        state = paid_state(payment, read_at=LATER, refunds=(RefundState("re_1", 300, status, NOON, refund.id),))
        after = settled(payment, state, LATER)
        yield before if after is None else after.payment.refunds[0].status
