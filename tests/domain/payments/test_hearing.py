"""Hearing the processor: what was asked for last is booked last, whatever the clocks of those who ask say."""

from datetime import datetime, timedelta

from domain.payments.hearing import Hearing
from domain.payments.money_state import MoneyState, RefundState
from domain.payments.payments import Payment, RefundStatus
from tests.fakes_payments import FakePaymentStore, a_payment, paid_state
from tests.strategies import NOON


async def test_a_word_that_was_asked_for_by_a_clock_that_is_behind_is_booked() -> None:
    """Redis, whose time all workers go by, is another after a failover: its clock may be a second behind."""
    payment = a_payment()
    store = FakePaymentStore(payment)

    async def paid(asked: Payment, read_at: datetime) -> MoneyState:
        return paid_state(asked, read_at=read_at)

    async def given_back(asked: Payment, read_at: datetime) -> MoneyState:
        refund = RefundState("re_1", 300, RefundStatus.COMPLETED, NOON)
        return paid_state(asked, read_at=read_at, refunds=(refund,))

    await Hearing(store, lambda: NOON).hear(payment.id, paid)
    await Hearing(store, lambda: NOON - timedelta(seconds=1)).hear(payment.id, given_back)
    assert store.stored[payment.id].refunded == 300
    assert sum(transaction.signed for transaction in store.transactions.values()) == 700
