"""
Signing in: a name and a password become a session.

A wrong password, a name that nobody has and a locked account are one refusal, in words and in time. Who has the right
password of an account that is not confirmed is told so, and is mailed a new link.
"""

import secrets
from dataclasses import dataclass, field, replace

from domain.accounts.audit import Act
from domain.accounts.changing import altered
from domain.accounts.doers import Doer
from domain.accounts.issuing import Issued, issue
from domain.accounts.links import Purpose
from domain.accounts.mailed_links import MailedLinks
from domain.accounts.marks import Marks, marks_of_this_process
from domain.accounts.password_trials import Attempt, PasswordTrials
from domain.accounts.ports import AuditLog, Sessions, Tokens, Users, Verified
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.errors import Forbidden, TooMany, Unauthenticated
from domain.request_ids import new_request_id

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Credentials:
    """Either key is given; `agent` is what asks, in its own words."""

    password: str
    email_key: str | None = None
    username_key: str | None = None
    agent: str = ""

    @property
    def typed(self) -> str:
        return f"email:{self.email_key}" if self.username_key is None else f"username:{self.username_key}"


@dataclass(frozen=True, slots=True)
class SigningIn:
    users: Users
    sessions: Sessions
    trials: PasswordTrials
    tokens: Tokens
    mailed: MailedLinks
    audit: AuditLog
    marks: Marks = field(default_factory=marks_of_this_process)

    async def sign_in(self, shown: Credentials, doer: Doer) -> Issued:
        """Raises `TooMany`, `Unauthenticated`, `Forbidden` (code `unconfirmed`), `Unavailable`."""
        user = await self.users.find_by_name(email_key=shown.email_key, username_key=shown.username_key)
        trial = await self._try(shown, user, doer)
        if user is None or not trial.right:
            self._note_refused(shown, user, doer, "password")
            raise _refusal()
        if user.confirmed_at is None:
            self._note_refused(shown, user, doer, "unconfirmed")
            await self.mailed.send(user, Purpose.CONFIRM, doer.at)
            raise Forbidden("confirm your address first: we mailed you a new link", code="unconfirmed")
        user = await self._rehash(user, trial.rehashed, shown.password, doer)
        session = await self._begin(user, shown.agent, replace(doer, actor=user.client))
        return issue(self.tokens, user, session, doer.at)

    async def _try(self, shown: Credentials, user: User | None, doer: Doer) -> Verified:
        try:
            return await self.trials.hold(Attempt(shown.typed, shown.password, doer.address), user)
        except TooMany:
            self._note_refused(shown, user, doer, "limit")
            raise

    def _note_refused(self, shown: Credentials, user: User | None, doer: Doer, why: str) -> None:
        """What was typed as a name stands there as its mark: it may be anybody's address, or a password by mistake."""
        name = self.marks.mark(shown.typed)
        subject = "" if user is None else user.client
        self.audit.note(doer.entry(Act.SIGN_IN_REFUSED, subject, why=why, name=name))

    async def _rehash(self, user: User, rehashed: str | None, password: str, doer: Doer) -> User:
        """
        Where somebody else changes the user just now, the next sign-in does it.

        That may be themselves, who sign in twice at once: then the password is as right as it was.
        """
        if rehashed is None:
            return user
        after = altered(user, doer.at, password=rehashed)
        if await self.users.change(user, after):
            return after
        now = await self.users.find(user.id)
        if now is None or now.email_key != user.email_key:
            return user
        return now if (await self.trials.passwords.verify(password, now.password)).right else user

    async def _begin(self, user: User, agent: str, doer: Doer) -> Session:
        """
        A new session. It ends at once where the account was locked, or its password or address changed, meanwhile.

        Whoever does that ends the sessions afterwards, so one of the two sees this one.
        """
        session = Session(
            id=new_request_id(),
            user=user.id,
            salt=secrets.token_bytes(SALT_BYTES),
            created_at=doer.at,
            refreshed_at=doer.at,
            address=doer.address,
            agent=agent,
        )
        await self.audit.write(doer.entry(Act.SIGNED_IN, user.client, session=str(session.id)))
        await self.sessions.add(session)
        now = await self.users.find(user.id)
        if now is None or not now.may_sign_in or _proof(now) != _proof(user):
            await self.sessions.end(session.id, user.id, "revoked", doer.at)
            raise _refusal()
        return session


def _proof(user: User) -> tuple[str, str]:
    """What a change of which ends every session."""
    return user.password, user.email_key


def _refusal() -> Unauthenticated:
    told = "the name or the password is wrong, or was tried too often; PUT /auth/forgot-password leads to a new one"
    return Unauthenticated(told, code="sign-in-refused")
