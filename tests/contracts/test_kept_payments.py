"""Payments come back from MongoDB as they went in, and every number among them as an integer of 64 bits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from bson.int64 import Int64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.infra.mongo import Database
from domain.infra.payments.payments import MongoPaymentStore
from domain.infra.payments.rows import payment_of, row_of_payment, row_of_transaction, transaction_of
from domain.money import EXPONENTS, MOST, Money
from domain.payments.payments import (
    Failure,
    Kind,
    Method,
    Payment,
    Refund,
    RefundStatus,
    Status,
    Transaction,
)
from domain.payments.settling import settled
from tests.fakes_payments import a_paid_payment, a_payment, a_refund, paid_state
from tests.strategies import NOON

amounts = st.integers(0, MOST) | st.integers(0, 2**62)
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1_000 * 1_000, tzinfo=UTC)
)
texts = st.text(max_size=12) | st.sampled_from(["$where", "a.b", "\x00", '{"$gt": ""}'])
ids = st.uuids()
money = st.builds(Money, amount=amounts, currency=st.sampled_from(sorted(EXPONENTS)))
refunds = st.builds(
    Refund,
    id=ids,
    amount=amounts,
    status=st.sampled_from(RefundStatus),
    reason=st.none() | texts,
    reference=st.none() | texts,
    failure=st.none() | texts,
    by=texts,
    idempotency_key=st.none() | texts,
    fingerprint=st.none() | texts,
    created_at=times,
)
payments = st.builds(
    Payment,
    id=ids,
    client=texts,
    total=money,
    status=st.sampled_from(Status),
    epoch=st.integers(0, 2**40),
    order=st.none() | ids,
    method=st.none() | st.sampled_from(Method),
    details=st.none() | texts,
    payment_method=st.none() | texts,
    tries=st.integers(0, 100),
    job=st.none() | ids,
    captured=amounts,
    refunded=amounts,
    refunding=amounts,
    refunds=st.lists(refunds, max_size=4),
    reference=st.none() | texts,
    charge=st.none() | texts,
    failure=st.none() | st.builds(Failure, code=texts, message=texts),
    next_action=st.none() | texts,
    receipt_url=st.none() | texts,
    read_at=st.none() | times,
    owed=st.none() | st.lists(texts, max_size=3),
    sweep_at=st.none() | times,
    idempotency_key=st.none() | texts,
    fingerprint=st.none() | texts,
    created_at=times,
    updated_at=times,
)
transactions = st.builds(
    Transaction,
    id=ids,
    payment=ids,
    client=texts,
    kind=st.sampled_from(Kind),
    amount=money,
    reference=texts,
    at=times,
)


def numbers_in(value: object) -> Iterator[object]:
    match value:
        case dict():
            for part in value.values():
                yield from numbers_in(part)
        case list():
            for part in value:
                yield from numbers_in(part)
        case str() | datetime() | UUID() | None:
            return
        case _:
            yield value


async def raw(database: Database, name: str) -> list[dict[str, Any]]:
    return await database[name].find({}).to_list(None)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=payments, then=payments)
async def test_what_is_stored_or_changed_comes_back_as_it_was(
    payments_database: Database, first: Payment, then: Payment
) -> None:
    """Slow: MongoDB is asked six times for each example."""
    await payments_database.payments.delete_many({})
    store = MongoPaymentStore(payments_database)
    assert await store.add(first) == first
    assert await store.find(first.id, first.client) == first
    held = {"captured": first.captured, "refunded": first.refunded}
    after = then.model_copy(update={"id": first.id, "client": first.client, "epoch": first.epoch + 1, **held})
    assert await store.change(first, after)
    assert await store.find(first.id, first.client) == after
    for reference in (*first.references, *after.references):
        assert await store.find_by_reference(reference) == after
    (row,) = await raw(payments_database, "payments")
    assert {type(number) for number in numbers_in(row)} == {Int64}


@given(payments)
def test_the_row_of_a_payment_holds_all_of_it(payment: Payment) -> None:
    again = payment_of(row_of_payment(payment))
    assert again == payment
    assert {type(number) for number in (again.total.amount, again.captured, again.epoch)} == {int}


@given(transactions)
def test_the_row_of_a_transaction_holds_all_of_it(transaction: Transaction) -> None:
    row = row_of_transaction(transaction)
    assert transaction_of(row) == transaction
    assert {type(number) for number in numbers_in(row)} == {Int64}


async def test_every_number_is_of_64_bits_whoever_wrote_it_last(payments_database: Database) -> None:
    store = MongoPaymentStore(payments_database)
    payment = await store.add(a_payment())
    word = settled(payment, paid_state(payment), NOON)
    assert word is not None
    assert await store.change(payment, word.payment, word.transactions)
    assert await store.reserve(payment.id, None, a_refund(1)) is not None
    assert await store.reserve(payment.id, None, a_refund(999)) is not None
    for name in ("payments", "transactions"):
        (row,) = await raw(payments_database, name)
        assert {type(number) for number in numbers_in(row)} == {Int64}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("amount", [10.0, 10.5, Decimal("10.00")], ids=["whole float", "float", "decimal"])
async def test_a_float_or_a_decimal_is_never_stored(payments_database: Database, amount: object) -> None:
    """No word of ours makes one; if one ever did, nothing would be written."""
    store = MongoPaymentStore(payments_database)
    payment = await store.add(a_paid_payment())
    for wrong in (
        payment.model_copy(update={"refunding": amount, "epoch": 1}),
        payment.model_copy(update={"total": payment.total.model_copy(update={"amount": amount}), "epoch": 1}),
    ):
        with pytest.raises(TypeError, match="whole number"):
            await store.change(payment, wrong)
    with pytest.raises(TypeError, match="whole number"):
        await store.reserve(payment.id, None, a_refund().model_copy(update={"amount": amount}))
    assert await store.find(payment.id, None) == payment
