"""What is sent of an order and cannot be: each fault is named where it stands, all at once, and nothing is ordered."""

import json
from typing import Any

import pytest
from httpx import AsyncClient, Response

from domain.commerce.orders import MOST_LINES, MOST_OF_ONE
from domain.request_ids import new_request_id
from tests.api.people import People
from tests.fakes_commerce import a_product

SOME = str(new_request_id())
QUANTITIES = ["0", "-1", "1.5", "1.0", "1e2", str(MOST_OF_ONE + 1), "9" * 30, '"1"', "true", "null", "[]", "{}", "-0"]
PRODUCTS = ["null", "1", '""', '"x"', f'"{{{SOME}}}"', f'"{SOME.replace("-", "")}"', '{"$gt":""}', '"\\u0000"']
BODIES = [
    ("{}", "/items"),
    ('{"items":[]}', "/items"),
    ('{"items":{}}', "/items"),
    ('{"items":null}', "/items"),
    ('{"items":[1]}', "/items/0"),
    ('{"items":[null]}', "/items/0"),
    ('{"items":[[]]}', "/items/0"),
    ('{"items":[{}]}', "/items/0/product_id"),
    ('{"items":[{"product_id":"x","product_id":"y","quantity":1}]}', "/items/0"),
    ("[]", ""),
    ("1", ""),
]


async def sent(client: AsyncClient, body: str, **headers: str) -> Response:
    return await client.post("/orders", content=body, headers={"Content-Type": "application/json", **headers})


def pointers(answer: Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [fault["pointer"] for fault in answer.json()["errors"]]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=range(len(QUANTITIES)))
async def test_a_quantity_that_is_no_whole_number_in_reason_is_named(
    people: People, alice: AsyncClient, quantity: str
) -> None:
    mug = a_product()
    people.products.stored[mug.id] = mug
    good = json.dumps({"product_id": SOME, "quantity": 1})
    answer = await sent(alice, f'{{"items":[{good},{{"product_id":"{mug.id}","quantity":{quantity}}}]}}')
    assert pointers(answer) == ["/items/1/quantity"]
    assert f"from 1 to {MOST_OF_ONE}" in answer.json()["detail"]
    assert people.products.stored[mug.id].stock == mug.stock


@pytest.mark.parametrize("product", PRODUCTS, ids=range(len(PRODUCTS)))
async def test_what_is_no_id_of_a_product_is_named(people: People, alice: AsyncClient, product: str) -> None:
    answer = await sent(alice, f'{{"items":[{{"product_id":{product},"quantity":1}}]}}')
    assert pointers(answer) == ["/items/0/product_id"]
    assert people.orders.stored == {}


@pytest.mark.parametrize(("body", "pointer"), BODIES, ids=range(len(BODIES)))
async def test_a_body_that_orders_nothing_is_refused(alice: AsyncClient, body: str, pointer: str) -> None:
    assert pointers(await sent(alice, body))[0] == pointer


async def test_every_fault_is_told_at_once_and_a_price_is_not_the_buyers_to_say(alice: AsyncClient) -> None:
    body: dict[str, Any] = {
        "items": [
            {"product_id": SOME, "quantity": 1, "price": {"amount": 1, "currency": "USD"}},
            {"product_id": "x", "quantity": 0},
            {"product_id": SOME, "quantity": 2},
            {"quantity": 1, "colour": "red"},
        ],
        "total": 1,
        "client": "user:bob",
    }
    answer = await alice.post("/orders", json=body)
    assert sorted(pointers(answer)) == sorted(
        [
            "/items/0/price",
            "/items/1/product_id",
            "/items/1/quantity",
            "/items/2/product_id",
            "/items/3/product_id",
            "/items/3/colour",
            "/total",
            "/client",
        ]
    )
    told = {fault["pointer"]: fault["detail"] for fault in answer.json()["errors"]}
    assert "own price holds" in told["/items/0/price"]
    assert "name each product once" in told["/items/2/product_id"]


async def test_more_lines_than_an_order_holds_are_refused_and_as_many_as_it_does_are_read(alice: AsyncClient) -> None:
    lines = [{"product_id": str(new_request_id()), "quantity": 1} for _ in range(MOST_LINES + 1)]
    assert pointers(await alice.post("/orders", json={"items": lines})) == ["/items"]
    assert (await alice.post("/orders", json={"items": lines[1:]})).status_code == 409


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [("{", "application/json", 400), ("{}", "text/plain", 415), ("", "application/json", 400)],
    ids=["no JSON", "no type", "nothing"],
)
async def test_what_is_no_json_is_refused(alice: AsyncClient, body: str, kind: str, status: int) -> None:
    assert (await sent(alice, body, **{"Content-Type": kind})).status_code == status


@pytest.mark.parametrize("key", ["", "k" * 256, "schl\u00fcssel".encode("latin-1")], ids=["empty", "long", "no ASCII"])
async def test_a_key_that_is_none_is_refused(alice: AsyncClient, key: Any) -> None:
    answer = await alice.post("/orders", json={"items": []}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/headers/Idempotency-Key")


async def test_a_query_is_refused(alice: AsyncClient) -> None:
    assert (await alice.post("/orders?dry_run=1", json={"items": []})).status_code == 422


@pytest.mark.parametrize("why", ["", " ", "x" * 201, "two\nlines", "\u202eevil", "\u0000", 1, ["x"]], ids=range(8))
async def test_a_reason_that_cannot_be_read_is_named_and_nothing_is_cancelled(
    people: People, alice: AsyncClient, why: Any
) -> None:
    mug = a_product()
    people.products.stored[mug.id] = mug
    order = (await alice.post("/orders", json={"items": [{"product_id": str(mug.id), "quantity": 1}]})).json()
    assert pointers(await alice.post(f"/orders/{order['id']}/cancel", json={"why": why})) == ["/why"]
    assert (await alice.get(f"/orders/{order['id']}")).json()["status"] == "Pending"


@pytest.mark.parametrize("body", [None, {}, {"why": None}, {"why": "ü" * 200}], ids=range(4))
async def test_a_reason_need_not_be_given(people: People, alice: AsyncClient, body: Any) -> None:
    mug = a_product()
    people.products.stored[mug.id] = mug
    order = (await alice.post("/orders", json={"items": [{"product_id": str(mug.id), "quantity": 1}]})).json()
    answer = await alice.post(f"/orders/{order['id']}/cancel", **({} if body is None else {"json": body}))
    assert (answer.status_code, answer.json()["history"][-1]["why"]) == (200, (body or {}).get("why"))
