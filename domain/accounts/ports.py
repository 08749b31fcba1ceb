"""What the routes of accounts need of the outside, named for what it does. The real ones are in `domain.infra`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.accounts.api_keys import ApiKey
from domain.accounts.audit import Act, Entry
from domain.accounts.links import Link, Purpose
from domain.accounts.mails import Mail
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Role
from domain.errors import Conflict
from domain.jobs import Job
from domain.ports import Accepted


class Taken(Conflict):
    """Another user has this `field`, "email" or "username". Of an address nobody may be told so."""

    code = "taken"

    def __init__(self, field: str) -> None:
        super().__init__(f"this {field} is taken; choose another")
        self.field = field


class Users(Protocol):
    """All methods raise `Unavailable`."""

    async def add(self, user: User) -> None:
        """Raises `Taken`: of both at once, the username's."""
        ...

    async def find(self, user_id: UUID) -> User | None: ...

    async def find_by_name(self, email_key: str | None = None, username_key: str | None = None) -> User | None:
        """Who has all the names that are given; nobody where none is."""
        ...

    async def list(self, limit: int, before: UUID | None = None) -> Sequence[User]:
        """The newest first, older than `before`."""
        ...

    async def change(self, before: User, after: User) -> bool:
        """Write `after` where the user is still as `before`; False where somebody else was first. Raises `Taken`."""
        ...

    async def remove(self, user: User) -> None:
        """The user, their sessions, keys and links. Done twice it changes nothing more."""
        ...


class Sessions(Protocol):
    """All methods raise `Unavailable`."""

    async def add(self, session: Session) -> None: ...

    async def find(self, session_id: UUID) -> Session | None: ...

    async def rotate(self, session: Session, now: datetime, address: str) -> Session | None:
        """The session with its next number; None where another refresh was first, or it has ended."""
        ...

    async def end(self, session_id: UUID, user: UUID, why: str, now: datetime) -> bool:
        """End one of this user's. False where there is none that lives."""
        ...

    async def end_all(self, user: UUID, why: str, now: datetime, but: UUID | None = None) -> int: ...

    async def list_live(self, user: UUID, now: datetime) -> Sequence[Session]:
        """The newest first."""
        ...


class ApiKeys(Protocol):
    """All methods raise `Unavailable`."""

    async def add(self, key: ApiKey) -> None: ...

    async def find(self, key_id: UUID) -> ApiKey | None: ...

    async def list(self, created_by: str | None) -> Sequence[ApiKey]:
        """Those not revoked, the newest first; None: everybody's."""
        ...

    async def revoke(self, key_id: UUID, created_by: str | None, now: datetime) -> bool:
        """False where there is none of theirs, or it was revoked before."""
        ...

    async def note_used(self, key_id: UUID, now: datetime) -> None: ...


class Links(Protocol):
    """All methods raise `Unavailable`."""

    async def add(self, link: Link) -> None:
        """Those of the same user and purpose that were added before are void from now on."""
        ...

    async def take(self, link_id: UUID, purpose: Purpose, now: datetime) -> Link | None:
        """The link, once: of two who take it at the same time one gets it."""
        ...


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to list: the newest first, at most `limit`, older than `before`."""

    limit: int = 20
    before: UUID | None = None
    actor: str | None = None
    subject: str | None = None
    act: Act | None = None


class AuditLog(Protocol):
    async def write(self, entry: Entry) -> None:
        """Durable when it returns. Raises `Unavailable`: what has to be on record must not happen unrecorded."""
        ...

    def note(self, entry: Entry) -> None:
        """Soon, behind the answer's back: for what is not worth refusing a request."""
        ...

    async def list(self, which: AuditFilter) -> Sequence[Entry]:
        """Raises `Unavailable`."""
        ...


class KeptOfUser(Protocol):
    """What a store keeps of a user, by `User.client`, besides their account."""

    async def forget(self, client: str, now: datetime) -> int:
        """
        Remove what nobody needs once they have left; what needs time is marked by then.

        Answers how much this call did: done twice it does nothing more, but for what came meanwhile. Raises
        `Unavailable`.
        """
        ...


class JobsOfUser(KeptOfUser, Protocol):
    """A user's jobs, by `User.client`. Both raise `Unavailable`."""

    async def forget(self, client: str, now: datetime) -> int:
        """
        Have payload, result and the vendor's words of all their jobs removed with the next sweep.

        Nothing is cancelled: a live job runs to its end, and loses them then. Answers how many jobs were marked
        by this call; done twice it changes nothing more, but for jobs that were submitted meanwhile.
        """
        ...

    def export(self, client: str) -> AsyncIterator[Job]:
        """All of them, the oldest first; a few at a time are in memory."""
        ...


@dataclass(frozen=True, slots=True)
class Verified:
    """`rehashed`: the password was right, and its hash is of former parameters: store this one."""

    right: bool
    rehashed: str | None = None


class Passwords(Protocol):
    """Slow on purpose, and so done by few at a time. Both raise `Unavailable` when too many wait already."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, hashed: str | None) -> Verified:
        """Takes the same time where there is no user (None)."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says."""

    user: UUID
    session: UUID
    role: Role
    expires_at: datetime


class Tokens(Protocol):
    """Everything that is signed by keys of ours, which may be rotated."""

    def access(self, access: Access) -> str:
        """A JWT (RFC 7519), typed `at+jwt` (RFC 9068)."""
        ...

    def read_access(self, token: str, now: datetime) -> Access | None:
        """None for whatever is not a token of ours that is good now."""
        ...

    def refresh(self, session: Session) -> str:
        """The refresh token of the session's present number: the same one each time."""
        ...

    def read_refresh(self, token: str) -> tuple[UUID, int] | None:
        """The session and number that it says, not verified yet: see `is_of`."""
        ...

    def is_of(self, token: str, session: Session) -> bool:
        """Whether it is genuine, of this session. In constant time."""
        ...

    def link(self, link_id: UUID, purpose: Purpose) -> str: ...

    def read_link(self, token: str, purpose: Purpose) -> UUID | None:
        """The id of a genuine link of this purpose."""
        ...


class SignInLimit(Protocol):
    """
    How often a password may be tried: by account and by address, over the whole fleet.

    Only failures count, and one is counted in advance, so that many who try at once get no further than one after the
    other: whoever may try says how it ended. Never raises: while Redis is away each process counts for itself.
    """

    async def wait(self, account: str, address: str) -> timedelta | None:
        """How long nobody may try this account, or this address any; None: try. `account` may name nobody."""
        ...

    async def failed(self, account: str, address: str) -> None:
        """What was counted in advance stands."""
        ...

    async def succeeded(self, account: str, address: str) -> None:
        """Forget the account's failures; those of the address stay, but for the one counted in advance."""
        ...

    async def let_go(self, account: str, address: str) -> None:
        """Neither: the password could not be looked at. Takes back what was counted in advance."""
        ...


class Post(Protocol):
    async def send(self, mail: Mail, key: str) -> Accepted:
        """Store a job that sends it, once for each `key`: answers it, or the one before. Raises `Unavailable`."""
        ...
