"""`GET /products` and `GET /products/{id}`: the catalogue as everybody reads it."""

from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient

from domain.commerce.products import Product
from domain.money import Money
from domain.request_ids import new_request_id
from tests.api.people import People
from tests.fakes_commerce import a_product, an_image
from tests.strategies import NOON

# What no path may be read as: operators, other spellings of an id, other paths.
NO_IDS = ["1", "null", "%7B%22$ne%22:null%7D", "[$ne]", "*", "%00", "urn:uuid:{id}", "{{{id}}}", "{id}%20"]


@pytest.fixture
async def visitor(people: People) -> AsyncIterator[AsyncClient]:
    """Somebody who brings no credentials."""
    async with AsyncClient(transport=ASGITransport(people.app), base_url="http://gateway.test") as client:  # type: ignore[arg-type]
        yield client


def stock_up(people: People, *products: Product) -> None:
    people.products.stored = {product.id: product for product in products}


async def test_a_product_is_shown_to_everybody_and_nothing_of_its_maker(people: People, visitor: AsyncClient) -> None:
    image = an_image()
    of_its_maker = {"made_by": "user:root", "idempotency_key": "k", "fingerprint": "f"}
    mug = a_product(price=Money(amount=1999, currency="JPY"), images=[image], **of_its_maker)
    stock_up(people, mug)
    answer = await visitor.get(f"/products/{mug.id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(mug.id),
        "name": "Red mug",
        "description": "",
        "category": None,
        "price": {"amount": 1999, "currency": "JPY"},
        "stock": 10,
        "images": [{"id": str(image.id), "large": image.large, "small": image.small, "width": 1200, "height": 800}],
        "created_at": "2026-01-01T12:00:00Z",
        "updated_at": "2026-01-01T12:00:00Z",
        "version": 0,
    }


async def test_credentials_that_are_wrong_keep_nobody_from_reading(people: People) -> None:
    stock_up(people, a_product())
    async with people.client("nonsense") as client:
        assert (await client.get("/products")).status_code == 200


async def test_a_product_is_kept_for_a_short_time_and_known_again(people: People, visitor: AsyncClient) -> None:
    mug = a_product()
    stock_up(people, mug)
    first = await visitor.get(f"/products/{mug.id}")
    assert first.headers["cache-control"] == "public, max-age=10"
    again = await visitor.get(f"/products/{mug.id}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["cache-control"] == "public, max-age=10"


async def test_a_sale_makes_another_answer_of_it(people: People, visitor: AsyncClient) -> None:
    mug = a_product()
    stock_up(people, mug)
    tag = (await visitor.get(f"/products/{mug.id}")).headers["etag"]
    people.products.sell(mug.id)
    again = await visitor.get(f"/products/{mug.id}", headers={"If-None-Match": tag})
    assert (again.status_code, again.json()["stock"]) == (200, 9)


async def test_a_deleted_product_is_not_found_just_as_none_is(people: People, visitor: AsyncClient) -> None:
    gone = a_product(deleted_at=NOON)
    stock_up(people, gone)
    answers = [await visitor.get(f"/products/{product_id}") for product_id in (gone.id, new_request_id())]
    assert [(answer.status_code, answer.json()["detail"]) for answer in answers] == [(404, "Product not found")] * 2
    assert (await visitor.get("/products")).json()["items"] == []


@pytest.mark.parametrize("shape", NO_IDS)
async def test_what_is_no_id_names_no_product(people: People, visitor: AsyncClient, shape: str) -> None:
    mug = a_product()
    stock_up(people, mug)
    assert (await visitor.get(f"/products/{shape.replace('{id}', str(mug.id))}")).status_code == 404


async def test_pages_follow_each_other_while_products_are_added(people: People, visitor: AsyncClient) -> None:
    stock_up(people, *(a_product(name=name) for name in "abcde"))
    told: list[str] = []
    path = "/products?limit=2"
    while path:
        answer = await visitor.get(path)
        told += [product["name"] for product in answer.json()["items"]]
        await people.products.add(a_product(name="new"))
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert told == list("edcba")


async def test_words_and_category_narrow_the_list(people: People, visitor: AsyncClient) -> None:
    stock_up(
        people, a_product(category="kitchen"), a_product(name="Red chair"), a_product(name="Cup", category="kitchen")
    )

    async def listed(**query: str) -> list[str]:
        return [product["name"] for product in (await visitor.get("/products", params=query)).json()["items"]]

    assert await listed(q="red") == ["Red chair", "Red mug"]
    assert await listed(category="kitchen") == ["Cup", "Red mug"]
    assert await listed(q="RED", category="kitchen") == ["Red mug"]
    assert await listed(q="-red mug") == ["Red mug"]
    assert await listed(q="re.*") == []
    assert await listed(category="cellar") == []


async def test_a_list_is_known_again_until_something_in_it_changes(people: People, visitor: AsyncClient) -> None:
    mug = a_product()
    stock_up(people, mug)
    first = await visitor.get("/products?q=mug")
    known = {"If-None-Match": first.headers["etag"]}
    assert first.headers["cache-control"] == "public, max-age=10"
    assert (await visitor.get("/products?q=mug", headers=known)).status_code == 304
    people.products.sell(mug.id)
    assert (await visitor.get("/products?q=mug", headers=known)).status_code == 200


async def test_a_cursor_is_of_the_list_that_it_was_given_with(people: People, visitor: AsyncClient) -> None:
    stock_up(people, *(a_product(category="kitchen") for _ in range(3)))
    cursor = (await visitor.get("/products?limit=1&q=mug")).json()["next_cursor"]
    for query in ({"q": "red"}, {}, {"q": "mug", "category": "kitchen"}):
        answer = await visitor.get("/products", params={**query, "cursor": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/cursor")
    for words in ("mug", " mug ", '"mug"'):
        assert (await visitor.get("/products", params={"q": words, "cursor": cursor})).status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("q=", "/query/q"),
        ("q=%20", "/query/q"),
        ("q=-", "/query/q"),
        ("q=" + "x" * 201, "/query/q"),
        ("q=a+b+c+d+e+f+g+h+i+j+k", "/query/q"),
        ("q[$regex]=.*", "/query/q[$regex]"),
        ("q=a&q=b", "/query/q"),
        ("category=", "/query/category"),
        ("category=%00", "/query/category"),
        ("category[$ne]=x", "/query/category[$ne]"),
        ("limit=0", "/query/limit"),
        ("limit=101", "/query/limit"),
        ("cursor=", "/query/cursor"),
        ("cursor=x", "/query/cursor"),
        ("deleted=1", "/query/deleted"),
    ],
    ids=range(15),
)
async def test_a_list_is_asked_for_strictly(visitor: AsyncClient, query: str, pointer: str) -> None:
    answer = await visitor.get(f"/products?{query}")
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, [pointer])


async def test_every_fault_of_a_query_is_told_at_once(visitor: AsyncClient) -> None:
    answer = await visitor.get("/products?q=-&category=&limit=0")
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {"/query/q", "/query/category", "/query/limit"}


async def test_a_store_that_is_away_is_told(people: People, visitor: AsyncClient) -> None:
    people.products.down = True
    answers = [await visitor.get("/products"), await visitor.get(f"/products/{new_request_id()}")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("cache-control" not in answer.headers for answer in answers)
