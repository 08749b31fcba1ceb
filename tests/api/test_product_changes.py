"""`POST`, `PATCH` and `DELETE /products`: what admins send is read strictly, and done once, by them alone."""

from typing import Any

import pytest
from httpx import AsyncClient

from domain.accounts.audit import Act
from domain.commerce.products import MOST_STOCK, Product
from domain.money import MOST, Money
from domain.request_ids import new_request_id
from tests.api.people import People
from tests.fakes_commerce import a_product

PRICE = {"amount": 1999, "currency": "USD"}
MUG: dict[str, Any] = {"name": "Red mug", "price": PRICE}
TEXTS = {"/name", "/description", "/category"}
NO_WHOLE = ["true", "1.0", "1e2", '"1"', "-1", "null", "[]", "1.5", "9" * 5_000, "-0"]


@pytest.fixture
def mug(people: People) -> Product:
    product = a_product(description="Holds a third.", category="kitchen")
    people.products.stored[product.id] = product
    return product


async def test_a_product_is_made_shown_and_on_record(people: People, root: AsyncClient) -> None:
    sent = {**MUG, "description": "One.\r\nTwo.", "category": "kitchen", "stock": 3}
    answer = await root.post("/products", json=sent, headers={"X-Request-ID": "trace-1"})
    assert answer.status_code == 201
    (stored,) = people.products.stored.values()
    assert (stored.description, stored.stock, stored.made_by) == ("One.\nTwo.", 3, people.root.user.client)
    assert (stored.created_at, stored.updated_at, stored.version) == (people.now, people.now, 0)
    assert answer.headers["location"] == f"/products/{stored.id}"
    shown = await root.get(answer.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (answer.json(), answer.headers["etag"])
    (entry,) = people.audit.entries
    assert (entry.act, entry.subject, entry.trace_id) == (Act.PRODUCT_MADE, f"product:{stored.id}", "trace-1")


async def test_name_and_price_are_enough(people: People, root: AsyncClient) -> None:
    answer = await root.post("/products", json={"name": "Mug", "price": {"amount": 1, "currency": "jpy"}})
    shown = answer.json()
    assert (shown["stock"], shown["description"], shown["category"]) == (0, "", None)
    assert shown["price"] == {"amount": 1, "currency": "JPY"}


@pytest.mark.parametrize(
    ("sent", "pointers"),
    [
        ({}, {"/name", "/price"}),
        ({"name": "", "price": {}}, {"/name", "/price/amount", "/price/currency"}),
        ({"name": None, "price": None}, {"/name", "/price"}),
        ({"name": "Mug", "price": 1999}, {"/price"}),
        ({"name": "Mug", "price": [PRICE]}, {"/price"}),
        ({"name": "Mug", "price": {**PRICE, "tax": 1}}, {"/price/tax"}),
        ({"name": "Mug", "price": {"amount": 0, "currency": "XXX"}}, {"/price/amount", "/price/currency"}),
        ({"name": "Mug", "price": {"amount": MOST + 1, "currency": "US"}}, {"/price/amount", "/price/currency"}),
        ({"name": "Mug", "price": {"amount": 1, "currency": ["USD"]}}, {"/price/currency"}),
        ({"name": "Mug", "price": {"amount": 1, "currency": "ＵＳＤ"}}, {"/price/currency"}),
        ({**MUG, "stock": MOST_STOCK + 1}, {"/stock"}),
        ({**MUG, "name": "\u202egum"}, {"/name"}),
        ({**MUG, "name": "x" * 201, "description": "x" * 5_001, "category": "\x00"}, TEXTS),
        ({**MUG, "name": {"$gt": ""}, "category": {"$ne": None}, "description": 7}, TEXTS),
        ({**MUG, "id": str(new_request_id()), "version": 9, "images": []}, {"/id", "/version", "/images"}),
        ({**MUG, "made_by": "x", "deleted_at": None, "$set": {}}, {"/made_by", "/deleted_at", "/$set"}),
    ],
    ids=range(16),
)  # fmt: skip
async def test_every_fault_is_told_at_once(
    people: People, root: AsyncClient, sent: dict[str, Any], pointers: set[str]
) -> None:
    answer = await root.post("/products", json=sent)
    assert (answer.status_code, {fault["pointer"] for fault in answer.json()["errors"]}) == (422, pointers)
    assert (people.products.stored, people.audit.entries) == ({}, [])


@pytest.mark.parametrize("number", NO_WHOLE, ids=range(len(NO_WHOLE)))
async def test_amounts_and_stock_are_whole_numbers_as_json_spells_them(
    people: People, root: AsyncClient, number: str
) -> None:
    body = f'{{"name": "Mug", "price": {{"amount": {number}, "currency": "USD"}}, "stock": {number} }}'
    answer = await root.post("/products", content=body, headers={"Content-Type": "application/json"})
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert (answer.status_code, sorted(pointers)) == (422, ["/price/amount", "/stock"])
    assert people.products.stored == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"name": "Mug", "name": "Cup", "price": {"amount": 1, "currency": "USD"}}', 422),
        ('{"name": "Mug", "price": {"amount": 1, "amount": 2, "currency": "USD"}}', 422),
        ('{"name": "\\ud800", "price": {"amount": 1, "currency": "USD"}}', 400),
        ('{"name": "Mug", "price": {"amount": NaN, "currency": "USD"}}', 400),
        ('{"name": "Mug", "price": {"amount": 01, "currency": "USD"}}', 400),
        ('["name"]', 422),
        ("", 400),
    ],
    ids=range(7),
)
async def test_what_can_be_read_in_two_ways_is_read_in_none(
    people: People, root: AsyncClient, body: str, status: int
) -> None:
    answer = await root.post("/products", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, people.products.stored) == (status, {})


