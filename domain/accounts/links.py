"""
What a mail's link proves: that who follows it reads that address' mail. Good once, and not for long.

The link's token is its id and a signature by a key of ours. Neither the database nor the mail's job holds a token, so
that reading them opens nothing; whoever sends the mail works it out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Purpose(StrEnum):
    CONFIRM = "confirm"
    RESET = "reset"
    NEW_EMAIL = "new_email"  # proves that the address that is asked for is theirs

    @property
    def lifetime(self) -> timedelta:
        return timedelta(hours=1) if self is Purpose.RESET else timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Link:
    id: UUID
    user: UUID
    purpose: Purpose
    email_key: str  # a link that was sent to an address before it was changed proves nothing of the new one
    expires_at: datetime
