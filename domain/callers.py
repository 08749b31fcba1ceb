"""Who is asking: every route is given a `Caller`, and every query is filtered by it."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    USER = "user"
    SERVICE = "service"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of ours: `client` owns what it submits, `role` says what else it may see."""

    client: str
    role: Role

    @property
    def owner(self) -> str | None:
        """The client whose objects this caller may see; None for an admin, who sees everybody's."""
        return None if self.role is Role.ADMIN else self.client


ANONYMOUS = Caller(client="anonymous", role=Role.USER)
