"""Fixtures: the shop, faked and in a real MongoDB, behind the same ports."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from domain.commerce.ports import Orders, Products, RequestKeys, ShortLinks
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.products import MongoProducts
from domain.infra.commerce.request_keys import MongoRequestKeys
from domain.infra.commerce.short_links import MongoShortLinks
from domain.infra.commerce_documents import COMMERCE_DOCUMENTS
from domain.infra.mongo import Database, open_mongo, prepare_commerce
from tests.fakes_commerce import FakeProducts
from tests.fakes_notices import DESTINATIONS, FakeRequestKeys, FakeShortLinks
from tests.fakes_orders import FakeOrders
from tests.servers import kept_database


@pytest.fixture
def fake_products() -> Products:
    return FakeProducts()


@pytest.fixture
def real_products(commerce_database: Database) -> Products:
    return MongoProducts(commerce_database)


@pytest.fixture(params=["fake_products", "real_products"])
def products(request: pytest.FixtureRequest) -> Products:
    found: Products = request.getfixturevalue(request.param)
    return found


@dataclass(frozen=True)
class Shop:
    """Orders, and the products whose stock they take."""

    products: Products
    orders: Orders


@pytest.fixture
def fake_shop() -> Shop:
    products = FakeProducts()
    return Shop(products, FakeOrders(products))


@pytest.fixture
def real_shop(commerce_database: Database) -> Shop:
    return Shop(MongoProducts(commerce_database), MongoOrders(commerce_database))


@pytest.fixture(params=["fake_shop", "real_shop"])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def fake_short_links() -> ShortLinks:
    return FakeShortLinks()


@pytest.fixture
def real_short_links(commerce_database: Database) -> ShortLinks:
    return MongoShortLinks(commerce_database, DESTINATIONS)


@pytest.fixture(params=["fake_short_links", "real_short_links"])
def short_links(request: pytest.FixtureRequest) -> ShortLinks:
    found: ShortLinks = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def fake_request_keys() -> RequestKeys:
    return FakeRequestKeys()


@pytest.fixture
def real_request_keys(commerce_database: Database) -> RequestKeys:
    return MongoRequestKeys(commerce_database)


@pytest.fixture(params=["fake_request_keys", "real_request_keys"])
def request_keys(request: pytest.FixtureRequest) -> RequestKeys:
    found: RequestKeys = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def commerce_database(commerce_url: str) -> AsyncIterator[Database]:
    """Emptied after each test, and not dropped: to make its indexes anew would cost more than most tests."""
    async with open_mongo(commerce_url) as database:
        await prepare_commerce(database)
        yield database
        for document in COMMERCE_DOCUMENTS:
            await database.get_collection(document.get_collection_name()).delete_many({})


@pytest.fixture(scope="session")
def commerce_url(mongo_url: str) -> Iterator[str]:
    yield from kept_database(mongo_url, "commerce")
