"""Orders in a real MongoDB when many want the same at once, from several processes, and when its answers are lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from domain.commerce.cancelling import cancel_order
from domain.commerce.drafts import Draft
from domain.commerce.moving import moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.ports import OrderFilter, Short
from domain.commerce.products import Product
from domain.errors import Unavailable
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.products import MongoProducts
from domain.infra.commerce.transactions import Transactions, Turns
from domain.infra.mongo import CODEC, Database, open_mongo
from tests.contracts.cutting_proxy import Lost, open_proxy
from tests.fakes_commerce import a_product
from tests.fakes_orders import a_draft
from tests.strategies import NOON

BUYERS = 200
PATIENT = 50.0  # seconds: no test of who wins fails because a machine was slow
CANCEL = Step(at=NOON, status=Status.CANCELLED, by="user:ann")


@dataclass(frozen=True)
class Town:
    """One MongoDB, and a shop in each of two processes, as far as MongoDB and our own gates can tell."""

    products: MongoProducts
    shops: tuple[MongoOrders, MongoOrders]

    async def stocked(self, *stocks: int) -> list[Product]:
        return [await self.products.add(a_product(stock=stock)) for stock in stocks]

    async def stock(self, product: Product) -> int:
        return (await self.products.find_many([product.id]))[product.id].stock

    async def place(self, drafts: list[Draft]) -> list[Order | Any]:
        """All at once, every other one in the other process."""
        return await asyncio.gather(*(self.shops[place % 2].place(draft) for place, draft in enumerate(drafts)))

    async def orders(self) -> list[Order]:
        return list(await self.shops[0].list(OrderFilter(None, limit=1_000)))


class Heard(CommandListener):
    """What MongoDB was sent: each command's name, and what it says of reads and writes where it says so."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, Any]] = []
        self.reads: list[Any] = []

    def started(self, event: CommandStartedEvent) -> None:
        name, command = event.command_name, event.command
        if name == "commitTransaction" or (name == "update" and "autocommit" not in command):
            self.writes.append((name, command.get("writeConcern")))
        if command.get("startTransaction"):
            self.reads.append(command.get("readConcern"))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """It was sent; that is all that is asked."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Likewise."""


@pytest.fixture
async def town(commerce_database: Database, commerce_url: str) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        there = [await stack.enter_async_context(open_mongo(commerce_url)) for _ in range(2)]
        first, second = (MongoOrders(database, patience_seconds=PATIENT) for database in there)
        yield Town(MongoProducts(commerce_database), (first, second))


def held(orders: list[Order]) -> int:
    return sum(line.quantity for order in orders for line in order.lines if order.stock_held)


async def test_two_hundred_buyers_of_the_last_ten_pieces_get_exactly_ten(town: Town) -> None:
    (mug,) = await town.stocked(10)
    answers = await town.place([a_draft((mug, 1), client=f"user:{number}") for number in range(BUYERS)])
    sold = [answer for answer in answers if isinstance(answer, Order)]
    assert len(sold) == 10
    assert [answer for answer in answers if answer not in sold] == [[Short(mug.id, 1, 0)]] * (BUYERS - 10)
    assert await town.stock(mug) == 0
    assert {order.id for order in await town.orders()} == {order.id for order in sold}


async def test_who_buys_and_who_cancels_at_once_lose_no_piece_and_make_none(town: Town) -> None:
    (mug,) = await town.stocked(20)

    async def buy_and_perhaps_regret(number: int) -> None:
        shop = town.shops[number % 2]
        order = await shop.place(a_draft((mug, 1 + number % 3), client="user:ann"))
        if isinstance(order, Order) and number % 4 < 2:  # of both processes the first
            other = town.shops[1 - number % 2]
            await asyncio.gather(*(cancel_order(one, order.id, "user:ann", CANCEL) for one in (shop, other)))

    await asyncio.gather(*(buy_and_perhaps_regret(number) for number in range(60)))
    orders = await town.orders()
    assert Status.CANCELLED in {order.status for order in orders}
    assert await town.stock(mug) + held(orders) == 20
    assert await town.stock(mug) >= 0


