"""
People with an account.

An address or a username is compared by its key, so that two spellings of one are one. What a user is changes by
compare-and-set on `version` only: of two changes made at once one wins, and the other is told.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.callers import Role


class PendingEmail(BaseModel):
    """An address that is asked for, and not theirs yet: it becomes so by the link in a mail to it, or not at all."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    email: str  # as it was given
    email_key: str
    expires_at: datetime  # the link's end: what is shown later is of no use any more


class User(BaseModel):
    """`password` is the hash, in PHC's string format (argon2id). It is shown to nobody, and stands in no log."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: UUID  # a UUIDv7, the page cursor too
    email: str  # as it was given
    email_key: str
    pending: PendingEmail | None = None
    username: str | None = None  # as it was given
    username_key: str | None = None
    name: str | None = None
    password: str = Field(repr=False)
    role: Role = Role.USER
    confirmed_at: datetime | None = None  # the address is theirs
    forget_at: datetime | None = None  # until it is confirmed: the address may be of somebody who never asked
    locked_at: datetime | None = None  # by an admin: nothing of theirs opens any door
    locked_by: str | None = None
    version: int = 0
    created_at: datetime
    updated_at: datetime

    @property
    def may_sign_in(self) -> bool:
        return self.confirmed_at is not None and self.locked_at is None

    @property
    def client(self) -> str:
        """What this user's jobs are filed under."""
        return f"user:{self.id}"
