"""
One fake per port of `domain.accounts.ports`: in memory, at once, with the port's own promises.

Each that may be away has `down`: set, it raises `Unavailable`.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from api.ports import AccountPorts
from domain.accounts.api_keys import ApiKey
from domain.accounts.audit import Act, Entry
from domain.accounts.links import Link, Purpose
from domain.accounts.mails import Mail
from domain.accounts.ports import Access, AuditFilter, Taken, Verified
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Role
from domain.errors import Unavailable
from domain.infra.post import mail_job
from domain.jobs import Job
from domain.ports import Accepted
from tests.outages import MayBeDown
from tests.strategies import NOON

A_MINUTE = timedelta(minutes=1)


class FakeSessions(MayBeDown):
    """A `Sessions` over one dictionary."""

    def __init__(self, *sessions: Session) -> None:
        super().__init__()
        self.stored = {session.id: session for session in sessions}

    async def add(self, session: Session) -> None:
        self._answer()
        self.stored[session.id] = session

    async def find(self, session_id: UUID) -> Session | None:
        self._answer()
        return self.stored.get(session_id)

    async def rotate(self, session: Session, now: datetime, address: str) -> Session | None:
        self._answer()
        stored = self.stored.get(session.id)
        if stored is None or stored.number != session.number or not stored.is_live(now):
            return None
        self.stored[session.id] = replace(stored, number=stored.number + 1, refreshed_at=now, address=address)
        return self.stored[session.id]

    async def end(self, session_id: UUID, user: UUID, why: str, now: datetime) -> bool:
        self._answer()
        return any(self._end(session, why, now) for session in self._live(user, now) if session.id == session_id)

    async def end_all(self, user: UUID, why: str, now: datetime, but: UUID | None = None) -> int:
        self._answer()
        return sum(self._end(session, why, now) for session in self._live(user, now) if session.id != but)

    async def list_live(self, user: UUID, now: datetime) -> Sequence[Session]:
        self._answer()
        return sorted(self._live(user, now), key=lambda session: session.id, reverse=True)

    def _live(self, user: UUID, now: datetime) -> list[Session]:
        return [session for session in self.stored.values() if session.user == user and session.is_live(now)]

    def _end(self, session: Session, why: str, now: datetime) -> bool:
        self.stored[session.id] = replace(session, ended_at=now, why_ended=why)
        return True


class FakeApiKeys(MayBeDown):
    """An `ApiKeys` over one dictionary."""

    def __init__(self, *keys: ApiKey) -> None:
        super().__init__()
        self.stored = {key.id: key for key in keys}

    async def add(self, key: ApiKey) -> None:
        self._answer()
        self.stored[key.id] = key

    async def find(self, key_id: UUID) -> ApiKey | None:
        self._answer()
        return self.stored.get(key_id)

    async def list(self, created_by: str | None) -> Sequence[ApiKey]:
        self._answer()
        theirs = [key for key in self.stored.values() if created_by in (None, key.created_by)]
        return sorted((key for key in theirs if key.revoked_at is None), key=lambda key: key.id, reverse=True)

    async def revoke(self, key_id: UUID, created_by: str | None, now: datetime) -> bool:
        self._answer()
        key = self.stored.get(key_id)
        if key is None or key.revoked_at is not None or created_by not in (None, key.created_by):
            return False
        self.stored[key_id] = replace(key, revoked_at=now)
        return True

    async def note_used(self, key_id: UUID, now: datetime) -> None:
        self._answer()
        key = self.stored.get(key_id)
        if key is not None and (key.used_at is None or key.used_at <= now - A_MINUTE):
            self.stored[key_id] = replace(key, used_at=now)


class FakeLinks(MayBeDown):
    """A `Links` over one dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[UUID, Link] = {}

    async def add(self, link: Link) -> None:
        self._answer()
        others = [(known.user, known.purpose) != (link.user, link.purpose) for known in self.stored.values()]
        self.stored = {known.id: known for known, other in zip(self.stored.values(), others, strict=True) if other}
        self.stored[link.id] = link

    async def take(self, link_id: UUID, purpose: Purpose, now: datetime) -> Link | None:
        self._answer()
        link = self.stored.get(link_id)
        if link is None or link.purpose is not purpose or link.expires_at <= now:
            return None
        return self.stored.pop(link_id)


