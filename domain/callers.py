"""Who is asking: every route is given a `Caller`, and every query is filtered by it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Role(StrEnum):
    USER = "user"
    SERVICE = "service"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """
    A client of ours: `client` owns what it submits, `role` says what else it may see.

    By what it came in: a `session` of a `user`, or a `key`, which may be narrowed to `scopes` (None: it is not) and may
    have a `rate` of its own, in the notation of `limits`.
    """

    client: str
    role: Role
    user: UUID | None = None
    session: UUID | None = None
    key: UUID | None = None
    scopes: frozenset[str] | None = None
    rate: str | None = None

    @property
    def owner(self) -> str | None:
        """The client whose objects this caller may see; None for an admin, who sees everybody's."""
        return None if self.role is Role.ADMIN else self.client


# By which the gateway itself acts, or is spoken of in the record: no user, service or key is given such a name.
OWN_NAMES = frozenset({"admin", "anonymous", "bootstrap", "gateway", "operator", "system"})

# A service's keys are named after it; it owns what any of them submits, and reads the configuration of its name.
SERVICE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

ANONYMOUS = Caller(client="anonymous", role=Role.USER)


def service_client(name: str) -> str:
    """The client that all keys of a service come in as."""
    return f"service:{name}"


class CallerDirectory(Protocol):
    async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
        """
        Who holds this token, shown from this address, or None.

        `begun` is when a request was let in that goes on since: its token may have run out, and not what is behind it.

        Raises `Unavailable` where a store must be asked and is away, and `TooMany` for an address that shows ever new
        keys that nobody has.

        Takes the same time for every wrong one that nobody can have been given.
        """
        ...
