"""
MongoDB, where the truth is: connected with the guarantees that every write relies on.

Writes wait for a majority and for the journal (the default of a majority write), reads go
to the primary. PyMongo's own asyncio client: Motor was folded into it, and Beanie 2 refuses Motor.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from beanie import init_beanie
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError as MongoConfigurationError
from pymongo.errors import InvalidName, InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern

from domain.errors import ConfigurationError, Unavailable
from domain.infra.account_documents import ACCOUNT_DOCUMENTS
from domain.infra.commerce_documents import COMMERCE_DOCUMENTS
from domain.infra.configuration_documents import CONFIGURATION_DOCUMENTS
from domain.infra.documents import DOCUMENTS
from domain.infra.payment_documents import PAYMENT_DOCUMENTS

Database = AsyncDatabase[dict[str, Any]]

SELECTION_MS = 3_000  # how long to look for a primary: an election takes 1.7 s, a client should not wait for ever
OPERATION_MS = 5_000  # a frozen server ends an operation by then, as a frozen Redis does
POOL = 32  # group commit keeps far fewer busy; PyMongo's pool is unfair once there are waiters
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict, tz_aware=True, tzinfo=UTC, uuid_representation=UuidRepresentation.STANDARD
)


@asynccontextmanager
async def open_mongo(url: str) -> AsyncIterator[Database]:
    """The database that `url` names (`gateway` where it names none). Raises `ConfigurationError` for a bad URL."""
    try:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=SELECTION_MS,
            timeoutMS=OPERATION_MS,
            maxPoolSize=POOL,
            retryWrites=True,
            appname="gateway",
        )
    except (
        InvalidURI,
        MongoConfigurationError,
        InvalidName,
        ValueError,
    ):  # whose text may hold a piece of the password
        raise ConfigurationError(
            "GATEWAY_MONGO_URL: cannot be read as a URL; write mongodb://user:password@host:port/name?replicaSet=…, "
            "with special characters of the password escaped (%2F for /)"
        ) from None
    async with client:
        yield client.get_default_database("gateway").with_options(
            codec_options=CODEC,
            read_preference=ReadPreference.PRIMARY,
            write_concern=WriteConcern(w="majority"),
            read_concern=ReadConcern("local"),
        )


async def check_mongo(database: Database) -> None:
    """Refuse, with the remedy, a MongoDB that cannot be reached or is no replica set (no majority, no transactions)."""
    try:
        with pymongo.timeout(SELECTION_MS / 1000):
            hello = await database.client.admin.command("hello")
    except PyMongoError as fault:
        raise ConfigurationError(
            f"GATEWAY_MONGO_URL: MongoDB does not answer ({_short(fault)}); start it, or correct the URL"
        ) from None
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise ConfigurationError(
            "GATEWAY_MONGO_URL: this MongoDB is no replica set, so it can promise no majority write; "
            "start mongod with --replSet rs0, run rs.initiate() once, and add ?replicaSet=rs0 to the URL"
        )


async def prepare_mongo(database: Database) -> None:
    """Bind the models to the database and make the indexes that are missing."""
    await init_beanie(database=database, document_models=list(DOCUMENTS))


async def prepare_accounts(database: Database) -> None:
    """The same for the collections of accounts."""
    await init_beanie(database=database, document_models=list(ACCOUNT_DOCUMENTS))


async def prepare_commerce(database: Database) -> None:
    """And for those of the shop."""
    await init_beanie(database=database, document_models=list(COMMERCE_DOCUMENTS))


async def prepare_payments(database: Database) -> None:
    """And for payments."""
    await init_beanie(database=database, document_models=list(PAYMENT_DOCUMENTS))


async def prepare_configurations(database: Database) -> None:
    """And for the services' configurations."""
    await init_beanie(database=database, document_models=list(CONFIGURATION_DOCUMENTS))


async def mongo_clock_ahead(database: Database) -> timedelta:
    """How far MongoDB's clock is ahead of ours."""
    hello = await database.client.admin.command("hello")
    ahead: timedelta = hello["localTime"] - datetime.now(UTC).replace(tzinfo=hello["localTime"].tzinfo)
    return ahead


class MongoHealth:
    """A `HealthCheck`."""

    name = "db"

    def __init__(self, database: Database) -> None:
        self._admin = database.client.admin

    async def check(self) -> None:
        try:
            await self._admin.command("ping", maxTimeMS=2_000)
        except PyMongoError as fault:  # anybody may ask: the fault's text names inner addresses
            raise Unavailable(f"MongoDB does not answer ({type(fault).__name__})") from None


def _short(fault: Exception) -> str:
    """The first sentence of PyMongo's message, which goes on with a description of the whole topology."""
    return str(fault).split(", Timeout:")[0].split(" (configured timeouts")[0]