class FakeUsers(MayBeDown):
    """A `Users` over one dictionary. `remove` reaches the other stores that it was given."""

    def __init__(
        self,
        *users: User,
        sessions: FakeSessions | None = None,
        keys: FakeApiKeys | None = None,
        links: FakeLinks | None = None,
    ) -> None:
        super().__init__()
        self.stored = {user.id: user for user in users}
        self._sessions = sessions or FakeSessions()
        self._keys = keys or FakeApiKeys()
        self._links = links or FakeLinks()

    async def add(self, user: User) -> None:
        self._answer()
        self._refuse_taken(user)
        self.stored[user.id] = user

    async def find(self, user_id: UUID) -> User | None:
        self._answer()
        return self.stored.get(user_id)

    async def find_by_name(self, email_key: str | None = None, username_key: str | None = None) -> User | None:
        self._answer()
        if email_key is None and username_key is None:
            return None
        found = (
            user
            for user in self.stored.values()
            if email_key in (None, user.email_key) and username_key in (None, user.username_key)
        )
        return next(found, None)

    async def list(self, limit: int, before: UUID | None = None) -> Sequence[User]:
        self._answer()
        newest_first = sorted(self.stored.values(), key=lambda user: user.id, reverse=True)
        return [user for user in newest_first if before is None or user.id < before][:limit]

    async def change(self, before: User, after: User) -> bool:
        self._answer()
        if (after.id, after.version) != (before.id, before.version + 1):
            raise ValueError("a change is of one user, and to the next version")
        stored = self.stored.get(before.id)
        if stored is None or stored.version != before.version:
            return False
        self._refuse_taken(after)
        self.stored[after.id] = after
        return True

    async def remove(self, user: User) -> None:
        self._answer()
        self.stored.pop(user.id, None)
        self._sessions.stored = {of.id: of for of in self._sessions.stored.values() if of.user != user.id}
        self._keys.stored = {of.id: of for of in self._keys.stored.values() if of.user != user.id}
        self._links.stored = {of.id: of for of in self._links.stored.values() if of.user != user.id}

    def _refuse_taken(self, user: User) -> None:
        others = [other for other in self.stored.values() if other.id != user.id]
        if user.username_key is not None and any(other.username_key == user.username_key for other in others):
            raise Taken("username")
        if any(other.email_key == user.email_key for other in others):
            raise Taken("email")


