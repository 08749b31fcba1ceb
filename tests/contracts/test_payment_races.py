"""Payments in a real MongoDB when many act on one at once, from several processes, and when its answers are lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest

from domain.errors import Unavailable
from domain.infra.mongo import Database, open_mongo
from domain.infra.payments.payments import MongoPaymentStore
from domain.payments.changing import settle_payment
from domain.payments.payments import Payment, Refund, RefundStatus, Transaction
from domain.payments.ports import TransactionFilter
from domain.payments.settling import Settled, settled
from tests.contracts.cutting_proxy import COMMIT, FIND_AND_MODIFY, INSERT, Lost, open_proxy
from tests.fakes_payments import a_paid_payment, a_payment, a_refund, paid_state
from tests.processor import Processor
from tests.strategies import NOON

REFUNDS = 50
PATIENT = 50.0  # seconds: no test of who wins fails because a machine was slow


@dataclass(frozen=True)
class Counter:
    """One MongoDB, and a store in each of two processes, as far as MongoDB and our own gates can tell."""

    stores: tuple[MongoPaymentStore, MongoPaymentStore]

    async def reserve(self, payment: Payment, refunds: list[Refund]) -> list[Payment | None]:
        """All at once, every other one in the other process."""
        return await asyncio.gather(
            *(self.stores[place % 2].reserve(payment.id, None, refund) for place, refund in enumerate(refunds))
        )

    async def look(self, payment: Payment) -> Payment:
        found = await self.stores[0].find(payment.id, None)
        assert found is not None
        return found

    async def moved(self) -> list[Transaction]:
        return list(await self.stores[0].list_transactions(TransactionFilter(None, limit=1_000)))


@pytest.fixture
async def counter(payments_database: Database, payments_url: str) -> AsyncIterator[Counter]:
    async with AsyncExitStack() as stack:
        there = [await stack.enter_async_context(open_mongo(payments_url)) for _ in range(2)]
        first, second = (MongoPaymentStore(database, patience_seconds=PATIENT) for database in there)
        yield Counter((first, second))


def paid(payment: Payment) -> Settled:
    found = settled(payment, paid_state(payment), NOON)
    assert found is not None
    return found


async def test_of_fifty_refunds_at_once_exactly_as_many_are_reserved_as_fit(counter: Counter) -> None:
    payment = await counter.stores[0].add(a_paid_payment())
    answers = await counter.reserve(payment, [a_refund(30) for _ in range(REFUNDS)])
    assert sum(answer is not None for answer in answers) == 33
    after = await counter.look(payment)
    assert (after.refunding, len(after.refunds), after.epoch, len(after.owed or ())) == (990, 33, 33, 33)


async def test_of_refunds_of_all_sizes_none_is_refused_that_would_still_fit(counter: Counter) -> None:
    payment = await counter.stores[0].add(a_paid_payment(refunded=77))
    refunds = [a_refund(1 + 7 * number % 90) for number in range(REFUNDS)]
    answers = await counter.reserve(payment, refunds)
    after = await counter.look(payment)
    let_in = [refund for refund, answer in zip(refunds, answers, strict=True) if answer is not None]
    assert {refund.id for refund in after.refunds} == {refund.id for refund in let_in}
    assert after.refunding == sum(refund.amount for refund in let_in) <= 1000 - 77
    assert all(refund.amount > after.refundable for refund in refunds if refund not in let_in)


@pytest.mark.parametrize("keyed", [True, False], ids=["of one key", "of one id"])
async def test_a_refund_that_comes_many_times_at_once_is_reserved_once(counter: Counter, keyed: bool) -> None:
    payment = await counter.stores[0].add(a_paid_payment())
    refund = a_refund(10)
    refunds = [a_refund(10 + number % 2, idempotency_key="k") if keyed else refund for number in range(12)]
    answers = await counter.reserve(payment, refunds)
    (first,) = (answer for answer in answers if answer is not None)
    assert await counter.look(payment) == first
    assert len(first.refunds) == 1


@pytest.mark.parametrize("keyed", [True, False], ids=["of one key", "of one id"])
async def test_a_payment_that_comes_many_times_at_once_is_one(counter: Counter, keyed: bool) -> None:
    payment = a_payment(idempotency_key="k")
    wanted = [a_payment(idempotency_key="k") if keyed else payment for _ in range(12)]
    added = await asyncio.gather(*(counter.stores[place % 2].add(each) for place, each in enumerate(wanted)))
    assert len({each.id for each in added}) == 1
    assert [await counter.look(added[0])] == added[:1]


async def test_of_many_who_settle_at_once_one_writes_the_transactions(counter: Counter) -> None:
    payment = await counter.stores[0].add(a_payment())
    word = paid(payment)
    won = await asyncio.gather(
        *(counter.stores[number % 2].change(payment, word.payment, word.transactions) for number in range(6))
    )
    assert sorted(won) == [False] * 5 + [True]
    assert await counter.moved() == list(word.transactions)


async def test_whoever_refunds_and_settles_at_once_the_books_are_what_the_processor_holds(counter: Counter) -> None:
    """Slow: some dozen transactions on one payment. The processor answers each with what it holds at that moment."""
    payment = await counter.stores[0].add(a_payment())
    processor = Processor(payment)
    processor.capture(1000)

    async def hear(before: Payment) -> Settled | None:
        await asyncio.sleep(0)  # what it says is on its way meanwhile
        return settled(before, processor.state(), NOON)

    async def give_back(number: int) -> None:
        store = counter.stores[number % 2]
        refund = a_refund(10 + number)
        if await store.reserve(payment.id, None, refund) is not None:
            processor.give_back(refund, RefundStatus.FAILED if number % 5 == 0 else RefundStatus.COMPLETED)
            if number % 3 == 0:
                processor.give_back(a_refund(1), RefundStatus.COMPLETED, ours=False)
        try:
            await settle_payment(store, payment.id, hear)
        except Unavailable:  # too many at once: it is the sweep's
            return

    await settle_payment(counter.stores[0], payment.id, hear)
    await asyncio.gather(*(give_back(number) for number in range(24)))
    after = await settle_payment(counter.stores[1], payment.id, hear)
    assert (after.refunded, after.refunding) == (processor.given_back, 0)
    assert sum(transaction.signed for transaction in await counter.moved()) == processor.held
    assert after == await counter.look(payment)


@pytest.mark.parametrize("word", [COMMIT, INSERT], ids=["commit", "transaction's row"])
@pytest.mark.parametrize("lost", Lost)
async def test_a_connection_that_breaks_while_money_is_written_writes_it_once(
    counter: Counter, payments_url: str, lost: Lost, word: bytes
) -> None:
    payment = await counter.stores[0].add(a_payment())
    async with open_proxy(payments_url) as (proxy, url), open_mongo(url) as database:
        proxy.cut(lost, word=word)
        heard = paid(payment)
        store = MongoPaymentStore(database, patience_seconds=PATIENT)
        assert await store.change(payment, heard.payment, heard.transactions)
        assert proxy.cuts == 1
    assert await counter.look(payment) == heard.payment
    assert await counter.moved() == list(heard.transactions)


@pytest.mark.parametrize("word", [COMMIT, INSERT], ids=["commit", "transaction's row"])
async def test_money_of_which_half_was_written_when_the_connection_went_is_not_there(
    counter: Counter, payments_url: str, payments_database: Database, word: bytes
) -> None:
    payment = await counter.stores[0].add(a_payment())
    heard = paid(payment)
    async with open_proxy(payments_url) as (proxy, url), open_mongo(url) as database:
        proxy.cut(Lost.REQUEST, times=10_000, word=word)
        store = MongoPaymentStore(database, patience_seconds=0.5)
        with pytest.raises(Unavailable):
            await store.change(payment, heard.payment, heard.transactions)
        assert proxy.cuts > 0
    assert (await counter.look(payment), await counter.moved()) == (payment, [])
    await payments_database.client.admin.command("killAllSessions", [])  # as when its lifetime is over
    assert await counter.stores[0].change(payment, heard.payment, heard.transactions)
    assert await counter.moved() == list(heard.transactions)


@pytest.mark.parametrize("lost", Lost)
async def test_a_reservation_whose_connection_breaks_is_made_once(
    counter: Counter, payments_url: str, lost: Lost
) -> None:
    payment = await counter.stores[0].add(a_paid_payment())
    async with open_proxy(payments_url) as (proxy, url), open_mongo(url) as database:
        proxy.cut(lost, word=FIND_AND_MODIFY)
        answer = await MongoPaymentStore(database).reserve(payment.id, None, a_refund(600))
        assert proxy.cuts == 1
    assert answer == await counter.look(payment)
    assert (await counter.look(payment)).refunding == 600


async def test_who_read_before_another_changed_a_payment_hears_the_processor_again(counter: Counter) -> None:
    payment = await counter.stores[0].add(a_payment())
    heard_at: list[int] = []

    async def hear(before: Payment) -> Settled | None:
        heard_at.append(before.epoch)
        if len(heard_at) == 1:
            changes = {"epoch": 1, "tries": 1, "updated_at": NOON + timedelta(minutes=1)}
            assert await counter.stores[1].change(before, before.model_copy(update=changes))
        return settled(before, paid_state(before), NOON)

    after = await settle_payment(counter.stores[0], payment.id, hear)
    assert (heard_at, after.tries, after.captured) == ([0, 1], 1, 1000)
    assert len(await counter.moved()) == 1
