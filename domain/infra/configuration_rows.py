"""
Configurations in MongoDB, where the truth is.

Written to a majority, and read as a majority has it: a version that an election could still take back is given to
nobody, and no later one is made on top of it.
"""

import asyncio
from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from domain.configurations import Configuration, Version
from domain.infra.accounts.rows import Row, collection, store_faults
from domain.infra.configuration_documents import CONFIGURATIONS
from domain.infra.mongo import Database
from domain.request_ids import new_request_id


class ConfigurationRows:
    """All methods raise `Unavailable`, without what was written: PyMongo's own text quotes it."""

    def __init__(self, database: Database) -> None:
        self._rows = collection(database, CONFIGURATIONS).with_options(read_concern=ReadConcern("majority"))

    async def add(self, configuration: Configuration) -> bool:
        with store_faults():
            try:
                await self._rows.insert_one(_row(configuration))
            except DuplicateKeyError:
                return False
        return True

    async def newest(self, services: Sequence[str]) -> list[Configuration | None]:
        """Of each; one that is named often is read once."""
        wanted = sorted(set(services))
        found = dict(zip(wanted, await asyncio.gather(*map(self._newest, wanted)), strict=True))
        return [found[service] for service in services]

    async def services(self) -> Sequence[str]:
        """Those that have a configuration."""
        with store_faults():
            return sorted(await self._rows.distinct("service"))

    async def find(self, service: str, number: int) -> Configuration | None:
        with store_faults():
            row = await self._rows.find_one({"service": {"$eq": service}, "version": number})
        return None if row is None else _configuration(row)

    async def list(self, service: str, limit: int, before: int | None) -> Sequence[Version]:
        wanted: Row = {"service": {"$eq": service}}
        if before is not None:
            wanted["version"] = {"$lt": before}
        with store_faults():
            found = self._rows.find(wanted, {"text": 0}).sort("version", -1).limit(limit)
            return [_version(row) for row in await found.to_list(None)]

    async def _newest(self, service: str) -> Configuration | None:
        with store_faults():
            row = await self._rows.find_one({"service": {"$eq": service}}, sort=[("version", -1)])
        return None if row is None else _configuration(row)


def _row(configuration: Configuration) -> Row:
    about = configuration.about
    return {
        "_id": new_request_id(),
        "service": about.service,
        "version": about.number,
        "size": about.size,
        "text": configuration.text,
        "changed_at": about.changed_at,
        "changed_by": about.changed_by,
    }


def _version(row: Row) -> Version:
    return Version(row["service"], row["version"], row["size"], row["changed_at"], row["changed_by"])


def _configuration(row: Row) -> Configuration:
    return Configuration(_version(row), row["text"])
