"""What every `Orders` promises, the fake and the real one alike; and what only the real one can get wrong."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commerce.cancelling import cancel_order
from domain.commerce.drafts import Draft, Item
from domain.commerce.moving import moved, struck_off
from domain.commerce.orders import MOST_OF_ONE, Order, Status, Step
from domain.commerce.ports import OrderFilter, Short
from domain.commerce.products import Product
from domain.errors import Invalid, Unavailable
from domain.infra.commerce.orders import MongoOrders
from domain.infra.mongo import Database
from domain.money import Money
from domain.request_ids import new_request_id
from tests.commerce_stores import Shop
from tests.fakes_commerce import FakeProducts, a_product
from tests.fakes_orders import HALF_AN_HOUR, FakeOrders, a_draft, an_order
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)
OPERATORS = ['{"$gt": ""}', "$where", "a.b", "\x00", "' || 1==1 //"]


def step_to(status: Status, **fields: Any) -> Step:
    return Step(**{"at": LATER, "status": status, "by": "user:ann", **fields})


async def stocked(shop: Shop, *stocks: int, **fields: Any) -> list[Product]:
    return [await shop.products.add(a_product(stock=stock, **fields)) for stock in stocks]


async def stocks_of(shop: Shop, *products: Product) -> list[int]:
    found = await shop.products.find_many([product.id for product in products])
    return [found[product.id].stock for product in products]


async def placed(shop: Shop, *lines: tuple[Product, int], **fields: Any) -> Order:
    order = await shop.orders.place(a_draft(*lines, **fields))
    assert isinstance(order, Order)
    return order


async def move(shop: Shop, order: Order, status: Status, **changes: Any) -> Order:
    after = moved(order, step_to(status), **changes)
    assert await shop.orders.change(order, after)
    return after


async def test_an_order_takes_the_stock_of_all_lines_and_is_found_as_it_was_placed(shop: Shop) -> None:
    mug, cup = await stocked(shop, 10, 5)
    order = await placed(shop, (mug, 3), (cup, 5), idempotency_key="k", fingerprint="f")
    assert await stocks_of(shop, mug, cup) == [7, 0]
    assert await shop.orders.find(order.id, "user:ann") == await shop.orders.find(order.id, None) == order
    assert [(line.product_id, line.quantity) for line in order.lines] == [(mug.id, 3), (cup.id, 5)]


async def test_where_one_line_is_short_nothing_is_taken_of_any(shop: Shop) -> None:
    mug, cup, gone = await stocked(shop, 10, 5, 9)
    await shop.products.delete(gone.id, NOON)
    unknown = Item(new_request_id(), 1)
    wanted = a_draft((cup, 6), (mug, 3), (gone, 1))
    answer = await shop.orders.place(a_draft(items=[*wanted.items, unknown]))
    assert answer == [Short(cup.id, 6, 5), Short(gone.id, 1, 0), Short(unknown.product_id, 1, 0)]
    assert await stocks_of(shop, mug, cup) == [10, 5]
    assert await shop.orders.list(OrderFilter(None)) == []


async def test_name_and_price_are_those_of_the_moment_and_stay_so(shop: Shop) -> None:
    (mug,) = await stocked(shop, 10)
    dearer = mug.model_copy(update={"version": 1, "name": "Gilded mug", "price": Money(amount=9900, currency="EUR")})
    assert await shop.products.change(mug, dearer)
    order = await placed(shop, (mug, 2))  # drafted by who saw the former price
    assert (order.lines[0].name, order.total) == ("Gilded mug", Money(amount=19800, currency="EUR"))
    now = await shop.products.find(mug.id)
    assert now is not None
    assert await shop.products.change(now, now.model_copy(update={"version": 2, "price": mug.price}))
    assert await shop.orders.find(order.id, None) == order


async def test_what_does_not_add_up_takes_nothing(shop: Shop) -> None:
    (mug,), (cup,) = await stocked(shop, 9), await stocked(shop, 9, price=Money(amount=5, currency="JPY"))
    (house,) = await stocked(shop, MOST_OF_ONE, price=Money(amount=99_999_999, currency="USD"))
    for draft in (a_draft((mug, 1), (cup, 1)), a_draft((house, 2))):
        with pytest.raises(Invalid):
            await shop.orders.place(draft)
    assert await stocks_of(shop, mug, cup, house) == [9, 9, MOST_OF_ONE]
    assert await shop.orders.list(OrderFilter(None)) == []


async def test_a_key_that_came_before_gives_the_first_order_even_when_nothing_is_left(shop: Shop) -> None:
    (mug,) = await stocked(shop, 3)
    first = await placed(shop, (mug, 3), idempotency_key="k", fingerprint="f")
    for again in (a_draft((mug, 3), idempotency_key="k", fingerprint="f"), a_draft((mug, 1), idempotency_key="k")):
        assert await shop.orders.place(again) == first
    assert await stocks_of(shop, mug) == [0]


async def test_a_key_is_of_one_client_and_orders_without_one_are_each_of_their_own(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    keyed = [await placed(shop, (mug, 1), client=client, idempotency_key="k") for client in ("user:ann", "user:bob")]
    plain = [await placed(shop, (mug, 1)) for _ in range(2)]
    assert len({order.id for order in (*keyed, *plain)}) == 4
    assert await stocks_of(shop, mug) == [5]


async def test_the_same_draft_may_be_placed_again_after_an_answer_that_was_lost(shop: Shop) -> None:
    (mug,) = await stocked(shop, 3)
    draft = a_draft((mug, 2))
    assert await shop.orders.place(draft) == await shop.orders.place(draft)
    assert await stocks_of(shop, mug) == [1]


async def test_anothers_order_is_found_by_nobody_else(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    order = await placed(shop, (mug, 1))
    assert await shop.orders.find(order.id, "user:bob") is None
    assert await shop.orders.find(new_request_id(), "user:ann") is None


async def test_a_list_is_newest_first_of_its_owner_and_status_and_goes_on_from_its_last(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    mine = [await placed(shop, (mug, 1)) for _ in range(3)]
    other = await placed(shop, (mug, 1), client="user:bob")
    mine[1] = await move(shop, mine[1], Status.CANCELLED)

    async def listed(owner: str | None, **which: Any) -> list[UUID]:
        return [order.id for order in await shop.orders.list(OrderFilter(owner, **which))]

    newest_first = [order.id for order in reversed(mine)]
    assert await listed("user:ann") == newest_first
    assert await listed("user:ann", limit=2) == newest_first[:2]
    assert await listed("user:ann", before=newest_first[1]) == newest_first[2:]
    assert await listed("user:ann", status=Status.CANCELLED) == [mine[1].id]
    assert await listed(None) == [other.id, *newest_first]
    assert await listed("user:nobody") == []


async def test_a_change_is_of_what_was_read(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    order = await placed(shop, (mug, 1))
    after = await move(shop, order, Status.AWAITING_PAYMENT, payment=UUID(int=7), payments=1)
    assert await shop.orders.change(order, moved(order, step_to(Status.CANCELLED))) is False
    assert await shop.orders.find(order.id, None) == after
    assert await stocks_of(shop, mug) == [8]


async def test_an_order_that_ends_gives_its_stock_back_once(shop: Shop) -> None:
    mug, cup = await stocked(shop, 9, 5)
    order = await placed(shop, (mug, 3), (cup, 5))
    ended = moved(order, step_to(Status.CANCELLED))
    assert [await shop.orders.change(order, ended) for _ in range(2)] == [True, False]
    assert await stocks_of(shop, mug, cup) == [9, 5]
    refunded = await move(shop, ended, Status.REFUNDED)
    assert await stocks_of(shop, mug, cup) == [9, 5]
    assert await shop.orders.find(order.id, None) == refunded


async def test_stock_goes_back_to_a_product_that_was_deleted_meanwhile_and_is_sold_to_nobody(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    order = await placed(shop, (mug, 9))
    await shop.products.delete(mug.id, NOON)
    await move(shop, order, Status.CANCELLED)
    assert await shop.orders.place(a_draft((mug, 1))) == [Short(mug.id, 1, 0)]


async def test_what_a_change_takes_away_is_gone(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    owing = await move(shop, await placed(shop, (mug, 1)), Status.CANCELLED)
    done = struck_off(owing, {"mail:cancelled"}, LATER)
    assert await shop.orders.change(owing, done)
    assert await shop.orders.find(owing.id, None) == done
    assert (done.owed, done.sweep_at, done.expires_at) == (None, None, None)


async def test_a_change_of_another_order_or_epoch_or_that_takes_stock_is_a_bug(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    order = await placed(shop, (mug, 1))
    ended = await move(shop, order, Status.CANCELLED)
    next_epoch = {"epoch": ended.epoch + 1}
    for wrong in (ended, order, ended.model_copy(update={**next_epoch, "id": new_request_id()})):
        with pytest.raises(ValueError, match="next epoch"):
            await shop.orders.change(ended, wrong)
    with pytest.raises(ValueError, match="takes no stock"):
        await shop.orders.change(ended, ended.model_copy(update={**next_epoch, "stock_held": True}))


async def test_an_order_is_found_by_each_payment_that_was_begun_for_it(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    order = await move(shop, await placed(shop, (mug, 1)), Status.AWAITING_PAYMENT, payment=UUID(int=7), payments=1)
    again = order.model_copy(update={"epoch": order.epoch + 1, "payment": UUID(int=8), "payments": 2})
    assert await shop.orders.change(order, again)
    assert await shop.orders.find_by_payment(UUID(int=7)) == await shop.orders.find_by_payment(UUID(int=8)) == again
    assert await shop.orders.find_by_payment(UUID(int=9)) is None


async def test_those_that_are_due_come_longest_overdue_first(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    times = [NOON + HALF_AN_HOUR + timedelta(seconds=seconds) for seconds in (2, 1, 3, 9)]
    orders = [await placed(shop, (mug, 1), expires_at=time) for time in times]
    await move(shop, await placed(shop, (mug, 1), user=None, expires_at=times[1]), Status.CANCELLED)  # owes nothing
    now = times[2]
    assert [order.id for order in await shop.orders.due(now, 10)] == [orders[place].id for place in (1, 0, 2)]
    assert [order.id for order in await shop.orders.due(now, 1)] == [orders[1].id]


async def test_who_leaves_is_in_their_orders_no_more_and_what_was_sold_stays(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    unpaid = await placed(shop, (mug, 2), idempotency_key="k", fingerprint="f")
    begun = await move(shop, await placed(shop, (mug, 1)), Status.AWAITING_PAYMENT, payment=UUID(int=7))
    paid = moved(begun, step_to(Status.PAID, by="gateway", why="it came"))
    assert await shop.orders.change(begun, paid)
    wrong_size = await placed(shop, (mug, 1))
    regretted = moved(wrong_size, step_to(Status.CANCELLED, why="I am Ann, and not that tall"))
    assert await shop.orders.change(wrong_size, regretted)
    others = await placed(shop, (mug, 1), client="user:bob")
    assert [await shop.orders.forget("user:ann", LATER) for _ in range(2)] == [3, 0]
    left = {order.id: await shop.orders.find(order.id, "user:ann") for order in (unpaid, paid, regretted)}
    gone = {"user": None, "idempotency_key": None, "fingerprint": None}
    bare = [*regretted.history[:-1], regretted.history[-1].model_copy(update={"why": None})]
    assert left == {
        unpaid.id: unpaid.model_copy(update={**gone, "epoch": 1, "expires_at": LATER, "sweep_at": LATER}),
        paid.id: paid.model_copy(update={**gone, "epoch": 3}),
        regretted.id: regretted.model_copy(update={**gone, "epoch": 2, "history": bare}),
    }
    assert await shop.orders.find(others.id, None) == others
    assert [order.id for order in await shop.orders.due(LATER, 10)] == [unpaid.id]


async def test_who_read_an_order_before_its_owner_left_writes_nothing_of_them_back(shop: Shop) -> None:
    (mug,) = await stocked(shop, 9)
    order = await placed(shop, (mug, 2))
    assert await shop.orders.forget("user:ann", LATER) == 1
    assert await shop.orders.change(order, moved(order, step_to(Status.CANCELLED))) is False
    assert await stocks_of(shop, mug) == [7]


async def test_an_order_that_cannot_be_read_keeps_no_other_from_being_looked_after(
    real_shop: Shop, commerce_database: Database
) -> None:
    (mug,) = await stocked(real_shop, 9)
    odd, order = [await placed(real_shop, (mug, 1)) for _ in range(2)]
    await commerce_database.orders.update_one({"_id": odd.id}, {"$set": {"status": "Lost"}})
    assert await real_shop.orders.due(NOON + HALF_AN_HOUR, 10) == [order]


@pytest.mark.parametrize("text", OPERATORS, ids=range(len(OPERATORS)))
async def test_what_looks_like_an_operator_is_text(shop: Shop, text: str) -> None:
    (mug,) = await stocked(shop, 9)
    await placed(shop, (mug, 1), idempotency_key="k")
    odd = await placed(shop, (mug, 1), client=text, idempotency_key=text)
    assert await shop.orders.list(OrderFilter(text)) == [odd]
    cancelled = await cancel_order(shop.orders, odd.id, text, step_to(Status.CANCELLED, why=text, by=text))
    assert await shop.orders.find(odd.id, text) == cancelled


async def test_an_operator_in_place_of_an_owner_finds_nothing(real_shop: Shop) -> None:
    """No route lets one through; if one ever did, it would still be compared as it stands."""
    (mug,) = await stocked(real_shop, 9)
    order = await placed(real_shop, (mug, 1), idempotency_key="k")
    anything: str = {"$gt": ""}  # type: ignore[assignment]
    assert await real_shop.orders.find(order.id, anything) is None
    assert await real_shop.orders.list(OrderFilter(anything)) == []
    with pytest.raises(ValueError, match="idempotency_key"):
        await real_shop.orders.place(a_draft((mug, 1), idempotency_key=anything))
    assert await stocks_of(real_shop, mug) == [8]


async def test_what_a_newer_version_of_the_program_wrote_besides_stays(
    real_shop: Shop, commerce_database: Database
) -> None:
    (mug,) = await stocked(real_shop, 9)
    order = await placed(real_shop, (mug, 1))
    await commerce_database.orders.update_one({"_id": order.id}, {"$set": {"later": 1}})
    after = await move(real_shop, order, Status.CANCELLED)
    stored = await commerce_database.orders.find_one({"_id": order.id})
    assert stored is not None
    assert (stored["later"], None in stored.values()) == (1, False)
    assert await real_shop.orders.find(order.id, None) == after


@pytest.mark.parametrize(
    ("wanted", "order", "index"),
    [
        ({"client": {"$eq": "a"}}, [("_id", -1)], "by_client"),
        ({"client": {"$eq": "a"}, "status": "Paid"}, [("_id", -1)], "by_client_status"),
        ({"status": "Paid"}, [("_id", -1)], "by_status"),
        ({"client": {"$eq": "a"}, "idempotency_key": {"$eq": "k1"}}, None, "once_per_key"),
        ({"payment_ids": UUID(int=7)}, None, "once_per_payment"),
        ({"sweep_at": {"$lte": NOON}}, [("sweep_at", 1)], "to_sweep"),
    ],
    ids=["list", "list of a status", "everybody's of a status", "key", "payment", "sweep"],
)
async def test_orders_are_looked_up_by_an_index_in_its_order(
    commerce_database: Database, wanted: dict[str, Any], order: list[tuple[str, int]] | None, index: str
) -> None:
    rows = [
        {"_id": new_request_id(), "client": "a", "idempotency_key": f"k{number}", "status": "New" if number else "Paid"}
        for number in range(20)
    ]
    await commerce_database.orders.insert_many(rows)  # of which one index is plainly better than the other
    found = commerce_database.orders.find(wanted)
    plan = str((await (found.sort(order) if order else found).explain())["queryPlanner"]["winningPlan"])
    assert f"'indexName': '{index}'" in plan
    assert "'SORT'" not in plan


async def test_a_store_that_is_away_is_unavailable(nowhere: Database) -> None:
    mug = a_product()
    order, draft = an_order((mug, 1)), a_draft((mug, 1))
    fake = FakeOrders(FakeProducts(mug), order)
    fake.down = True
    for orders in (fake, MongoOrders(nowhere, patience_seconds=0.05)):
        for asked in (
            orders.place(draft),
            orders.find(order.id, None),
            orders.find_by_payment(UUID(int=7)),
            orders.list(OrderFilter(None)),
            orders.change(order, moved(order, step_to(Status.CANCELLED))),
            orders.change(order, moved(order, step_to(Status.AWAITING_PAYMENT))),
            orders.due(NOON, 1),
            orders.forget("user:ann", NOON),
        ):
            with pytest.raises(Unavailable):
                await asked


def test_a_draft_has_no_price() -> None:
    """Nobody but the store, which reads the products, says what anything costs."""
    assert not {"price", "total", "name"} & {*Draft.__slots__, *Item.__slots__}
