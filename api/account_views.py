"""People, sessions, keys and entries of the record as they are shown: never a password, a digest, a salt or a key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from domain.accounts.api_keys import ApiKey, Scope
from domain.accounts.audit import Act, Entry
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Role

Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


class UserView(msgspec.Struct, frozen=True):
    """A person with an account."""

    id: Id
    email: str
    pending_email: Annotated[str | None, Meta(description="Asked for, and not theirs unless its link is followed.")]
    pending_email_until: Annotated[datetime | None, Meta(description="When that link runs out.")]
    username: str | None
    name: str | None
    role: Role
    confirmed_at: Annotated[datetime | None, Meta(description="When the address was found to be theirs.")]
    locked_at: Annotated[datetime | None, Meta(description="Locked by an admin: nothing of theirs opens any door.")]
    created_at: datetime
    updated_at: datetime
    version: Annotated[int, Meta(description="Grows with every change; `ETag` holds it.")]


class UserList(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[UserView]
    next_cursor: str | None


class SessionView(msgspec.Struct, frozen=True):
    """One sign-in that lives."""

    id: Id
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    address: Annotated[str, Meta(description="Whence it was last used.")]
    agent: Annotated[str, Meta(description="With what, in its own words.")]
    current: Annotated[bool, Meta(description="The one that asks.")]


class SessionList(msgspec.Struct, frozen=True):
    """The newest first, all on one page."""

    items: list[SessionView]
    next_cursor: None


class ApiKeyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A machine's key. `key` itself is told once, by the answer that made it."""

    id: Id
    name: str
    client: Annotated[str, Meta(description="Who owns what is submitted with it.")]
    role: Role
    scopes: Annotated[
        list[Scope] | None, Meta(description="What it is narrowed to; null: to nothing less than its role.")
    ]
    rate: Annotated[str | None, Meta(description="Its own rate; null: the usual one of a client.")]
    created_at: datetime
    created_by: Annotated[str, Meta(description="The client that made it.")]
    expires_at: datetime | None
    used_at: Annotated[datetime | None, Meta(description="When it was last used, to the minute.")]
    key: (
        Annotated[str, Meta(description="Send it as `Authorization: Bearer …`. It is shown this once.")] | UnsetType
    ) = UNSET


class ApiKeyList(msgspec.Struct, frozen=True):
    """Those not revoked, the newest first, all on one page."""

    items: list[ApiKeyView]
    next_cursor: None


class EntryView(msgspec.Struct, frozen=True):
    """One act: who did what to what, whence and when."""

    id: Id
    at: datetime
    act: Act
    actor: Annotated[str, Meta(description="A client; empty for nobody known.")]
    subject: Annotated[str, Meta(description="What it was done to.")]
    address: str
    trace_id: Annotated[str, Meta(description="`X-Request-ID` of the request that did it.")]
    detail: Mapping[str, str]


class AuditPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[EntryView]
    next_cursor: str | None


def user_view(user: User) -> UserView:
    return UserView(
        id=str(user.id),
        email=user.email,
        pending_email=None if user.pending is None else user.pending.email,
        pending_email_until=None if user.pending is None else user.pending.expires_at,
        username=user.username,
        name=user.name,
        role=user.role,
        confirmed_at=user.confirmed_at,
        locked_at=user.locked_at,
        created_at=user.created_at,
        updated_at=user.updated_at,
        version=user.version,
    )


def session_view(session: Session, current: UUID | None) -> SessionView:
    return SessionView(
        id=str(session.id),
        created_at=session.created_at,
        refreshed_at=session.refreshed_at,
        expires_at=session.expires_at,
        address=session.address,
        agent=session.agent,
        current=session.id == current,
    )


def api_key_view(key: ApiKey, text: str | UnsetType = UNSET) -> ApiKeyView:
    """`text` is the key itself, where it was made just now."""
    return ApiKeyView(
        id=str(key.id),
        name=key.name,
        client=key.client,
        role=key.role,
        scopes=None if key.scopes is None else sorted(key.scopes),
        rate=key.rate,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        used_at=key.used_at,
        key=text,
    )


def entry_view(entry: Entry) -> EntryView:
    return EntryView(
        id=str(entry.id),
        at=entry.at,
        act=entry.act,
        actor=entry.actor,
        subject=entry.subject,
        address=entry.address,
        trace_id=entry.trace_id,
        detail=entry.detail,
    )