class FakeAuditLog(MayBeDown):
    """An `AuditLog` over one list; what is noted is there at once, unless the log is down."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    @property
    def acts(self) -> list[Act]:
        """What was recorded, in its order."""
        return [entry.act for entry in self.entries]

    async def write(self, entry: Entry) -> None:
        self._answer()
        self.entries.append(entry)

    def note(self, entry: Entry) -> None:
        if not self.down:
            self.entries.append(entry)

    async def list(self, which: AuditFilter) -> Sequence[Entry]:
        self._answer()
        newest_first = sorted(self.entries, key=lambda entry: entry.id, reverse=True)
        return [entry for entry in newest_first if _is_wanted(entry, which)][: which.limit]


class FakePasswords:
    """
    A `Passwords` that costs nothing: the hash of `secret` is `hash:secret`, and `old:secret` one of former parameters.

    `verified` are the hashes that were compared with, None where there was no user.
    """

    def __init__(self) -> None:
        self.hashed: list[str] = []
        self.verified: list[str | None] = []
        self.busy = False

    async def hash(self, password: str) -> str:
        self._answer()
        self.hashed.append(password)
        return f"hash:{password}"

    async def verify(self, password: str, hashed: str | None) -> Verified:
        self._answer()
        self.verified.append(hashed)
        if hashed == f"old:{password}":
            return Verified(right=True, rehashed=f"hash:{password}")
        return Verified(right=hashed == f"hash:{password}")

    def _answer(self) -> None:
        if self.busy:
            raise Unavailable("too many passwords are being looked at; come back in a second")


class FakeTokens:
    """
    A `Tokens` whose tokens can be read and forged by tests: fields, separated by `~`.

    `access~user~session~role~expiry`, `refresh~session~number~salt`, `link~purpose~id`.
    """

    def access(self, access: Access) -> str:
        expiry = access.expires_at.isoformat()
        return f"access~{access.user}~{access.session}~{access.role}~{expiry}"

    def read_access(self, token: str, now: datetime) -> Access | None:
        try:
            kind, user, session, role, expiry = token.split("~")
            access = Access(UUID(user), UUID(session), Role(role), datetime.fromisoformat(expiry))
        except ValueError:
            return None
        return access if kind == "access" and now < access.expires_at else None

    def refresh(self, session: Session) -> str:
        return _refresh_token(session, session.number)

    def read_refresh(self, token: str) -> tuple[UUID, int] | None:
        try:
            kind, session, number, _ = token.split("~")
            return (UUID(session), int(number)) if kind == "refresh" else None
        except ValueError:
            return None

    def is_of(self, token: str, session: Session) -> bool:
        said = self.read_refresh(token)
        return said is not None and token == _refresh_token(session, said[1])

    def link(self, link_id: UUID, purpose: Purpose) -> str:
        return f"link~{purpose}~{link_id}"

    def read_link(self, token: str, purpose: Purpose) -> UUID | None:
        try:
            kind, says, link_id = token.split("~")
            return UUID(link_id) if (kind, says) == ("link", purpose) else None
        except ValueError:
            return None


class FakePost(MayBeDown):
    """A `Post` that keeps the mails, one for each key."""

    def __init__(self) -> None:
        super().__init__()
        self.by_key: dict[str, Mail] = {}
        self.jobs: dict[str, Job] = {}

    async def send(self, mail: Mail, key: str) -> Accepted:
        self._answer()
        replayed = key in self.by_key
        self.by_key.setdefault(key, mail)
        return Accepted(self.jobs.setdefault(key, mail_job(mail, key, NOON)), replayed=replayed)

    @property
    def mails(self) -> list[Mail]:
        return list(self.by_key.values())


class FakeSignInLimit:
    """A `SignInLimit` without a clock: 5 failures of an account, or 20 of an address, and nobody may for 15 min."""

    def __init__(self) -> None:
        self.accounts: Counter[str] = Counter()
        self.addresses: Counter[str] = Counter()

    async def wait(self, account: str, address: str) -> timedelta | None:
        if self.accounts[account] >= 5 or self.addresses[address] >= 20:
            return timedelta(minutes=15)
        self.accounts[account] += 1
        self.addresses[address] += 1
        return None

    async def failed(self, account: str, address: str) -> None:
        pass

    async def succeeded(self, account: str, address: str) -> None:
        del self.accounts[account]
        self.addresses[address] -= 1

    async def let_go(self, account: str, address: str) -> None:
        self.accounts[account] -= 1
        self.addresses[address] -= 1


class FakeJobsOfUser(MayBeDown):
    """A `JobsOfUser` of given jobs; `forgotten` are the clients whose jobs were to be forgotten."""

    def __init__(self, *jobs: Job) -> None:
        super().__init__()
        self.stored = {job.id: job for job in jobs}
        self.forgotten: list[str] = []

    async def forget(self, client: str, now: datetime) -> int:
        self._answer()
        self.forgotten.append(client)
        marked = [job for job in self.stored.values() if job.client == client and _is_to_be_redacted(job, now)]
        self.stored |= {job.id: job.model_copy(update={"redact_at": now}) for job in marked}
        return len(marked)

    async def export(self, client: str) -> AsyncIterator[Job]:
        self._answer()
        for job in sorted(self.stored.values(), key=lambda job: job.id):
            if job.client == client and not job.deleted:
                yield job


def _refresh_token(session: Session, number: int) -> str:
    return f"refresh~{session.id}~{number}~{session.salt.hex()}"


def _is_wanted(entry: Entry, which: AuditFilter) -> bool:
    return (
        (which.before is None or entry.id < which.before)
        and which.actor in (None, entry.actor)
        and which.subject in (None, entry.subject)
        and which.act in (None, entry.act)
    )


def _is_to_be_redacted(job: Job, now: datetime) -> bool:
    marked = job.redact_at is not None and job.redact_at <= now
    return not (job.deleted or marked or job.redacted_at is not None)


def fake_accounts(**parts: Any) -> AccountPorts:
    """Fakes of all that the routes of accounts need, but for `parts`."""
    fakes: dict[str, Any] = {
        "users": FakeUsers(),
        "sessions": FakeSessions(),
        "keys": FakeApiKeys(),
        "links": FakeLinks(),
        "audit": FakeAuditLog(),
        "passwords": FakePasswords(),
        "tokens": FakeTokens(),
        "post": FakePost(),
        "sign_ins": FakeSignInLimit(),
        "user_jobs": FakeJobsOfUser(),
    }
    return AccountPorts(**{**fakes, **parts})
