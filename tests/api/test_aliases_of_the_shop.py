"""The small shop's paths: each does what our route does, and what its clients may not say is refused by their name."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from api.aliases import SHOP_ALIASES
from domain.commerce.moving import moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.products import Product
from tests.api.people import People
from tests.fakes_commerce import a_product
from tests.fakes_orders import an_order

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def mug(people: People) -> Product:
    product = a_product()
    people.products.stored[product.id] = product
    return product


def order_of_alice(people: People, mug: Product, *statuses: Status) -> Order:
    user = people.alice.user
    placed = [Step(at=people.now, status=Status.PENDING, by=user.client)]
    order = an_order((mug, 2), client=user.client, user=user.id, history=placed, expires_at=None)
    for status in statuses:
        order = moved(order, Step(at=people.now, status=status, by="gateway"))
    people.orders.stored[order.id] = order
    return order


def faults(answer: Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return {fault["pointer"]: fault["detail"] for fault in answer.json()["errors"]}


def test_every_row_of_the_shop_is_tried_here() -> None:
    assert {(row.method, row.old) for row in SHOP_ALIASES} == {
        ("POST", "/api/order"),
        ("GET", "/api/order"),
        ("GET", "/api/order/{order_id}"),
        ("POST", "/api/pay-order"),
        ("POST", "/api/notify"),
    }


@pytest.mark.parametrize("items", ["items", "products"])
@pytest.mark.parametrize("product", ["productId", "product", "product_id"])
@pytest.mark.parametrize("quantity", ["quantity", "qty"])
async def test_an_order_is_placed_as_those_clients_spell_it(
    people: People, alice: AsyncClient, mug: Product, items: str, product: str, quantity: str
) -> None:
    answer = await alice.post("/api/order", json={items: [{product: str(mug.id), quantity: 2}]})
    [order] = people.orders.stored.values()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/orders/{order.id}")
    assert (order.lines[0].quantity, order.total.amount, order.client) == (2, 3998, people.alice.user.client)
    assert people.products.stored[mug.id].stock == 8
    assert answer.headers["deprecation"] == "@1795219200"


async def test_who_names_themselves_is_let_through_and_who_names_another_is_not(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    items = [{"productId": str(mug.id), "quantity": 1}]
    own = await alice.post("/api/order", json={"userId": str(people.alice.user.id), "items": items})
    assert own.status_code == 201
    bob, nobody = str(people.bob.user.id), {"$ne": None}
    for user in (bob, nobody, 1, None, "", "64b7f9a2c1d3e4f5a6b7c8d9"):
        answer = await alice.post("/api/order", json={"userId": user, "items": items})
        assert (answer.status_code, list(faults(answer))) == (422, ["/userId"]), user
        assert "follows from who is signed in" in faults(answer)["/userId"]
    assert len(people.orders.stored) == 1


async def test_a_key_that_is_nobodys_names_no_user(people: People, mug: Product) -> None:
    items = [{"productId": str(mug.id), "quantity": 1}]
    async with people.client("service") as service:
        for user in ("", "None", None):
            answer = await service.post("/api/order", json={"userId": user, "items": items})
            assert (answer.status_code, list(faults(answer))) == (422, ["/userId"]), user


@pytest.mark.parametrize("price", [1, 1999, 19.99, "19.99", None, {"amount": 1, "currency": "USD"}], ids=str)
async def test_a_price_that_a_client_sets_is_never_taken_and_never_passed_over(
    people: People, alice: AsyncClient, mug: Product, price: Any
) -> None:
    line = {"productId": str(mug.id), "quantity": 1}
    answer = await alice.post("/api/order", json={"products": [line | {"price": price}]})
    assert (answer.status_code, list(faults(answer))) == (422, ["/products/0/price"])
    assert "not the buyer's to say" in faults(answer)["/products/0/price"]
    for name in ("total", "totalPrice", "totalAmount", "amount", "price"):
        answer = await alice.post("/api/order", json={"items": [line], name: price})
        assert (answer.status_code, list(faults(answer))) == (422, [f"/{name}"])
        assert "follows from its products" in faults(answer)[f"/{name}"]
        assert answer.json()["message"] == answer.json()["detail"] == f"/{name} {faults(answer)[f'/{name}']}"
    assert not people.orders.stored
    assert people.products.stored[mug.id].stock == 10


async def test_faults_of_lines_are_told_where_they_stand_in_what_was_sent(alice: AsyncClient, mug: Product) -> None:
    lines = [
        {"productId": "x", "qty": 0},
        {"quantity": 1},
        {"product": str(mug.id), "productId": str(mug.id), "quantity": 1},
        "mug",
        {"product_id": str(mug.id), "quantity": 1, "colour": "red"},
    ]
    answer = await alice.post("/api/order", json={"products": lines})
    assert answer.status_code == 422
    assert set(faults(answer)) == {
        "/products/0/productId",
        "/products/0/qty",
        "/products/1/productId",
        "/products/2",
        "/products/3",
        "/products/4/colour",
    }


@pytest.mark.parametrize("items", [None, {}, "x", [], [[]], {"$gt": ""}], ids=str)
async def test_what_is_no_list_of_lines_is_refused_by_the_name_that_was_sent(alice: AsyncClient, items: Any) -> None:
    answer = await alice.post("/api/order", json={"products": items})
    assert answer.status_code == 422
    assert all(pointer.startswith("/products") for pointer in faults(answer))


async def test_lines_under_two_names_are_refused(alice: AsyncClient, mug: Product) -> None:
    lines = [{"productId": str(mug.id), "quantity": 1}]
    assert (await alice.post("/api/order", json={"items": lines, "products": lines})).status_code == 422


async def test_what_is_short_is_told_as_by_our_route(alice: AsyncClient, mug: Product) -> None:
    answer = await alice.post("/api/order", json={"products": [{"productId": str(mug.id), "quantity": 11}]})
    assert (answer.status_code, answer.json()["code"], answer.json()["instance"]) == (
        409,
        "out-of-stock",
        "/api/order",
    )
    assert answer.json()["short"] == [{"product_id": str(mug.id), "wanted": 11, "stock": 10}]
    assert list(faults(answer)) == ["/products/0/quantity"]


async def test_an_order_and_orders_are_shown_to_whose_they_are(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    order = order_of_alice(people, mug)
    shown = await alice.get(f"/api/order/{order.id}")
    assert shown.json() == (await alice.get(f"/orders/{order.id}")).json()
    assert (await alice.get("/api/order")).json()["items"] == [shown.json()]
    async with people.client("bob") as bob:
        theirs = await bob.get(f"/api/order/{order.id}")
    assert (theirs.status_code, theirs.json()["instance"]) == (404, f"/api/order/{order.id}")


async def test_an_order_is_paid_by_its_id_in_the_body(people: People, alice: AsyncClient, mug: Product) -> None:
    order = order_of_alice(people, mug)
    user = str(people.alice.user.id)
    answer = await alice.post("/api/pay-order", json={"orderId": str(order.id), "userId": user})
    assert answer.status_code in {200, 202}, answer.text
    paid = people.orders.stored[order.id]
    assert (paid.status, answer.json()["payment_id"]) == (Status.AWAITING_PAYMENT, str(paid.payment))
    assert answer.headers["link"] == '</orders/%7Border_id%7D/pay>; rel="successor-version"'


@pytest.mark.parametrize(
    ("more", "pointer", "why"),
    [
        ({"amount": 1}, "/amount", "follows from its products"),
        ({"currency": "USD"}, "/currency", "follows from its products"),
        ({"paymentMethod": "card"}, "/paymentMethod", "chosen on the payment page"),
        ({"cardNumber": "4242424242424242"}, "/cardNumber", "chosen on the payment page"),
        ({"userId": "bob"}, "/userId", "follows from who is signed in"),
        ({"foo": 1}, "/foo", "not known here"),
        ({"order_id": "x"}, "/order_id", "two names"),
        ({"orderId": None}, "/orderId", "missing"),
        ({"orderId": 5}, "/orderId", "missing"),
    ],
    ids=str,
)
async def test_what_a_payment_does_not_take_is_refused_and_nothing_begins(
    people: People, alice: AsyncClient, mug: Product, more: dict[str, Any], pointer: str, why: str
) -> None:
    order = order_of_alice(people, mug)
    answer = await alice.post("/api/pay-order", json={"orderId": str(order.id), **more})
    assert (answer.status_code, list(faults(answer))) == (422, [pointer])
    assert why in faults(answer)[pointer]
    assert "4242" not in answer.text
    assert people.orders.stored[order.id].status is Status.PENDING


async def test_anothers_order_and_none_are_a_404_whatever_the_body_says(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    order = order_of_alice(people, mug)
    async with people.client("bob") as bob:
        assert (await bob.post("/api/pay-order", json={"orderId": str(order.id)})).status_code == 404
    for name in ("../orders", f"{order.id}/../..", "64b7f9a2c1d3e4f5a6b7c8d9", "-", "", "{order_id}", "a/b?c#d"):
        answer = await alice.post("/api/pay-order", json={"orderId": name})
        assert (answer.status_code, answer.json()["detail"]) == (404, "Order not found"), name


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"{", 400), (b"[]", 422), (b"null", 422), (b'{"orderId": "\xff"}', 400), (b" " * 4_097, 413)],
    ids=["none", "no JSON", "an array", "null", "no UTF-8", "over the cap"],
)
async def test_a_body_that_names_no_order_is_refused_to_who_may_come_in(
    people: People, alice: AsyncClient, content: bytes, status: int
) -> None:
    assert (await alice.post("/api/pay-order", content=content, headers=JSON)).status_code == status
    async with people.client("nobody") as nobody:
        assert (await nobody.post("/api/pay-order", content=content, headers=JSON)).status_code == 401


async def test_a_buyer_is_told_by_the_shops_own_words(people: People, mug: Product) -> None:
    order = order_of_alice(people, mug, Status.CANCELLED)
    body = {"userId": str(order.user), "orderId": str(order.id), "type": "order_cancelled"}
    async with people.client("service") as service:
        answer = await service.post("/api/notify", json=body)
        assert (answer.status_code, len(people.post.mails)) == (202, 1)
        same = {"user_id": body["userId"], "order_id": body["orderId"], "template": body["type"]}
        ours = await service.post("/notifications", json=same)
    assert (ours.json(), ours.headers["idempotency-replayed"]) == (answer.json(), "true")


@pytest.mark.parametrize("name", ["message", "subject", "text", "email", "to"])
async def test_nobody_puts_words_or_an_address_into_a_mail(people: People, mug: Product, name: str) -> None:
    order = order_of_alice(people, mug, Status.CANCELLED)
    body = {"userId": str(order.user), "orderId": str(order.id), "template": "order_cancelled"}
    async with people.client("service") as service:
        answer = await service.post("/api/notify", json={**body, name: "eve@example.com"})
    assert (answer.status_code, list(faults(answer))) == (422, [f"/{name}"])
    assert "what their template says" in faults(answer)[f"/{name}"]
    assert people.post.mails == []


async def test_faults_of_a_notice_are_told_by_the_names_that_were_sent(people: People) -> None:
    async with people.client("service") as service:
        missing = await service.post("/api/notify", json={})
        wrong = await service.post("/api/notify", json={"userId": "x", "orderId": 1, "type": "sms"})
    assert set(faults(missing)) == set(faults(wrong)) == {"/userId", "/orderId", "/type"}
