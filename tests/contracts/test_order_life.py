"""
The life of orders on a real MongoDB, played at random: buyers, admins, payments, sweeps, and two of them at once.

The law, after every step: stock before = stock after + what orders hold or have sold; every history is one that is
drawn; and stock goes back once.
"""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain.commerce.advancing import advance_order
from domain.commerce.cancelling import cancel_order
from domain.commerce.changing import change_order
from domain.commerce.drafts import Draft, Item
from domain.commerce.following import Following, follow_ups
from domain.commerce.moving import moved
from domain.commerce.orders import LEGAL, Order, Status, Step
from domain.commerce.ports import OrderFilter
from domain.commerce.products import Product
from domain.commerce.upkeep import Upkeep
from domain.errors import Conflict
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.products import MongoProducts
from domain.infra.mongo import Database, open_mongo, prepare_commerce
from domain.request_ids import new_request_id
from tests.fakes_commerce import a_product
from tests.fakes_orders import HALF_AN_HOUR, FakeNotices, FakePaymentDesk
from tests.strategies import NOON

STOCKS = (3, 10, 1)
TOLD = {Status.PAID: "paid", Status.CANCELLED: "cancelled", Status.SHIPPED: "shipped"}
picks = st.integers(0, 99)  # which of several, modulo their number


