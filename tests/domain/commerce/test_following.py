"""What follows of a move: done at once or by the sweep, on record once, and owed until then."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commerce.cancelling import cancel_order
from domain.commerce.following import Following, follow_ups
from domain.commerce.moving import REFUND_IF_PAID, moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.upkeep import Upkeep
from domain.errors import Unavailable
from tests.fakes_orders import HALF_AN_HOUR, FakeOrders, FakePaymentDesk, Shelf
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)
PAYMENT = UUID(int=7)
CANCEL = Step(at=LATER, status=Status.CANCELLED, by="user:ann")


class World(Shelf):
    def __init__(self) -> None:
        super().__init__()
        self.desk = FakePaymentDesk()
        self.following = Following(self.orders, follow_ups(self.notices, self.desk))
        self.upkeep = Upkeep(self.orders, self.following)

    async def paying(self) -> Order:
        """One whose payment is under way."""
        order = await self.order()
        after = moved(order, Step(at=NOON, status=Status.AWAITING_PAYMENT, by="user:ann"), payment=PAYMENT, payments=1)
        assert await self.orders.change(order, after)
        return after

    async def cancelled(self, order: Order) -> Order:
        return await cancel_order(self.orders, order.id, "user:ann", CANCEL)

    def look(self, order: Order) -> Order:
        return self.orders.stored[order.id]


@pytest.fixture
def world() -> World:
    return World()


async def test_what_a_move_owes_is_done_and_struck_off(world: World) -> None:
    order = await world.cancelled(await world.paying())
    after = await world.following.follow(order, LATER)
    assert world.notices.told == {f"order:{order.id}:mail:cancelled": (order.id, "cancelled")}
    assert world.desk.withdrawn == {order.id: PAYMENT}
    assert (after.owed, after.sweep_at) == (None, None)
    assert world.look(order) == after


async def test_nothing_is_written_for_an_order_that_owes_nothing(world: World) -> None:
    order = await world.order()
    assert await world.following.follow(order, LATER) == order == world.look(order)


async def test_what_cannot_be_done_now_stays_owed_and_the_rest_is_not_held_up(world: World) -> None:
    world.desk.down = True
    order = await world.cancelled(await world.paying())
    after = await world.following.soon(order, LATER)
    assert (after.owed, world.notices.templates) == (["refund_if_paid"], ["cancelled"])
    assert after.sweep_at == LATER + timedelta(seconds=10)


async def test_what_breaks_by_a_bug_stands_no_longer_at_the_sweeps_head_and_is_tried_again(world: World) -> None:
    async def broken(_: Order) -> None:
        raise ValueError("a bug")

    following = Following(world.orders, {**world.following.table, REFUND_IF_PAID: broken})
    order = await following.follow(await world.cancelled(await world.paying()), LATER)
    assert (order.owed, world.notices.templates) == ([REFUND_IF_PAID], ["cancelled"])
    for moment in (LATER + timedelta(minutes=1), LATER + timedelta(hours=2)):
        await Upkeep(world.orders, following).once(moment)
        looked = world.look(order)
        assert (looked.owed, (looked.sweep_at or moment) > moment) == ([REFUND_IF_PAID], True)


async def test_the_sweep_does_what_was_owed_once_it_can(world: World) -> None:
    world.notices.down = True
    order = await world.cancelled(await world.order())
    await world.following.soon(order, LATER)
    due = LATER + timedelta(seconds=10)
    assert await world.upkeep.once(due - timedelta(milliseconds=1)) == 0
    assert await world.upkeep.once(due) == 1
    waiting = world.look(order)
    assert waiting.owed == ["mail:cancelled"]
    assert waiting.sweep_at is not None
    assert waiting.sweep_at > due
    world.notices.down = False
    assert await world.upkeep.once(waiting.sweep_at) == 1
    assert (world.look(order).owed, world.notices.templates) == (None, ["cancelled"])
    assert await world.upkeep.once(waiting.sweep_at + timedelta(days=9)) == 0


async def test_a_process_that_dies_before_it_strikes_off_does_not_tell_twice(world: World) -> None:
    order = await world.cancelled(await world.order())
    for kind in order.owed or ():
        await world.following.table[kind](order)  # and then it is gone
    assert await world.upkeep.once(LATER + timedelta(seconds=10)) == 1
    assert (world.notices.asked, len(world.notices.told)) == (2, 1)


async def test_an_order_that_went_on_meanwhile_is_struck_off_all_the_same(world: World) -> None:
    order = await world.cancelled(await world.paying())
    refunded = moved(order, Step(at=LATER, status=Status.REFUNDED, by="gateway"))
    assert await world.orders.change(order, refunded)
    await world.following.follow(order, LATER)
    after = world.look(order)
    assert (after.status, after.owed) == (Status.REFUNDED, None)


async def test_what_a_newer_version_asks_for_is_left_to_it(world: World) -> None:
    order = await world.cancelled(await world.order())
    strange = order.model_copy(update={"epoch": order.epoch + 1, "owed": ["fax:cancelled", "mail:cancelled"]})
    assert await world.orders.change(order, strange)
    assert (await world.following.follow(strange, LATER)).owed == ["fax:cancelled"]


async def test_a_store_that_fails_after_the_move_costs_the_caller_nothing(world: World) -> None:
    order = await world.cancelled(await world.order())
    world.orders.down = True
    assert await world.following.soon(order, LATER) == order
    with pytest.raises(Unavailable):
        await world.following.follow(order, LATER)


@pytest.mark.parametrize("paying", [False, True], ids=["pending", "paying"])
async def test_an_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_is_there_again(
    world: World, paying: bool
) -> None:
    order = await (world.paying() if paying else world.order())
    assert world.stock == 7
    assert await world.upkeep.once(NOON + HALF_AN_HOUR - timedelta(milliseconds=1)) == 0
    assert await world.upkeep.once(NOON + HALF_AN_HOUR) == 1
    after = world.look(order)
    assert (after.status, after.owed, world.stock) == (Status.CANCELLED, None, 10)
    assert (after.history[-1].by, after.history[-1].why) == ("gateway", "it was not paid in time")
    assert world.notices.templates == ["cancelled"]
    assert world.desk.withdrawn == ({order.id: PAYMENT} if paying else {})


async def test_an_order_that_was_paid_in_time_is_left_alone(world: World) -> None:
    order = await world.paying()
    paid = moved(order, Step(at=LATER, status=Status.PAID, by="gateway"))
    assert await world.orders.change(order, paid)
    await world.following.follow(paid, LATER)
    assert await world.upkeep.once(NOON + timedelta(days=1)) == 0
    assert (world.look(order).status, world.notices.templates) == (Status.PAID, ["paid"])


async def test_one_order_that_cannot_be_helped_does_not_keep_the_others_waiting(world: World) -> None:
    class Refusing(FakeOrders):
        async def change(self, before: Order, after: Order) -> bool:
            if before.id == broken.id:
                raise Unavailable("the store does not answer just now")
            return await super().change(before, after)

    broken, other = await world.order(), await world.order()
    orders: Any = Refusing(world.products, broken, other)
    upkeep = Upkeep(orders, Following(orders, world.following.table))
    assert await upkeep.once(NOON + HALF_AN_HOUR) == 1
    assert [orders.stored[order.id].status for order in (broken, other)] == [Status.PENDING, Status.CANCELLED]
