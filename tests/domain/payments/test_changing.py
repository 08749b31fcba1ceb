"""Whoever changes a payment reads it, and writes it where nobody was first; and again if somebody was."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.errors import Conflict, NotFound, Unavailable
from domain.payments.changing import TRIES, change_payment, settle_payment
from domain.payments.payments import Payment, Status
from domain.payments.settling import Contradiction, Settled, settled
from domain.request_ids import new_request_id
from tests.fakes_payments import FakePaymentStore, a_payment, paid_state
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)


class Crowded(FakePaymentStore):
    """A store in which somebody else is first, so often."""

    def __init__(self, payment: Payment, *, rivals: int) -> None:
        super().__init__(payment)
        self.rivals = rivals

    async def find(self, payment_id: UUID, owner: str | None) -> Payment | None:
        found = await super().find(payment_id, owner)
        if found is not None and self.rivals > 0:
            self.rivals -= 1
            self.stored[found.id] = altered(found, tries=found.tries + 1)
        return found


def altered(payment: Payment, **changes: object) -> Payment:
    return payment.model_copy(update={"epoch": payment.epoch + 1, "updated_at": LATER, **changes})


def cancelled(payment: Payment) -> Payment:
    return altered(payment, status=Status.CANCELLED)


async def paid(payment: Payment) -> Settled | None:
    return settled(payment, paid_state(payment), LATER)


async def test_a_change_is_made_on_what_others_made_of_it_meanwhile() -> None:
    payment = a_payment()
    payments = Crowded(payment, rivals=TRIES - 1)
    after = await change_payment(payments, payment.id, "user:ann", cancelled)
    assert (after.status, after.tries, after.epoch) == (Status.CANCELLED, TRIES - 1, TRIES)
    assert payments.stored == {payment.id: after}


async def test_who_is_never_first_is_told_to_try_again() -> None:
    payment = a_payment()
    with pytest.raises(Conflict, match="try again"):
        await change_payment(Crowded(payment, rivals=TRIES), payment.id, "user:ann", cancelled)
    with pytest.raises(Unavailable, match="try again"):
        await settle_payment(Crowded(payment, rivals=TRIES), payment.id, paid)


async def test_what_is_left_as_it_was_is_not_written() -> None:
    payment = a_payment()
    payments = Crowded(payment, rivals=1)
    assert await change_payment(payments, payment.id, "user:ann", lambda each: each) == payment
    assert payments.stored[payment.id].epoch == 1  # the rival's


async def test_anothers_payment_is_changed_by_nobody() -> None:
    payment = a_payment()
    payments = FakePaymentStore(payment)
    for payment_id, owner in ((payment.id, "user:bob"), (new_request_id(), None)):
        with pytest.raises(NotFound):
            await change_payment(payments, payment_id, owner, cancelled)
    with pytest.raises(NotFound):
        await settle_payment(payments, new_request_id(), paid)
    assert payments.stored == {payment.id: payment}


async def test_our_own_word_moves_no_money() -> None:
    payment = a_payment()
    with pytest.raises(Contradiction):
        await change_payment(
            FakePaymentStore(payment), payment.id, None, lambda each: altered(each, captured=1, charge="ch_1")
        )


async def test_the_processor_is_heard_again_by_who_was_not_first_and_its_word_written_once() -> None:
    payment = a_payment()
    payments, heard = Crowded(payment, rivals=2), []

    async def hear(before: Payment) -> Settled | None:
        heard.append(before.epoch)
        return await paid(before)

    after = await settle_payment(payments, payment.id, hear)
    assert (heard, after.captured, after.tries) == ([0, 1, 2], 1000, 2)
    assert [each.amount.amount for each in payments.transactions.values()] == [1000]


async def test_a_word_that_changes_nothing_leaves_the_payment_as_it_is() -> None:
    payment = a_payment()
    payments = FakePaymentStore(payment)
    after = await settle_payment(payments, payment.id, paid)
    assert await settle_payment(payments, payment.id, paid) == after
    assert len(payments.transactions) == 1
