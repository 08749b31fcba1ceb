"""
Sessions: one for each sign-in, kept alive by a refresh token that is good once.

No token is stored. Each is worked out from the session's id, its salt, its number and a key of ours, so a copy of
the database opens nothing. A session knows the number of its newest token only: an older one that is shown was copied
from somebody, and ends the session (RFC 9700, section 4.14.2). Who lost the answer to a refresh shows the one before
within `GRACE` and is given the same successor again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

GRACE = timedelta(seconds=10)
LIFETIME = timedelta(days=30)  # since it was last refreshed
LONGEST = timedelta(days=180)  # since the sign-in


class Shown(StrEnum):
    """What a refresh token of a session is, by its number."""

    NEWEST = "newest"  # rotate
    LOST_ANSWER = "lost_answer"  # give the newest again
    REUSED = "reused"  # end the session
    OVER = "over"  # the session has ended or run out: refuse


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    user: UUID
    salt: bytes
    created_at: datetime
    refreshed_at: datetime
    number: int = 1  # of the newest refresh token
    ended_at: datetime | None = None
    why_ended: str | None = None  # "logout", "revoked", "password", "email", "reuse", "lock"
    address: str = ""  # whence it was last used
    agent: str = ""  # with what, in its own words

    @property
    def expires_at(self) -> datetime:
        return min(self.refreshed_at + LIFETIME, self.created_at + LONGEST)

    def is_live(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.expires_at

    def weigh(self, number: int, now: datetime) -> Shown:
        """What to do about a genuine token of this session that has this number."""
        if not self.is_live(now):
            return Shown.OVER
        if number == self.number:
            return Shown.NEWEST
        if number == self.number - 1 and now - self.refreshed_at <= GRACE:
            return Shown.LOST_ANSWER
        return Shown.REUSED
