"""Hearing the processor: what is read is booked, whatever the clocks say, and by whoever else asks at that moment."""

from datetime import datetime, timedelta

import pytest

from domain.errors import NotFound
from domain.payments.hearing import Hearing
from domain.payments.money_state import MoneyState, RefundState, Standing
from domain.payments.payments import Payment, RefundStatus, Status
from domain.request_ids import new_request_id
from tests.fakes_payments import FakePaymentStore, a_payment, paid_state
from tests.strategies import NOON

GIVEN_BACK = RefundState("re_1", 400, RefundStatus.COMPLETED, NOON)


@pytest.fixture
def books() -> FakePaymentStore:
    return FakePaymentStore()


async def test_what_is_read_in_the_same_instant_is_booked_too(books: FakePaymentStore) -> None:
    payment, hearing = await books.add(a_payment()), Hearing(books, lambda: NOON)
    for refunds in ((), (GIVEN_BACK,)):

        async def read(payment: Payment, read_at: datetime, refunds: tuple[RefundState, ...] = refunds) -> MoneyState:
            return paid_state(payment, refunds=refunds, read_at=read_at)

        await hearing.hear(payment.id, read)
    assert (books.stored[payment.id].captured, books.stored[payment.id].refunded) == (1000, 400)


async def test_a_worker_whose_clock_is_behind_books_what_it_read_last(books: FakePaymentStore) -> None:
    payment = await books.add(a_payment(read_at=NOON, status=Status.PROCESSING))

    async def read(payment: Payment, read_at: datetime) -> MoneyState:
        return paid_state(payment, read_at=read_at)

    await Hearing(books, lambda: NOON - timedelta(seconds=1)).hear(payment.id, read)
    assert books.stored[payment.id].captured == 1000


async def test_what_somebody_booked_meanwhile_is_asked_for_anew(books: FakePaymentStore) -> None:
    """The first answer is older than what was booked while it was on its way."""
    payment, hearing, asked = await books.add(a_payment()), Hearing(books, lambda: NOON), list[datetime]()

    async def rival(payment: Payment, read_at: datetime) -> MoneyState:
        return paid_state(payment, refunds=(GIVEN_BACK,), read_at=read_at)

    async def read(payment: Payment, read_at: datetime) -> MoneyState:
        asked.append(read_at)
        if len(asked) == 1:
            await hearing.hear(payment.id, rival)
            return paid_state(payment, read_at=read_at)
        return await rival(payment, read_at)

    heard = await hearing.hear(payment.id, read)
    assert (len(asked), asked[1] > asked[0], heard.refunds) == (2, True, (GIVEN_BACK,))
    assert books.stored[payment.id].refunded == 400
    assert sum(each.signed for each in books.transactions.values()) == 600


async def test_an_open_payment_that_was_asked_for_stays_as_it_is(books: FakePaymentStore) -> None:
    payment = await books.add(a_payment(status=Status.PROCESSING, reference="cs_1"))

    async def read(payment: Payment, read_at: datetime) -> MoneyState:
        return MoneyState("cs_1", Standing.OPEN, "USD", 0, read_at)

    assert (await Hearing(books, lambda: NOON).hear(payment.id, read)).standing is Standing.OPEN
    assert books.stored[payment.id] == payment


async def test_nobody_is_asked_for_a_payment_that_is_not_on_record(books: FakePaymentStore) -> None:
    async def read(payment: Payment, read_at: datetime) -> MoneyState:
        raise AssertionError("nobody is asked")

    with pytest.raises(NotFound):
        await Hearing(books).hear(new_request_id(), read)