class Ground:
    """One for all examples: what an example leaves, the next one removes."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        self.runner = runner
        self.database = database

    async def empty(self) -> None:
        for name in ("orders", "products"):
            await self.database[name].delete_many({})


class LifeOfOrders(RuleBasedStateMachine):
    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        self.run(self.ground.empty())
        self.now = NOON
        self.keys = itertools.count()
        self.orders, self.products = MongoOrders(self.ground.database), MongoProducts(self.ground.database)
        self.notices, self.desk = FakeNotices(), FakePaymentDesk()
        self.following = Following(self.orders, follow_ups(self.notices, self.desk))
        self.shelf: list[Product] = [
            self.run(self.products.add(a_product(stock=stock, price={"amount": 5, "currency": "USD"})))
            for stock in STOCKS
        ]
        self.drafts: list[Draft] = []
        self.placed: list[UUID] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.ground.runner.run(work)

    def step(self, status: Status) -> Step:
        return Step(at=self.now, status=status, by="user:ann")

    @rule(first=picks, second=st.none() | picks, pieces=st.integers(1, 4))
    def place(self, first: int, second: int | None, pieces: int) -> None:
        chosen = {pick % len(self.shelf): pieces for pick in (first, second) if pick is not None}
        items = [Item(self.shelf[place].id, count) for place, count in chosen.items()]
        self.drafts.append(self.draft(items))
        self.place_again(-1)

    def draft(self, items: list[Item]) -> Draft:
        key = f"k{next(self.keys)}"
        expires_at = self.now + HALF_AN_HOUR
        return Draft(new_request_id(), "user:ann", items, self.now, expires_at, UUID(int=1), key, key)

    @precondition(lambda self: self.drafts)
    @rule(pick=picks, times=st.integers(1, 3))
    def repeat(self, pick: int, times: int) -> None:
        """The same keys once more, at once: no more is sold by it than by one."""
        draft = self.drafts[pick % len(self.drafts)]

        async def repeat() -> list[Any]:
            return await asyncio.gather(*(self.orders.place(draft) for _ in range(times)))

        found = {answer.id for answer in self.run(repeat()) if isinstance(answer, Order)}
        assert len(found) <= 1
        self.placed += [order_id for order_id in found if order_id not in self.placed]

    def place_again(self, place: int) -> None:
        answer = self.run(self.orders.place(self.drafts[place]))
        if isinstance(answer, Order):
            self.placed.append(answer.id)

    @precondition(lambda self: self.placed)
    @rule(pick=picks, times=st.integers(1, 3))
    def cancel(self, pick: int, times: int) -> None:
        order_id = self.placed[pick % len(self.placed)]

        async def cancel() -> list[Any]:
            wishes = (
                cancel_order(self.orders, order_id, "user:ann", self.step(Status.CANCELLED)) for _ in range(times)
            )
            return await asyncio.gather(*wishes, return_exceptions=True)

        before = self.look(order_id)
        for answer in self.run(cancel()):
            if Status.CANCELLED in {before.status, *LEGAL[before.status]}:
                assert isinstance(answer, Order), answer
            else:
                assert isinstance(answer, Conflict), answer

    @precondition(lambda self: self.placed)
    @rule(pick=picks, status=st.sampled_from([Status.AWAITING_PAYMENT, Status.PAID, Status.REFUNDED]))
    def pay_or_refund(self, pick: int, status: Status) -> None:
        """As the payments do it."""
        order_id = self.placed[pick % len(self.placed)]
        before = self.look(order_id)
        payment = {"payment": new_request_id()} if status is Status.AWAITING_PAYMENT else {}
        self.try_to(change_order(self.orders, order_id, None, lambda it: moved(it, self.step(status), **payment)))
        self.check_moved(before, status)

    @precondition(lambda self: self.placed)
    @rule(pick=picks, status=st.sampled_from([Status.SHIPPED, Status.DELIVERED]))
    def advance(self, pick: int, status: Status) -> None:
        order_id = self.placed[pick % len(self.placed)]
        before = self.look(order_id)
        self.try_to(advance_order(self.orders, order_id, self.step(status), None))
        self.check_moved(before, status)

    @rule(minutes=st.sampled_from([1, 40]), again=st.booleans())
    def time_passes(self, minutes: int, again: bool) -> None:
        """And two workers look after the orders, at once."""
        self.now += timedelta(minutes=minutes)
        upkeep = Upkeep(self.orders, self.following)

        async def look() -> None:
            await asyncio.gather(*(upkeep.once(self.now) for _ in range(1 + again)))

        self.run(look())
        for order in self.everything():
            late = order.expires_at is not None and order.expires_at <= self.now
            assert not late, order
            assert order.owed is None or order.updated_at > self.now - timedelta(seconds=10), order

    @rule(pick=picks, down=st.booleans())
    def follow(self, pick: int, down: bool) -> None:
        """Whoever made a move, at once; or the mails are away."""
        orders = self.everything()
        if orders:
            self.notices.down = down
            self.run(self.following.soon(orders[pick % len(orders)], self.now))
            self.notices.down = False

    @rule(pick=picks)
    def delete_product(self, pick: int) -> None:
        self.run(self.products.delete(self.shelf[pick % len(self.shelf)].id, self.now))

    @invariant()
    def no_piece_is_lost_and_none_is_made(self) -> None:
        orders = self.everything()
        rows = self.run(self.ground.database.products.find({}, {"stock": 1}).to_list(None))
        stocks = {row["_id"]: row["stock"] for row in rows}
        for product, stock in zip(self.shelf, STOCKS, strict=True):
            gone = sum(_pieces(order, product.id) for order in orders if order.stock_held)
            assert (stocks[product.id] + gone, stocks[product.id] >= 0) == (stock, True), product

    @invariant()
    def every_history_is_drawn_and_tells_the_status(self) -> None:
        for order in self.everything():
            moves = [step.status for step in order.history]
            assert moves[0] is Status.PENDING
            assert moves[-1] is order.status
            assert all(end in LEGAL[start] for start, end in itertools.pairwise(moves)), moves
            ended_here = Status.CANCELLED in moves or moves[-2:] == [Status.PAID, Status.REFUNDED]
            assert order.stock_held is not ended_here, order

    @invariant()
    def every_event_is_told_once_or_still_owed(self) -> None:
        told = {(order_id, template) for order_id, template in self.notices.told.values()}
        assert len(told) == len(self.notices.told)
        for order in self.everything():
            for step in order.history:
                if step.status in TOLD:
                    owed = f"mail:{TOLD[step.status]}" in (order.owed or ())
                    assert owed or (order.id, TOLD[step.status]) in told, order

    def look(self, order_id: UUID) -> Order:
        order: Order = self.run(self.orders.find(order_id, None))
        return order

    def everything(self) -> list[Order]:
        return list(self.run(self.orders.list(OrderFilter(None, limit=1_000))))

    def try_to(self, work: Coroutine[Any, Any, Order]) -> None:
        try:
            self.run(work)
        except Conflict:
            return

    def check_moved(self, before: Order, status: Status) -> None:
        """A state is left by the drawn moves only."""
        drawn = status in LEGAL[before.status]
        assert self.look(before.id).status is (status if drawn else before.status)


def _pieces(order: Order, product_id: UUID) -> int:
    return sum(line.quantity for line in order.lines if line.product_id == product_id)


def test_no_life_of_orders_breaks_the_law(commerce_url: str) -> None:
    """Slow: some hundred transactions, each durable."""
    with asyncio.Runner() as runner:
        mongo = open_mongo(commerce_url)
        database = runner.run(mongo.__aenter__())
        try:
            runner.run(prepare_commerce(database))
            LifeOfOrders.ground = Ground(runner, database)
            checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
            run_state_machine_as_test(
                LifeOfOrders,
                settings=settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=checks),
            )
        finally:
            runner.run(LifeOfOrders.ground.empty())
            runner.run(mongo.__aexit__(None, None, None))
