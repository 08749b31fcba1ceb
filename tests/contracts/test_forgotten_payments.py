"""What every `PaymentStore` keeps of the payments of somebody who has left: what the books need, and no more."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.infra.mongo import Database
from domain.infra.payments.payments import MongoPaymentStore
from domain.payments.payments import Payment
from domain.payments.ports import PaymentStore
from domain.payments.redacting import redacted
from tests.contracts.test_kept_payments import payments as any_payments
from tests.fakes_payments import a_paid_payment, a_payment, a_refund
from tests.strategies import NOON

LATER = NOON + timedelta(days=1)
THEIRS = {"idempotency_key": "k", "fingerprint": "f"}


async def look(payments: PaymentStore, payment: Payment) -> Payment:
    found = await payments.find(payment.id, None)
    assert found is not None
    return found


async def test_keys_and_what_the_owner_wrote_go_and_the_money_stays(payments: PaymentStore) -> None:
    mine = a_refund(100, reason="too small", **THEIRS)
    desk = a_refund(200, reason="out of stock", by="user:admin", **THEIRS)
    payment = await payments.add(a_paid_payment(details='"a gift"', refunds=[mine, desk], refunding=300, **THEIRS))
    assert await payments.forget("user:ann", LATER) == 1
    after = await look(payments, payment)
    gone = {"idempotency_key": None, "fingerprint": None}
    bare = [mine.model_copy(update={**gone, "reason": None}), desk]
    changes = {**gone, "details": None, "refunds": bare, "epoch": 1, "updated_at": LATER}
    assert after == payment.model_copy(update=changes)
    assert await payments.find_by_reference(payment.reference or "") == after


async def test_forgetting_twice_changes_nothing_more(payments: PaymentStore) -> None:
    bare = await payments.add(a_paid_payment())
    await payments.add(a_payment(details='"a gift"'))
    await payments.add(a_payment(refunds=[a_refund(reason="too small")]))
    assert [await payments.forget("user:ann", LATER) for _ in range(2)] == [2, 0]
    assert await look(payments, bare) == bare


async def test_others_keep_theirs(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment(client="user:bob", details='"a gift"', **THEIRS))
    assert await payments.forget("user:ann", LATER) == 0
    assert await look(payments, payment) == payment


async def test_who_had_read_a_payment_before_does_not_write_back_what_was_forgotten(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment(details='"a gift"'))
    await payments.forget("user:ann", LATER)
    assert await payments.change(payment, payment.model_copy(update={"epoch": 1})) is False
    assert (await look(payments, payment)).details is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payment=any_payments, theirs=st.booleans())
async def test_mongodb_forgets_as_the_words_say(payments_database: Database, payment: Payment, theirs: bool) -> None:
    """Slow: MongoDB is asked four times for each example."""
    await payments_database.payments.delete_many({})
    if theirs:
        refunds = [refund.model_copy(update={"by": payment.client}) for refund in payment.refunds]
        payment = payment.model_copy(update={"refunds": refunds})
    store = MongoPaymentStore(payments_database)
    await store.add(payment)
    assert await store.forget(payment.client, LATER) == (redacted(payment, LATER) != payment)
    assert await store.find(payment.id, None) == redacted(payment, LATER)