async def test_the_most_and_the_least_are_taken(root: AsyncClient) -> None:
    for amount, stock in ((1, 0), (MOST, MOST_STOCK)):
        sent = {"name": "x" * 200, "price": {"amount": amount, "currency": "USD"}, "stock": stock}
        assert (await root.post("/products", json=sent)).status_code == 201


async def test_a_repeated_key_gives_the_same_product(people: People, root: AsyncClient) -> None:
    answers = [await root.post("/products", json=MUG, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]
    assert answers[0].json() == answers[1].json()
    assert len(people.products.stored) == 1


async def test_without_a_key_each_is_a_product_of_its_own(people: People, root: AsyncClient) -> None:
    for _ in range(2):
        await root.post("/products", json=MUG)
    assert len(people.products.stored) == 2


async def test_a_key_is_its_makers_and_its_bodys(people: People, root: AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    await root.post("/products", json=MUG, headers=key)
    other = await root.post("/products", json={**MUG, "stock": 1}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    async with people.client("operator") as operator:
        assert (await operator.post("/products", json=MUG, headers=key)).status_code == 201
    assert (await root.post("/products", json=MUG, headers={"Idempotency-Key": ""})).status_code == 400


async def test_what_is_left_out_stays_and_null_removes(people: People, root: AsyncClient, mug: Product) -> None:
    answer = await root.patch(f"/products/{mug.id}", json={"price": {"amount": 5, "currency": "EUR"}, "category": None})
    assert answer.status_code == 200
    wanted = {"price": Money(amount=5, currency="EUR"), "category": None, "version": 1, "updated_at": people.now}
    assert people.products.stored[mug.id] == mug.model_copy(update=wanted)
    assert answer.json() == (await root.get(f"/products/{mug.id}")).json()
    (entry,) = people.audit.entries
    assert (entry.act, entry.detail) == (Act.PRODUCT_CHANGED, {"fields": "category, price"})


async def test_a_change_of_nothing_is_none(people: People, root: AsyncClient, mug: Product) -> None:
    for sent in ({}, {"stock": 10}, {"name": "Red mug", "category": "kitchen"}):
        answer = await root.patch(f"/products/{mug.id}", json=sent)
        assert (answer.status_code, answer.json()["version"]) == (200, 0)
    assert people.audit.entries == []


@pytest.mark.parametrize(
    ("sent", "pointers"),
    [
        ({"name": None}, {"/name"}),
        ({"price": {"amount": 1799}}, {"/price/currency"}),
        ({"price": None, "stock": None}, {"/price", "/stock"}),
        ({"stock": -1, "name": "Cup", "version": 3}, {"/stock", "/version"}),
        ({"deleted_at": None, "images": []}, {"/deleted_at", "/images"}),
    ],
    ids=range(5),
)
async def test_a_bad_change_changes_nothing(
    people: People, root: AsyncClient, mug: Product, sent: dict[str, Any], pointers: set[str]
) -> None:
    answer = await root.patch(f"/products/{mug.id}", json=sent)
    assert (answer.status_code, {fault["pointer"] for fault in answer.json()["errors"]}) == (422, pointers)
    assert people.products.stored[mug.id] == mug


@pytest.mark.parametrize("tag", ['"0-10"', '"9-9", "0-10"', "*"])
async def test_if_match_lets_the_present_state_be_changed(root: AsyncClient, mug: Product, tag: str) -> None:
    answer = await root.patch(f"/products/{mug.id}", json={"stock": 3}, headers={"If-Match": tag})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1-3"')


@pytest.mark.parametrize("tag", ['"0-9"', '"1-10"', 'W/"0-10"', "0-10", '"0-10', "x", ""])
async def test_if_match_keeps_from_changing_what_one_has_not_seen(
    people: People, root: AsyncClient, mug: Product, tag: str
) -> None:
    answer = await root.patch(f"/products/{mug.id}", json={"stock": 3}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "outdated")
    assert people.products.stored[mug.id] == mug


async def test_a_sale_is_a_change_to_who_sends_if_match(people: People, root: AsyncClient, mug: Product) -> None:
    tag = (await root.get(f"/products/{mug.id}")).headers["etag"]
    people.products.sell(mug.id)
    answer = await root.patch(f"/products/{mug.id}", json={"stock": 20}, headers={"If-Match": tag})
    assert (answer.status_code, people.products.stored[mug.id].stock) == (412, 9)


async def test_a_deleted_product_is_kept_and_found_by_nobody(people: People, root: AsyncClient, mug: Product) -> None:
    for _ in range(2):
        answer = await root.delete(f"/products/{mug.id}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert people.products.stored[mug.id].deleted_at == people.now
    assert (await root.get(f"/products/{mug.id}")).status_code == 404
    assert (await root.patch(f"/products/{mug.id}", json={"stock": 1})).status_code == 404
    assert people.audit.acts == [Act.PRODUCT_DELETED]


@pytest.mark.parametrize("product_id", ["nonsense", str(new_request_id())], ids=["no id", "unknown"])
async def test_what_never_was_is_not_found(people: People, root: AsyncClient, product_id: str) -> None:
    assert (await root.delete(f"/products/{product_id}")).status_code == 404
    assert (await root.patch(f"/products/{product_id}", json={"stock": 1})).status_code == 404
    assert people.audit.entries == []


async def test_what_is_no_query_and_no_body_of_a_route_is_refused(
    people: People, root: AsyncClient, mug: Product
) -> None:
    answers = [
        await root.post("/products?dry_run=1", json=MUG),
        await root.patch(f"/products/{mug.id}?q=1", json={"stock": 1}),
        await root.delete(f"/products/{mug.id}?force=1"),
        await root.request("DELETE", f"/products/{mug.id}", json={"why": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [422] * 4
    assert people.products.stored == {mug.id: mug}


@pytest.mark.parametrize("token", ["alice", "alice-key", "service"])
async def test_only_admins_change_what_is_sold(people: People, mug: Product, token: str) -> None:
    async with people.client(token) as client:
        answers = [
            await client.post("/products", json=MUG),
            await client.patch(f"/products/{mug.id}", json={"stock": 0}),
            await client.delete(f"/products/{mug.id}"),
        ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert (people.products.stored, people.audit.entries) == ({mug.id: mug}, [])


async def test_nothing_is_changed_while_the_record_is_away(people: People, root: AsyncClient, mug: Product) -> None:
    people.audit.down = True
    answers = [
        await root.post("/products", json=MUG),
        await root.patch(f"/products/{mug.id}", json={"stock": 0}),
        await root.delete(f"/products/{mug.id}"),
    ]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert people.products.stored == {mug.id: mug}
