"""Refunds as every `PaymentStore` reserves them: what fits, once, and beside whatever else happens to the payment."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict
from domain.payments.payments import MOST_REFUNDS, Payment, Refund, RefundStatus
from domain.payments.ports import PaymentStore
from domain.payments.refunding import SOONEST, amount_of, reserved
from domain.payments.settling import settled
from domain.request_ids import new_request_id
from tests.fakes_payments import a_paid_payment, a_payment, a_refund, paid_state
from tests.strategies import NOON


async def look(payments: PaymentStore, payment: Payment) -> Payment:
    found = await payments.find(payment.id, None)
    assert found is not None
    return found


async def test_a_refund_is_in_its_payment_and_reserved_and_its_job_owed(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment(epoch=4))
    refund = a_refund(300, reason="it broke", idempotency_key="k", fingerprint="f")
    after = await payments.reserve(payment.id, "user:ann", refund)
    assert after is not None
    assert (after.refunds, after.refunding, after.refundable, after.epoch) == ([refund], 300, 700, 5)
    assert (after.owed, after.sweep_at) == ([f"refund:{refund.id}"], refund.created_at + SOONEST)
    assert after == reserved(payment, refund) == await look(payments, payment)


async def test_what_was_owed_before_stays_owed_and_no_later(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment(owed=["mail"], sweep_at=NOON))
    refund = a_refund()
    after = await payments.reserve(payment.id, None, refund)
    assert after is not None
    assert (after.owed, after.sweep_at) == (["mail", f"refund:{refund.id}"], NOON)


@pytest.mark.parametrize(("given_back", "asked", "fits"), [(0, 1000, True), (0, 1001, False), (1, 999, True)])
async def test_all_that_is_left_fits_and_not_a_cent_more(
    payments: PaymentStore, given_back: int, asked: int, fits: bool
) -> None:
    payment = await payments.add(a_paid_payment(refunded=given_back))
    assert (await payments.reserve(payment.id, None, a_refund(asked)) is not None) is fits
    assert await payments.reserve(payment.id, None, a_refund(1000 - given_back if fits else asked)) is None


async def test_what_other_refunds_reserve_is_not_there_to_give(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment())
    answers = [await payments.reserve(payment.id, None, a_refund(400)) for _ in range(3)]
    assert [answer and answer.refunding for answer in answers] == [400, 800, None]
    assert len((await look(payments, payment)).refunds) == 2


async def test_of_refunds_that_fail_for_ever_there_is_an_end(payments: PaymentStore) -> None:
    failed = [a_refund(1, status=RefundStatus.FAILED) for _ in range(MOST_REFUNDS - 1)]
    payment = await payments.add(a_paid_payment(refunds=failed))
    answers = [await payments.reserve(payment.id, None, a_refund(1)) for _ in range(2)]
    assert [answer is not None for answer in answers] == [True, False]
    with pytest.raises(Conflict, match="as many"):
        amount_of(await look(payments, payment), None)


async def test_of_a_payment_that_nobody_paid_nothing_is_given_back(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    assert await payments.reserve(payment.id, None, a_refund(1)) is None
    assert await look(payments, payment) == payment


async def test_anothers_payment_and_one_that_is_not_there_are_given_back_by_nobody(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment())
    assert await payments.reserve(payment.id, "user:bob", a_refund(1)) is None
    assert await payments.reserve(new_request_id(), None, a_refund(1)) is None
    assert await look(payments, payment) == payment


async def test_the_same_refund_twice_is_once(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment())
    refund = a_refund(100)
    first = await payments.reserve(payment.id, None, refund)
    assert await payments.reserve(payment.id, None, refund) is None
    assert await look(payments, payment) == first


async def test_a_key_twice_is_once_whatever_came_with_it(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment())
    first = await payments.reserve(payment.id, None, a_refund(100, idempotency_key="k"))
    assert await payments.reserve(payment.id, None, a_refund(100, idempotency_key="k")) is None
    assert await payments.reserve(payment.id, None, a_refund(200, idempotency_key="k")) is None
    assert await look(payments, payment) == first


async def test_a_key_is_of_who_sent_it_and_refunds_without_one_are_each_of_their_own(payments: PaymentStore) -> None:
    payment = await payments.add(a_paid_payment())
    refunds = [
        a_refund(100, idempotency_key="k", by="user:ann"),
        a_refund(100, idempotency_key="k", by="user:admin"),
        a_refund(100),
        a_refund(100),
    ]
    for refund in refunds:
        assert await payments.reserve(payment.id, None, refund) is not None
    assert (await look(payments, payment)).refunds == refunds


async def test_a_refund_while_the_processor_is_heard_is_not_lost(payments: PaymentStore) -> None:
    """Who had read the payment before it loses, and hears again."""
    payment = await payments.add(a_payment())
    word = settled(payment, paid_state(payment), NOON)
    assert word is not None
    assert await payments.change(payment, word.payment, word.transactions)
    later = settled(word.payment, paid_state(payment, read_at=NOON + timedelta(hours=1), receipt_url="r"), NOON)
    refund = a_refund(1000)
    after = await payments.reserve(payment.id, None, refund)
    assert after is not None
    assert later is not None
    assert await payments.change(word.payment, later.payment) is False
    again = settled(after, paid_state(payment, read_at=NOON + timedelta(hours=1), receipt_url="r"), NOON)
    assert again is not None
    assert await payments.change(after, again.payment)
    now = await look(payments, payment)
    assert (now.receipt_url, now.refunds, now.refundable) == ("r", [refund], 0)


@pytest.mark.parametrize(
    "wrong",
    [
        a_refund(0),
        a_refund(-300),
        a_refund(status=RefundStatus.COMPLETED),
        a_refund(reference="re_1"),
    ],
    ids=["nothing", "less than nothing", "made", "known to the processor"],
)
async def test_what_is_no_refund_to_make_is_a_bug_and_reserves_nothing(payments: PaymentStore, wrong: Refund) -> None:
    payment = await payments.add(a_paid_payment())
    with pytest.raises(ValueError, match="before it is made"):
        await payments.reserve(payment.id, None, wrong)
    assert await look(payments, payment) == payment


@given(st.integers(0, 1000), st.lists(st.integers(1, 1200), max_size=20))
def test_whatever_is_reserved_is_never_more_than_was_captured(refunded: int, amounts: list[int]) -> None:
    payment = a_paid_payment(refunded=refunded)
    for amount in amounts:
        after = reserved(payment, a_refund(amount))
        assert (after is None) == (amount > payment.refundable)
        payment = after or payment
    assert payment.refunded + payment.refunding <= payment.captured
    assert payment.refunding == sum(refund.amount for refund in payment.refunds)
