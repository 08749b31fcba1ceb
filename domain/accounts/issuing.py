"""What somebody who has a session is given: an access token for some minutes, and a refresh token for the next one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.accounts.ports import Access, Tokens
from domain.accounts.sessions import Session
from domain.accounts.users import User

ACCESS_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Issued:
    """`lasts` is how long the refresh token is good, if it is not used."""

    access_token: str
    expires_in: timedelta
    refresh_token: str
    lasts: timedelta


def issue(tokens: Tokens, user: User, session: Session, now: datetime) -> Issued:
    """Tokens of the session's present number: issued twice, the refresh token is the same."""
    expires_at = min(now + ACCESS_LIFETIME, session.expires_at)
    access = Access(user.id, session.id, user.role, expires_at)
    return Issued(tokens.access(access), expires_at - now, tokens.refresh(session), session.expires_at - now)
