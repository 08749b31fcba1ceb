"""`docs/payments.md` says how payments and refunds move and what may be charged: the code must do just that."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

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

CAUSES = ("tried", "all of it was given back", "a refund came back", "refuses")  # besides the words in code

Move = tuple[str, str, str]  # what happens, from, to


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> Iterator[list[str]]:
    """The cells of its tables, without their heads."""
    for line in section(title).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("what happens", "what", "least", "unknown is"):
            yield cells


def written(title: str) -> set[Move]:
    moves = [cells for cells in rows(title) if len(cells) == 3]
    return {
        (cause, before, CODE.findall(to)[0])
        for told, many, to in moves
        for cause in CODE.findall(told) or [cause for cause in CAUSES if cause in told]
        for before in CODE.findall(many)
    }


def test_payments_move_as_the_table_says() -> None:
    assert {move for before in of_every_status() for move in moves_of(before)} == written("A payment")


def test_refunds_move_as_the_table_says() -> None:
    assert {move for before in RefundStatus for move in moves_of_refund(before)} == written("A refund")


def test_what_is_drawn_is_in_the_table() -> None:
    moves = {(before, after) for _, before, after in written("A payment")}
    for drawn in (
        ("pending", "processing", "requires_action", "processing", "failed", "processing", "cancelled"),
        ("processing", "completed", "refunded", "completed"),
    ):
        assert set(pairwise(drawn)) <= moves
    picture = section("A payment").split("```")[1]
    assert [status for status in Status if status.value not in picture] == []


def test_the_least_of_each_currency_is_the_one_that_is_written() -> None:
    told = {code: int(least) for least, codes in rows("Money") for code in re.findall(r"\b[A-Z]{3}\b", codes)}
    assert {code: limits_of(code).least for code in EXPONENTS} == {**dict.fromkeys(EXPONENTS, 1), **told}
    most = {f"{limits_of(code).most:,}" for code in EXPONENTS}
    assert set(re.findall(r"[0-9]+(?:,[0-9]{3})+", section("Money"))) == most


def of_every_status() -> Iterator[Payment]:
    """As each is before a word is heard, and of money what belongs to it."""
    for status in Status:
        if status not in (Status.COMPLETED, Status.REFUNDED):
            yield a_payment(status=status, payment_method="pm_1")
    yield a_paid_payment()
    given_back = a_refund(1000, status=RefundStatus.COMPLETED, reference="re_1")
    yield a_paid_payment(status=Status.REFUNDED, refunded=1000, refunds=[given_back])


def moves_of(before: Payment) -> Iterator[Move]:
    """By our own word, and by all that the processor can say."""
    with suppress(Conflict):
        yield from move("tried", before.status, begun(before, "pm_2", LATER).status)
    for cause, word in words(before):
        after = settled(before, word, LATER)
        yield from move(cause, before.status, before.status if after is None else after.payment.status)


def words(payment: Payment) -> Iterator[tuple[str, MoneyState]]:
    """Each with the cause that the page gives it."""
    paid = paid_state(payment, read_at=LATER)
    cause = "a refund came back" if payment.refunded else "paid"
    for status in RefundStatus:
        all_back = status is RefundStatus.COMPLETED
        yield CAUSES[1] if all_back else cause, replace(paid, refunds=(RefundState("re_1", 1000, status, NOON),))
    if payment.captured == 0:  # what was captured stays: `test_what_was_captured_does_not_become_less`
        for standing in Standing:
            if standing is not Standing.PAID:
                yield standing.value, replace(paid, standing=standing, captured=0, charge=None)


def moves_of_refund(before: RefundStatus) -> Iterator[Move]:
    refund = a_refund(status=before)  # the processor has not named it
    payment = a_paid_payment(
        refunds=[refund],
        refunded=300 if before is RefundStatus.COMPLETED else 0,
        refunding=300 if before is RefundStatus.PENDING else 0,
    )
    yield from move("refuses", before, refused(payment, refund.id, "no", LATER).refunds[0].status)
    for status in RefundStatus:
        state = paid_state(payment, read_at=LATER, refunds=(RefundState("re_1", 300, status, NOON, refund.id),))
        after = settled(payment, state, LATER)
        yield from move(status.value, before, before if after is None else after.payment.refunds[0].status)


def move(cause: str, before: Status | RefundStatus, after: Status | RefundStatus) -> Iterator[Move]:
    """None where it stays as it was."""
    if before != after:
        yield cause, before.value, after.value
