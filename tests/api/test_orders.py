"""Orders over HTTP: placed once, shown to their own, cancelled by them, and sent on their way by the shop."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from domain.accounts.audit import Act
from domain.commerce.moving import moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.products import Product
from domain.money import Money
from domain.request_ids import new_request_id
from tests.api.people import People
from tests.fakes_commerce import a_product

PAID = (Status.AWAITING_PAYMENT, Status.PAID)


@pytest.fixture
def mug(people: People) -> Product:
    mug = a_product(name="Red mug", stock=10)
    people.products.stored[mug.id] = mug
    return mug


@pytest.fixture
async def bob(people: People) -> AsyncIterator[AsyncClient]:
    async with people.client("bob") as client:
        yield client


def items(*lines: tuple[Product, int]) -> dict[str, Any]:
    return {"items": [{"product_id": str(product.id), "quantity": quantity} for product, quantity in lines]}


async def placed(client: AsyncClient, *lines: tuple[Product, int], **headers: str) -> dict[str, Any]:
    answer = await client.post("/orders", json=items(*lines), headers=headers)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def brought(people: People, told: dict[str, Any], *moves: Status, **changes: Any) -> Order:
    """As payments and the shop bring it there."""
    order = people.orders.stored[UUID(told["id"])]
    for status in moves:
        order = moved(order, Step(at=people.now, status=status, by="gateway"), **changes)
    people.orders.stored[order.id] = order
    return order


def stock(people: People, product: Product) -> int:
    return people.products.stored[product.id].stock


async def test_an_order_is_placed_with_prices_of_the_moment_and_shown_where_it_says(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    answer = await alice.post("/orders", json=items((mug, 2)))
    assert answer.status_code == 201
    told = answer.json()
    assert told["status"] == "Pending"
    assert told["items"] == [
        {
            "product_id": str(mug.id),
            "name": "Red mug",
            "price": {"amount": 1999, "currency": "USD"},
            "quantity": 2,
        }
    ]
    assert told["total"] == {"amount": 3998, "currency": "USD"}
    assert told["expires_at"] == (people.now + timedelta(minutes=30)).isoformat().replace("+00:00", "Z")
    assert answer.headers["location"] == f"/orders/{told['id']}"
    shown = await alice.get(answer.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (told, answer.headers["etag"])
    assert stock(people, mug) == 8


async def test_repeating_a_key_gives_the_first_order_as_it_stands(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    first = await placed(alice, (mug, 2), **{"Idempotency-Key": "k"})
    await alice.post(f"/orders/{first['id']}/cancel")
    again = await alice.post("/orders", json=items((mug, 2)), headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, first["id"], "Cancelled")
    assert again.headers["idempotency-replayed"] == "true"
    assert stock(people, mug) == 10


async def test_a_key_with_another_body_is_refused_and_anothers_key_is_theirs(
    people: People, alice: AsyncClient, bob: AsyncClient, mug: Product
) -> None:
    await placed(alice, (mug, 2), **{"Idempotency-Key": "k"})
    other = await alice.post("/orders", json=items((mug, 3)), headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    await placed(bob, (mug, 2), **{"Idempotency-Key": "k"})
    assert stock(people, mug) == 6


async def test_what_is_short_is_told_by_line_and_nothing_is_taken(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    gone, few = a_product(stock=5, deleted_at=people.now), a_product(stock=1)
    people.products.stored |= {gone.id: gone, few.id: few}
    unknown = a_product()
    answer = await alice.post("/orders", json=items((mug, 10), (few, 2), (gone, 1), (unknown, 3)))
    told = answer.json()
    assert (answer.status_code, told["code"], told["status"]) == (409, "out-of-stock", 409)
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["short"] == [
        {"product_id": str(few.id), "wanted": 2, "stock": 1},
        {"product_id": str(gone.id), "wanted": 1, "stock": 0},
        {"product_id": str(unknown.id), "wanted": 3, "stock": 0},
    ]
    pointers = [fault["pointer"] for fault in told["errors"]]
    assert pointers == ["/items/1/quantity", "/items/2/product_id", "/items/3/product_id"]
    assert (told["detail"], told["trace_id"]) == (told["message"], answer.headers["x-request-id"])
    assert "order 1 at most" in told["detail"]
    assert (stock(people, mug), people.orders.stored) == (10, {})


async def test_two_currencies_and_a_total_without_end_are_refused_by_name(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    yen, house = a_product(price=Money(amount=5, currency="JPY")), a_product(price=Money(amount=10**7, currency="USD"))
    people.products.stored |= {yen.id: yen, house.id: house}
    mixed = await alice.post("/orders", json=items((mug, 1), (yen, 1)))
    assert (mixed.status_code, mixed.json()["errors"][0]["pointer"]) == (422, "/items/1/product_id")
    dear = await alice.post("/orders", json=items((house, 10)))
    assert (dear.status_code, dear.json()["errors"][0]["pointer"]) == (422, "/items")
    assert people.orders.stored == {}


async def test_anothers_order_is_not_there(alice: AsyncClient, bob: AsyncClient, mug: Product) -> None:
    told = await placed(alice, (mug, 1))
    for answer in (
        await bob.get(f"/orders/{told['id']}"),
        await bob.post(f"/orders/{told['id']}/cancel"),
        await alice.get(f"/orders/{new_request_id()}"),
        await alice.get("/orders/none"),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Order not found")
    assert (await bob.get("/orders")).json()["items"] == []
    assert (await alice.get(f"/orders/{told['id']}")).json()["status"] == "Pending"


async def test_a_list_goes_on_by_cursor_and_is_narrowed_by_status(
    people: People, alice: AsyncClient, root: AsyncClient, bob: AsyncClient, mug: Product
) -> None:
    ids = [(await placed(alice, (mug, 1)))["id"] for _ in range(3)]
    others = (await placed(bob, (mug, 1)))["id"]
    page = (await alice.get("/orders?limit=2")).json()
    assert [order["id"] for order in page["items"]] == [ids[2], ids[1]]
    rest = await alice.get(f"/orders?limit=2&cursor={page['next_cursor']}")
    assert [order["id"] for order in rest.json()["items"]] == [ids[0]]
    assert (await bob.get(f"/orders?limit=2&cursor={page['next_cursor']}")).status_code == 422
    await alice.post(f"/orders/{ids[1]}/cancel")
    narrowed = await alice.get("/orders?status=Cancelled")
    assert [order["id"] for order in narrowed.json()["items"]] == [ids[1]]
    assert [order["id"] for order in (await root.get("/orders")).json()["items"]] == [others, *reversed(ids)]


@pytest.mark.parametrize(
    "query", ["status=paid", "status=", "limit=0", "cursor=x", "owner=user:1", "status=Paid&status=Paid"]
)
async def test_a_list_that_cannot_be_is_refused(alice: AsyncClient, query: str) -> None:
    answer = await alice.get(f"/orders?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"].split("/")[1]) == (422, "query")


async def test_cancelling_gives_the_stock_back_once_and_tells_its_owner_once(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    told = await placed(alice, (mug, 4))
    answers = [await alice.post(f"/orders/{told['id']}/cancel", json={"why": "too red"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() == (await alice.get(f"/orders/{told['id']}")).json()
    assert (answers[0].json()["status"], answers[0].json()["expires_at"]) == ("Cancelled", None)
    assert answers[0].json()["history"][-1]["why"] == "too red"
    assert (stock(people, mug), people.notices.templates) == (10, ["cancelled"])


async def test_cancelling_while_a_payment_is_under_way_ends_the_order_and_withdraws_it(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    told = await placed(alice, (mug, 4))
    order = await brought(people, told, Status.AWAITING_PAYMENT, payment=UUID(int=7))
    answer = await alice.post(f"/orders/{told['id']}/cancel")
    assert (answer.status_code, answer.json()["status"], stock(people, mug)) == (200, "Cancelled", 10)
    assert people.desk.withdrawn == {order.id: UUID(int=7)}


@pytest.mark.parametrize(
    ("moves", "instead"),
    [
        (PAID, "refunded"),
        ((*PAID, Status.SHIPPED), "refunded"),
        ((*PAID, Status.SHIPPED, Status.DELIVERED), "refunded"),
        ((*PAID, Status.REFUNDED), "place another"),
    ],
    ids=["paid", "shipped", "delivered", "refunded"],
)
async def test_what_has_gone_too_far_cannot_be_cancelled_and_is_told_what_can_be_done(
    people: People, alice: AsyncClient, mug: Product, moves: tuple[Status, ...], instead: str
) -> None:
    told = await placed(alice, (mug, 4))
    order = await brought(people, told, *moves)
    answer = await alice.post(f"/orders/{told['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "order-state")
    assert instead in answer.json()["detail"]
    assert people.orders.stored[order.id] == order


async def test_a_mail_that_cannot_be_sent_now_costs_the_caller_nothing(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    people.notices.down = True
    told = await placed(alice, (mug, 4))
    assert (await alice.post(f"/orders/{told['id']}/cancel")).status_code == 200
    assert people.orders.stored[UUID(told["id"])].owed == ["mail:cancelled"]


async def test_an_admin_sends_an_order_on_its_way_and_each_step_is_told_once(
    people: People, alice: AsyncClient, root: AsyncClient, mug: Product
) -> None:
    told = await placed(alice, (mug, 4))
    await brought(people, told, *PAID)
    for status in ("Shipped", "Shipped", "Delivered"):
        answer = await root.patch(f"/orders/{told['id']}", json={"status": status})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert sorted(people.notices.templates) == ["paid", "shipped"]
    assert stock(people, mug) == 6


async def test_a_buyer_sees_the_shop_and_not_which_of_its_people(
    people: People, alice: AsyncClient, root: AsyncClient, mug: Product
) -> None:
    told = await placed(alice, (mug, 4))
    moved_by = (await root.patch(f"/orders/{told['id']}", json={"status": "Cancelled", "why": "lost"})).json()
    assert [step["by"] for step in moved_by["history"]] == [people.alice.user.client, people.root.user.client]
    seen = (await alice.get(f"/orders/{told['id']}")).json()
    assert [step["by"] for step in seen["history"]] == [people.alice.user.client, "shop"]
    assert str(people.root.user.id) not in (await alice.get("/orders")).text


@pytest.mark.parametrize("status", ["Paid", "AwaitingPayment", "Refunded", "Pending", "shipped", "", 1, None])
async def test_what_payments_decide_is_set_by_no_hand(
    root: AsyncClient, alice: AsyncClient, mug: Product, status: Any
) -> None:
    told = await placed(alice, (mug, 1))
    answer = await root.patch(f"/orders/{told['id']}", json={"status": status})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/status")
    assert "by its payment alone" in answer.json()["detail"]


async def test_what_an_admin_does_to_an_order_is_on_record_and_what_its_owner_does_in_its_history_alone(
    people: People, alice: AsyncClient, root: AsyncClient, mug: Product
) -> None:
    mine, other = await placed(alice, (mug, 1)), await placed(alice, (mug, 1))
    await alice.post(f"/orders/{mine['id']}/cancel")
    assert people.audit.entries == []
    await root.post(f"/orders/{other['id']}/cancel")
    await root.patch(f"/orders/{other['id']}", json={"status": "Delivered"})  # refused, and on record all the same
    told = [(entry.act, entry.actor, entry.subject, entry.detail) for entry in people.audit.entries]
    assert told == [
        (Act.ORDER_MOVED, people.root.user.client, f"order:{other['id']}", {"status": status})
        for status in ("Cancelled", "Delivered")
    ]


async def test_an_admins_move_that_cannot_be_put_on_record_is_not_made(
    people: People, alice: AsyncClient, root: AsyncClient, mug: Product
) -> None:
    told = await placed(alice, (mug, 1))
    people.audit.down = True
    assert (await root.patch(f"/orders/{told['id']}", json={"status": "Cancelled"})).status_code == 503
    assert (await root.post(f"/orders/{told['id']}/cancel")).status_code == 503
    assert (await alice.get(f"/orders/{told['id']}")).json()["status"] == "Pending"


async def test_a_move_that_is_not_drawn_is_refused(root: AsyncClient, alice: AsyncClient, mug: Product) -> None:
    told = await placed(alice, (mug, 1))
    answer = await root.patch(f"/orders/{told['id']}", json={"status": "Delivered"})
    assert (answer.status_code, answer.json()["code"]) == (409, "order-state")
    assert "it can be paid or cancelled" in answer.json()["detail"]


async def test_with_if_match_an_order_moves_only_from_where_it_was_seen(
    people: People, alice: AsyncClient, root: AsyncClient, mug: Product
) -> None:
    told = await placed(alice, (mug, 1))
    await brought(people, told, *PAID)
    seen = (await root.get(f"/orders/{told['id']}")).headers["etag"]
    shipped = await move_if(root, told, "Shipped", seen)
    assert shipped.status_code == 200
    outdated = await move_if(root, told, "Delivered", seen)
    assert (outdated.status_code, outdated.json()["code"]) == (412, "outdated")
    assert (await move_if(root, told, "Delivered", f'"x", {shipped.headers["etag"]}')).status_code == 200


async def test_nobody_but_an_admin_moves_an_order(alice: AsyncClient, mug: Product) -> None:
    told = await placed(alice, (mug, 1))
    answer = await alice.patch(f"/orders/{told['id']}", json={"status": "Cancelled"})
    assert answer.status_code == 403
    assert "/cancel" in answer.json()["detail"]


async def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    people.orders.down = True
    for answer in (await alice.post("/orders", json=items((mug, 1))), await alice.get("/orders")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def move_if(client: AsyncClient, told: dict[str, Any], status: str, tag: str) -> Response:
    return await client.patch(f"/orders/{told['id']}", json={"status": status}, headers={"If-Match": tag})
