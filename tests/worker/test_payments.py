"""Payments on real stores: from an order that is to be paid to one that is, whoever dies in between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.commerce.cancelling import cancel_order
from domain.commerce.desk import Desk
from domain.commerce.following import Following, follow_ups
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payment_ends import PaymentEnds
from domain.commerce.payments import VENDOR, Known, known_of
from domain.errors import Unavailable
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.commerce.products import MongoProducts
from domain.infra.follow_ups import FollowUps, open_follow_ups
from domain.infra.mongo import prepare_commerce, prepare_payments
from domain.infra.payments.payments import MongoPaymentStore
from domain.infra.queue_keys import queue_key
from domain.interventions import CALLBACK, ORDER, PAYMENT, hear
from domain.jobs import Job, Priority
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.payments.following import PaymentFollowing
from domain.payments.hearing import Hearing
from domain.payments.job_ends import PaymentJobEnds
from domain.payments.money_state import MoneyState
from domain.payments.payments import Payment
from domain.submitted_fields import to_milliseconds
from domain.transitions import Rules, settle, signed, start
from domain.unknowns import unanswered
from domain.vendors import Call, VendorPolicy
from tests.fakes_commerce import a_product
from tests.fakes_orders import FakeNotices, a_draft
from tests.fakes_payments import paid_state
from tests.stores import Stores
from tests.worker.async_vendor import AsyncVendor
from worker.sweep import Sweep

OFTEN = timedelta(milliseconds=50)
RULES = Rules(VendorPolicy(attempts=1, repeatable=True))
PAGE = '{"redirect_url":"https://pay.example/co_1"}'


def now() -> datetime:
    return to_milliseconds(datetime.now(UTC))


@dataclass(frozen=True)
class Till:
    stores: Stores
    orders: MongoOrders
    products: MongoProducts
    payments: MongoPaymentJobs
    notices: FakeNotices
    following: Following
    ends: PaymentEnds
    follow_ups: FollowUps
    hearing: Hearing

    async def paying(self) -> tuple[Order, Job]:
        """An order of three mugs of ten, and the job of its payment, on record and queued."""
        order = await self.following.follow(await self.begun(), now())
        return order, await self.payment_of(order)

    async def begun(self) -> Order:
        """It names its payment, and that is all."""
        mug = await self.products.add(a_product())
        order = await self.orders.place(a_draft((mug, 3), at=now(), expires_at=now() + timedelta(minutes=30)))
        assert isinstance(order, Order)
        step = Step(at=now(), status=Status.AWAITING_PAYMENT, by="user:ann")
        return await begin_payment(self.orders, order.id, "user:ann", step)

    async def payment_of(self, order: Order) -> Job:
        assert order.payment is not None
        job = await self.payments.find(order.payment)
        assert job is not None
        return job

    async def called(self, job: Job, outcome: Outcome) -> Job:
        begun = start(signed(job, "w"), worker="w", key=f"{job.id}:call:1", now=now())
        after = settle(begun, outcome, RULES, now())
        assert await self.stores.store.compare_and_set([(job, begun), (begun, after)]) == [True, True]
        return after

    async def heard(self, job: Job, word: Done | Failed) -> Job:
        """What the processor says is booked first."""

        async def read(payment: Payment, read_at: datetime) -> MoneyState:
            return paid_state(payment, read_at=read_at)

        if isinstance(word, Done):
            await self.hearing.hear(job.id, read)
        ended = hear(signed(job, "w"), word, RULES, now(), event=job.id)
        assert await self.stores.store.compare_and_set([(job, ended)]) == [True]
        return ended

    async def look(self, order: Order) -> Order:
        found = await self.orders.find(order.id, None)
        assert found is not None
        return found

    async def stock(self, order: Order) -> int:
        found = await self.products.find(order.lines[0].product_id)
        assert found is not None
        return found.stock

    async def cancel(self, order: Order) -> Order:
        step = Step(at=now(), status=Status.CANCELLED, by="user:ann")
        return await cancel_order(self.orders, order.id, "user:ann", step)


@pytest.fixture
async def till(stores: Stores) -> AsyncIterator[Till]:
    await prepare_commerce(stores.database)
    await prepare_payments(stores.database)
    orders, notices = MongoOrders(stores.database), FakeNotices()
    payments = MongoPaymentJobs(stores.database, stores.queue)
    books = MongoPaymentStore(stores.database)
    desk, hearing = Desk(payments, books), Hearing(books)
    following = Following(orders, follow_ups(notices, desk))
    ends = PaymentEnds(following, desk)
    told = PaymentJobEnds(PaymentFollowing(books, payments, "https://shop.test/back", ends), hearing)
    tellers = {ORDER: ends.tell, PAYMENT: told.tell}
    async with open_follow_ups(stores.database, stores.queue, "https://gateway.example", tellers=tellers) as follow_up:
        products = MongoProducts(stores.database)
        yield Till(stores, orders, products, payments, notices, following, ends, follow_up, hearing)


def taken() -> Waiting:
    return Waiting("co_1", now() + timedelta(days=7), 201, PAGE)


class Processor(AsyncVendor):
    name = VENDOR


async def test_an_order_is_paid_when_the_processor_says_so_and_its_buyer_was_told_where(till: Till) -> None:
    async def open_checkout(call: Call) -> Outcome:
        return taken()

    vendor = Processor(open_checkout, poll_every=OFTEN)
    vendor.poll_answers = [taken(), Done('{"status":"paid"}', 200)]
    async with till.stores.worker(vendor, follow_ups=till.follow_ups):
        order, job = await till.paying()
        ended = await till.stores.ended(job)
    assert (ended.taken_with, ended.status) == (PAGE, "complete")
    await till.follow_ups.do([ended])
    after = await till.look(order)
    assert (after.status, after.owed, await till.stock(order)) == (Status.PAID, None, 7)
    assert till.notices.templates == ["paid"]
    assert (await till.stores.look(job)).follow_ups is None


async def test_a_process_that_dies_before_the_job_is_stored_leaves_it_to_the_sweep_of_orders(till: Till) -> None:
    order = await till.begun()
    assert order.payment is not None
    assert await till.payments.find(order.payment) is None
    await till.following.follow(await till.look(order), now())
    assert (await till.payment_of(order)).at_end == [ORDER, PAYMENT]
    assert await till.stores.redis.zcard(queue_key(VENDOR, Priority.NORMAL, "user:ann")) == 1


async def test_a_process_that_dies_before_the_order_is_told_leaves_it_to_the_sweep_of_jobs(till: Till) -> None:
    order, job = await till.paying()
    await till.heard(await till.called(job, taken()), Done('{"status":"paid"}'))
    due = {"$set": {"sweep_at": now() - timedelta(seconds=1)}}
    await till.stores.database.jobs.update_one({"_id": job.id}, due)
    sweep = Sweep(till.stores.station(Processor(), follow_ups=till.follow_ups))
    assert (await sweep.once())["followed_up"] == 1
    assert (await till.look(order)).status is Status.PAID
    assert (await till.stores.look(job)).follow_ups is None


async def test_told_at_once_by_many_it_is_moved_once(till: Till) -> None:
    order, job = await till.paying()
    ended = await till.heard(await till.called(job, taken()), Done('{"status":"paid"}'))
    await asyncio.gather(*(till.follow_ups.do([ended]) for _ in range(5)))
    assert [step.status for step in (await till.look(order)).history] == ["Pending", "AwaitingPayment", "Paid"]


async def test_cancelled_and_paid_at_once_either_is_paid_or_goes_back(till: Till) -> None:
    for _ in range(5):
        order, job = await till.paying()
        ended = await till.heard(await till.called(job, taken()), Done('{"status":"paid"}'))
        await asyncio.gather(till.cancel(order), till.follow_ups.do([ended]), return_exceptions=True)
        await till.follow_ups.do([await till.stores.look(ended)])
        after = await till.look(order)
        refunds = await till.stores.database.jobs.count_documents({"parent": job.id})
        assert (after.status, refunds) in {(Status.PAID, 0), (Status.CANCELLED, 1)}
        await till.stores.database.jobs.delete_many({})


async def test_one_that_cannot_be_told_stays_owed_and_keeps_no_callback_waiting(till: Till) -> None:
    order, job = await till.paying()
    ended = await till.heard(await till.called(job, taken()), Done('{"status":"paid"}'))

    async def away(_: Job) -> None:
        raise Unavailable("the store is away")

    async def broken(_: Job) -> None:
        raise ValueError("a bug")

    for teller in (away, broken):
        other = await till.stores.submit(callback_url="https://client.example", at_end=[ORDER])
        done = await till.called(other, Done("1"))
        assert done.follow_ups == [CALLBACK, ORDER]
        runner = FollowUps(till.stores.database, till.stores.queue, "https://gateway.example", tellers={ORDER: teller})
        with pytest.raises(Unavailable):
            await runner.do([ended, done])
        assert (await till.stores.look(done)).follow_ups == [ORDER]
    assert ORDER in ((await till.stores.look(ended)).follow_ups or [])
    assert (await till.look(order)).status is Status.AWAITING_PAYMENT


async def test_a_process_that_knows_no_orders_leaves_them_alone(till: Till) -> None:
    _, job = await till.paying()
    ended = await till.heard(await till.called(job, taken()), Done('{"status":"paid"}'))
    await FollowUps(till.stores.database, till.stores.queue, "https://gateway.example").do([ended])
    assert (await till.stores.look(ended)).follow_ups == [ORDER, PAYMENT]


async def test_a_payment_is_stored_once_and_called_off_only_where_nobody_was_first(till: Till) -> None:
    _, job = await till.paying()
    await asyncio.gather(*(till.payments.put(job) for _ in range(5)))
    assert await till.stores.database.jobs.count_documents({}) == 1
    begun = start(signed(job, "w"), worker="w", key="k", now=now())
    assert await till.stores.store.compare_and_set([(job, begun)]) == [True]
    assert not await till.payments.call_off(job, now())
    assert await till.payments.find(job.id) == begun


async def test_a_payment_in_doubt_is_asked_for_again_under_its_key_once_its_end_was_told(till: Till) -> None:
    order, job = await till.paying()
    begun = start(signed(job, "w"), worker="w", key=f"{job.id}:call:1", now=now())
    failed = settle(begun, unanswered("no answer"), RULES, now())
    assert await till.stores.store.compare_and_set([(job, begun), (begun, failed)]) == [True, True]
    assert known_of(failed) is Known.IN_DOUBT
    with pytest.raises(Unavailable):
        await till.payments.ask_again(failed, now())
    await till.follow_ups.do([failed])
    told = await till.stores.look(failed)
    assert (told.follow_ups, (await till.look(order)).status) == (None, Status.AWAITING_PAYMENT)
    assert await till.payments.ask_again(told, now())
    again = await till.stores.look(failed)
    assert (again.status, again.generation, again.at_end) == ("pending", 1, [ORDER, PAYMENT])
    assert not await till.payments.ask_again(told, now())