async def test_baskets_in_opposite_orders_do_not_wait_for_each_other(town: Town) -> None:
    mug, cup = await town.stocked(40, 40)
    baskets = [a_draft((mug, 1), (cup, 1)), a_draft((cup, 1), (mug, 1))]
    drafts = [a_draft(items=baskets[number // 2 % 2].items) for number in range(40)]
    answers = await town.place(drafts)
    assert all(isinstance(answer, Order) for answer in answers)
    assert [await town.stock(product) for product in (mug, cup)] == [0, 0]


@pytest.mark.parametrize("same_body", [True, False], ids=["of one body", "of two"])
async def test_one_key_sent_many_times_at_once_places_one_order(town: Town, same_body: bool) -> None:
    mug, cup = await town.stocked(50, 50)
    lines = [(mug, 1), (mug if same_body else cup, 1)]
    answers = await town.place([a_draft(lines[number // 2 % 2], idempotency_key="k") for number in range(12)])
    assert len({answer.id for answer in answers}) == 1
    assert await town.stock(mug) + await town.stock(cup) == 99
    assert len(await town.orders()) == 1


async def test_of_many_cancels_at_once_each_is_told_of_one_and_the_stock_goes_back_once(town: Town) -> None:
    (mug,) = await town.stocked(10)
    (order,) = await town.place([a_draft((mug, 4))])
    ended = await asyncio.gather(
        *(cancel_order(town.shops[number % 2], order.id, "user:ann", CANCEL) for number in range(4))
    )
    assert {(each.id, each.status, len(each.history)) for each in ended} == {(order.id, Status.CANCELLED, 2)}
    assert await town.stock(mug) == 10


async def test_of_many_who_end_an_order_as_they_all_have_read_it_one_gives_the_stock_back(town: Town) -> None:
    (mug,) = await town.stocked(10)
    (order,) = await town.place([a_draft((mug, 4))])
    won = await asyncio.gather(*(town.shops[number % 2].change(order, moved(order, CANCEL)) for number in range(6)))
    assert sorted(won) == [False] * 5 + [True]
    assert await town.stock(mug) == 10


async def test_of_a_cancel_and_a_payment_at_once_one_wins_and_the_stock_is_right(town: Town) -> None:
    (mug,) = await town.stocked(10)
    for _ in range(5):
        (order,) = await town.place([a_draft((mug, 1))])
        waiting = moved(order, Step(at=NOON, status=Status.AWAITING_PAYMENT, by="user:ann"), payment=order.id)
        assert await town.shops[0].change(order, waiting)
        paid = moved(waiting, Step(at=NOON, status=Status.PAID, by="gateway"))
        won = await asyncio.gather(
            town.shops[0].change(waiting, moved(waiting, CANCEL)), town.shops[1].change(waiting, paid)
        )
        assert sorted(won) == [False, True]
    assert await town.stock(mug) + held(await town.orders()) == 10


@pytest.mark.parametrize("lost", Lost)
async def test_a_commit_whose_connection_breaks_is_made_once(town: Town, commerce_url: str, lost: Lost) -> None:
    (mug,) = await town.stocked(10)
    async with open_proxy(commerce_url) as (proxy, url), open_mongo(url) as database:
        orders = MongoOrders(database, patience_seconds=PATIENT)
        proxy.cut(lost)
        order = await orders.place(a_draft((mug, 3)))
        assert isinstance(order, Order)
        proxy.cut(lost)
        assert await orders.change(order, moved(order, CANCEL))
        assert proxy.cuts == 2
    assert [each.status for each in await town.orders()] == [Status.CANCELLED]
    assert await town.stock(mug) == 10


async def test_a_commit_that_never_arrives_leaves_all_as_it_was_and_its_repeat_places_one_order(
    town: Town, commerce_url: str, commerce_database: Database
) -> None:
    (mug,) = await town.stocked(10)
    async with open_proxy(commerce_url) as (proxy, url), open_mongo(url) as database:
        proxy.cut(Lost.REQUEST, times=10_000)
        with pytest.raises(Unavailable) as refusal:
            await MongoOrders(database, patience_seconds=0.5).place(a_draft((mug, 3), idempotency_key="k"))
        assert refusal.value.retry_after.total_seconds() >= 1
        assert (await town.orders(), await town.stock(mug)) == ([], 10)
        proxy.mend()
        await commerce_database.client.admin.command("killAllSessions", [])  # as when its lifetime is over
        orders = MongoOrders(database, patience_seconds=PATIENT)
        repeated = await asyncio.gather(*(orders.place(a_draft((mug, 3), idempotency_key="k")) for _ in range(2)))
    assert repeated[0] == repeated[1]
    assert await town.stock(mug) == 7


async def test_orders_and_stock_are_read_as_of_one_moment_and_written_for_a_majority(
    town: Town, commerce_url: str
) -> None:
    """By a client of its own without our defaults, so that nothing but the orders' own words counts."""
    (mug,) = await town.stocked(10)
    heard = Heard()
    async with AsyncMongoClient[dict[str, Any]](commerce_url, w=1, event_listeners=[heard]) as client:
        orders = MongoOrders(client.get_default_database().with_options(CODEC), patience_seconds=PATIENT)
        order = await orders.place(a_draft((mug, 3)))
        assert isinstance(order, Order)
        waiting = moved(order, Step(at=NOON, status=Status.AWAITING_PAYMENT, by="user:ann"), payment=order.id)
        assert await orders.change(order, waiting)
        assert await orders.change(waiting, moved(waiting, CANCEL))
        assert await orders.forget("user:ann", NOON) == 1
    majority = {"w": "majority"}
    assert [(name, {"w": concern["w"]}) for name, concern in heard.writes] == [
        ("commitTransaction", majority),
        ("update", majority),
        ("commitTransaction", majority),
        ("update", majority),
    ]
    assert [concern["level"] for concern in heard.reads] == ["snapshot", "snapshot"]


async def test_who_waits_too_long_for_others_is_told_to_come_back(commerce_database: Database) -> None:
    mug, entered, leave = UUID(int=1), asyncio.Event(), asyncio.Event()
    transactions = Transactions(commerce_database.client, 0.05)

    async def hold() -> None:
        async with transactions._turns.at([mug]):
            entered.set()
            await leave.wait()

    async def work(session: object) -> str:
        return "done"

    holding = asyncio.create_task(hold())
    await entered.wait()
    with pytest.raises(Unavailable, match="safe to repeat"):
        await transactions.run([UUID(int=2), mug], work)
    leave.set()
    await holding
    assert await Transactions(commerce_database.client, PATIENT).run([mug], work) == "done"


async def test_turns_are_of_a_product_and_leave_nothing_behind() -> None:
    turns, inside = Turns(), 0

    async def enter(*products: UUID) -> None:
        nonlocal inside
        async with turns.at(products):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    mug, cup, pot = UUID(int=1), UUID(int=2), UUID(int=3)
    async with turns.at([pot]):
        await asyncio.gather(*(enter(*pair) for pair in [(mug, cup), (cup, mug), (mug, mug)] * 5))
    assert not turns._locks
