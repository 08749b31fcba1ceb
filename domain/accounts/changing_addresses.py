"""
Another address: asked for with the password, and theirs when they follow the link in a mail to it.

Whether the address is somebody's already shows nowhere: it stands in the profile as pending either way, and what
differs, a link or a word to its owner, is done behind the answer's back. The present address is told before any link is
on its way, and once more when it has gone; no session outlives it. Keys stay: nobody signs in by them.

Sources: OWASP ASVS 5.0, 6.3.7 (tell of changed authentication details) and 7.5.1 (authenticate anew before it).
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid5

from domain.accounts.audit import Act
from domain.accounts.changing import altered, change_user
from domain.accounts.doers import Doer
from domain.accounts.links import Purpose
from domain.accounts.mailed_links import MailedLinks, Proven, VoidLink, is_made_of
from domain.accounts.mails import Mail, Template
from domain.accounts.names import Name
from domain.accounts.password_trials import Attempt, PasswordTrials
from domain.accounts.ports import AuditLog, Post, Sessions, Taken, Users
from domain.accounts.users import PendingEmail, User
from domain.errors import Conflict, FieldError, Forbidden, Invalid, TooMany, Unavailable


@dataclass(frozen=True, slots=True)
class NewAddress:
    email: Name
    password: str = field(repr=False)  # the present one


@dataclass(frozen=True, slots=True)
class Moved:
    """The user under the new address, and what the address was."""

    user: User
    former: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangingAddresses:
    users: Users
    sessions: Sessions
    mailed: MailedLinks
    post: Post
    trials: PasswordTrials
    audit: AuditLog

    async def begin(self, user: User, wanted: NewAddress, doer: Doer) -> PendingEmail:
        """
        What is to stand in the profile, in place of an earlier wish, for who shows the password.

        Raises `Invalid` for the address that they have, `Forbidden` (`wrong-password`), `TooMany`, `Unavailable`.
        """
        if wanted.email.key == user.email_key:
            raise _refusal(Invalid, "/email", "is your address already; send another one")
        trial = await self.trials.hold(Attempt(f"address:{user.id}", wanted.password, doer.address), user)
        if not trial.right:
            self.audit.note(doer.entry(Act.SIGN_IN_REFUSED, user.client, to="email"))
            detail = "is wrong, or was tried too often; send the one that you sign in with"
            raise _refusal(Forbidden, "/current_password", detail, code="wrong-password")
        await self._count(user)
        await self.audit.write(doer.entry(Act.EMAIL_ASKED, user.client))
        shown, key = wanted.email
        return PendingEmail(email=shown, email_key=key, expires_at=doer.at + Purpose.NEW_EMAIL.lifetime)

    async def tell_of_wish(self, user: User) -> None:
        """Mail the present address, once for each wish. Raises `Unavailable`: then no link leaves either."""
        mail = Mail(to=user.email, template=Template.EMAIL_ASKED)
        await self.post.send(mail, key=f"email_asked:{user.id}:{user.version}")

    async def follow_up(self, asked: User, doer: Doer) -> None:
        """Mail the link or, to an address that has an account, once a day at most, that somebody wanted it."""
        user = await self.users.find(asked.id)
        if user is None or user.pending is None or user.pending != asked.pending:
            return  # another wish has taken its place
        known = await self.users.find_by_name(email_key=user.pending.email_key)
        if known is None:
            await self.mailed.send(user, Purpose.NEW_EMAIL, doer.at)
            return
        mail = Mail(to=known.email, template=Template.EMAIL_TAKEN)
        day = doer.at.date().isoformat()
        await self.post.send(mail, key=f"email_taken:{uuid5(known.id, known.email)}:{day}")

    def is_asked_by(self, token: str) -> bool:
        """Whether this is the token of such a link, good or not."""
        return self.mailed.is_genuine(token, Purpose.NEW_EMAIL)

    async def confirm(self, token: str, doer: Doer) -> Moved:
        """
        The address is theirs, once for each link, and every session ends.

        Where another account has it by now, that is told: who reads its mail may know. Raises `VoidLink`, `Conflict`
        (`taken`), `Unavailable`.
        """
        proven = await self.mailed.take(token, Purpose.NEW_EMAIL, doer.at)
        theirs = replace(doer, actor=proven.user.client)
        try:
            return Moved(await self._move(proven, theirs), proven.user.email)
        except Taken:
            self.audit.note(theirs.entry(Act.EMAIL_REFUSED, proven.user.client))
            await self._drop_wish(proven, doer.at)
            told = "another account has this address by now; sign in to that one, or ask for yet another address"
            raise Conflict(told, code="taken") from None
        except (Conflict, Unavailable):
            await self.mailed.put_back(proven)
            raise

    async def tell(self, moved: Moved) -> None:
        """Mail the former address, once for each change."""
        mail = Mail(to=moved.former, template=Template.EMAIL_CHANGED)
        await self.post.send(mail, key=f"email_changed:{moved.user.id}:{moved.user.version}")

    async def _count(self, user: User) -> None:
        """Each wish is a mail to whom they like: there are as many of them as of tries of a password."""
        wishes = f"wishes:{user.id}"
        wait = await self.trials.limit.wait(wishes, wishes)
        if wait is not None:
            raise TooMany("you asked for another address too often; come back later", retry_after=wait)

    async def _move(self, proven: Proven, doer: Doer) -> User:
        """
        The sessions end first: a crash in between leaves somebody who has to sign in, and the address as it was.

        Then once more those that began meanwhile; a sign-in that is still under way sees the other address itself.
        """
        user = proven.user
        if await self.users.find_by_name(email_key=proven.link.email_key) is not None:
            raise Taken("email")
        await self.audit.write(doer.entry(Act.EMAIL_CHANGED, user.client))
        await self.sessions.end_all(user.id, "email", doer.at)
        moved = await change_user(self.users, user.id, lambda now: _moved(now, proven, doer.at))
        with suppress(Unavailable):
            await self.sessions.end_all(user.id, "email", doer.at)
        return moved

    async def _drop_wish(self, proven: Proven, now: datetime) -> None:
        def without(user: User) -> User:
            return altered(user, now, pending=None) if user.pending == proven.user.pending else user

        with suppress(Conflict, Unavailable):  # it can come true no more, and is only shown
            await change_user(self.users, proven.user.id, without)


def _moved(user: User, proven: Proven, now: datetime) -> User:
    """Asked of the user as they are at the write: whoever locked them or asked for another address was first."""
    if user.pending is None or user.locked_at is not None or not is_made_of(proven.link, user):
        raise VoidLink
    new = user.pending
    return altered(user, now, email=new.email, email_key=new.email_key, pending=None, confirmed_at=now)


def _refusal(
    kind: type[Invalid | Forbidden], pointer: str, detail: str, code: str | None = None
) -> Invalid | Forbidden:
    return kind(f"{pointer} {detail}", code=code, errors=(FieldError(pointer, detail),))
