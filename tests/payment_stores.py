"""Fixtures: payments, faked and in a real MongoDB, behind the same port."""

import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from pymongo import MongoClient

from domain.infra.mongo import Database, open_mongo, prepare_payments
from domain.infra.payment_documents import PAYMENT_DOCUMENTS
from domain.infra.payments.payments import MongoPaymentStore
from domain.payments.ports import PaymentStore
from tests.fakes_payments import FakePaymentStore


@pytest.fixture
def fake_payments() -> PaymentStore:
    return FakePaymentStore()


@pytest.fixture
def real_payments(payments_database: Database) -> PaymentStore:
    return MongoPaymentStore(payments_database)


@pytest.fixture(params=["fake_payments", "real_payments"])
def payments(request: pytest.FixtureRequest) -> PaymentStore:
    found: PaymentStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def payments_database(payments_url: str) -> AsyncIterator[Database]:
    """Emptied after each test, and not dropped: to make its indexes anew would cost more than most tests."""
    async with open_mongo(payments_url) as database:
        await prepare_payments(database)
        yield database
        for document in PAYMENT_DOCUMENTS:
            await database.get_collection(document.get_collection_name()).delete_many({})


@pytest.fixture(scope="session")
def payments_url(mongo_url: str) -> Iterator[str]:
    name = f"payments_{os.getpid()}"
    yield urlunsplit(urlsplit(mongo_url)._replace(path=f"/{name}"))
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(name)
