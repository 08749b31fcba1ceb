"""
Registering: an address gets an account, or is told by mail that it has one. Who asks cannot tell which.

Both cost a hash and one try to store a user, and are answered after the same pause; whatever differs is done behind
the answer's back (`follow_up`). A username is told to be taken, so it must not betray the address either: it is taken
by who confirms first. Until then a user has it without its key, and whether an account was made shows nowhere.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid5

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.links import Purpose
from domain.accounts.mailed_links import MailedLinks
from domain.accounts.mails import Mail, Template
from domain.accounts.names import Name
from domain.accounts.ports import AuditLog, Passwords, Post, Taken, Users
from domain.accounts.users import User
from domain.request_ids import new_request_id

UNCONFIRMED = timedelta(days=7)  # then the account is gone again, and the address with it
PAUSE_SECONDS = 0.05  # longer than a healthy MongoDB takes to store a user, or to refuse one


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody asks for, checked: nothing else of a user is theirs to say."""

    email: Name
    password: str
    username: Name | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """`is_new`: the address had no account. Not to be told to who asked."""

    user: User
    is_new: bool


@dataclass(frozen=True, slots=True)
class Registering:
    users: Users
    passwords: Passwords
    mailed: MailedLinks
    post: Post
    audit: AuditLog
    pause_seconds: float = PAUSE_SECONDS

    async def register(self, wanted: Registration, doer: Doer) -> Registered:
        """Raises `Taken` for the username only, and `Unavailable`."""
        if wanted.username is not None and await self.users.find_by_name(username_key=wanted.username.key):
            raise Taken("username")
        user = _new_user(wanted, await self.passwords.hash(wanted.password), doer)
        pause = asyncio.create_task(asyncio.sleep(self.pause_seconds))
        try:
            await self.users.add(user)
        except Taken:
            return Registered(user, is_new=False)
        else:
            return Registered(user, is_new=True)
        finally:
            await pause

    async def follow_up(self, registered: Registered, doer: Doer) -> None:
        """Mail the link or, to an address that has an account, once a day at most, that somebody tried."""
        if registered.is_new:
            self.audit.note(doer.entry(Act.REGISTERED, registered.user.client))
            await self.mailed.send(registered.user, Purpose.CONFIRM, doer.at)
            return
        known = await self.users.find_by_name(email_key=registered.user.email_key)
        if known is not None:
            mail = Mail(to=known.email, template=Template.ALREADY_REGISTERED)
            day = doer.at.date().isoformat()
            await self.post.send(mail, key=f"already_registered:{uuid5(known.id, known.email)}:{day}")


def _new_user(wanted: Registration, hashed: str, doer: Doer) -> User:
    return User(
        id=new_request_id(),
        email=wanted.email.shown,
        email_key=wanted.email.key,
        username=None if wanted.username is None else wanted.username.shown,
        name=wanted.name,
        password=hashed,
        forget_at=doer.at + UNCONFIRMED,
        created_at=doer.at,
        updated_at=doer.at,
    )
