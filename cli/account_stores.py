"""The accounts, for a command that works on MongoDB itself: no other process needs to run for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cli.addresses import with_servers
from cli.settings import Settings
from domain.accounts.ports import AuditLog, Users
from domain.errors import ConfigurationError
from domain.infra.accounts.audit import open_audit_log
from domain.infra.accounts.users import MongoUsers
from domain.infra.mongo import check_mongo, open_mongo, prepare_accounts


@dataclass(frozen=True, slots=True)
class AccountStores:
    users: Users
    audit: AuditLog


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[AccountStores]:
    """Raises `ConfigurationError`, with the remedy, where MongoDB is not to be found or is none that we can use."""
    url = with_servers(settings, "mongo_url").mongo_url
    if url is None:
        raise ConfigurationError("GATEWAY_MONGO_URL: set it to a replica set of your own")
    async with open_mongo(url.get_secret_value()) as database:
        await check_mongo(database)
        await prepare_accounts(database)
        async with open_audit_log(database) as audit:
            yield AccountStores(MongoUsers(database), audit)
