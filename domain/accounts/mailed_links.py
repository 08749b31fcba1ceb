"""
The links that mails carry: each is made of what it proves something about, and void once that has changed.

A link's id is worked out from its user as they are, address and password, and from the time in steps of `APART`. Asked
for again within a step it is the same link, and the same mail, which is sent once. A link that was used to change the
password or the address cannot come back, since the user it was made of is no more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from domain.accounts.links import Link, Purpose
from domain.accounts.mails import LinkWanted, Mail, Template
from domain.accounts.names import Name
from domain.accounts.ports import Links, Post, Tokens, Users
from domain.accounts.users import User
from domain.errors import NotFound

APART = timedelta(minutes=5)  # a mail to one address, of one purpose, in each of these: a stranger may ask for them

_TEMPLATES = {
    Purpose.CONFIRM: Template.CONFIRM,
    Purpose.RESET: Template.RESET,
    Purpose.NEW_EMAIL: Template.NEW_EMAIL,
}
_NONE = Name("", "")


class VoidLink(NotFound):
    """Used, expired, replaced by a newer one, unknown, forged: all of them are told the same."""

    code = "void-link"

    def __init__(self) -> None:
        super().__init__("this link is not good any more, or never was; ask for a new one, and use the newest mail")


@dataclass(frozen=True, slots=True)
class Proven:
    """That this user reads their mail; the link is used up by it."""

    user: User
    link: Link


@dataclass(frozen=True, slots=True)
class MailedLinks:
    users: Users
    links: Links
    tokens: Tokens
    post: Post

    async def send(self, user: User, purpose: Purpose, now: datetime) -> None:
        """Mail the link; within one step of the clock it is one mail, however often this is done."""
        link = link_for(user, purpose, now)
        await self.links.add(link)
        to = _address(user, purpose).shown
        mail = Mail(to=to, template=_TEMPLATES[purpose], link=LinkWanted(link.id, purpose))
        await self.post.send(mail, key=f"{purpose}:{link.id}")

    def is_genuine(self, token: str, purpose: Purpose) -> bool:
        """Whether we made this token, for who has something slow to do before it is taken."""
        return self.tokens.read_link(token, purpose) is not None

    async def take(self, token: str, purpose: Purpose, now: datetime) -> Proven:
        """What the token proves, once. Raises `VoidLink`."""
        link_id = self.tokens.read_link(token, purpose)
        link = None if link_id is None else await self.links.take(link_id, purpose, now)
        user = None if link is None else await self.users.find(link.user)
        if link is None or user is None or user.locked_at is not None or not is_made_of(link, user):
            raise VoidLink
        return Proven(user, link)

    async def put_back(self, proven: Proven) -> None:
        """For who did nothing with it, so that the mail is good for another try."""
        await self.links.add(proven.link)


def link_for(user: User, purpose: Purpose, now: datetime) -> Link:
    address = _address(user, purpose).key
    return Link(_link_id(user, purpose, now), user.id, purpose, address, now + purpose.lifetime)


def is_made_of(link: Link, user: User) -> bool:
    """Whether nothing of what the link proves something about has changed since."""
    asked_at = link.expires_at - link.purpose.lifetime
    return link.email_key == _address(user, link.purpose).key and link.id == _link_id(user, link.purpose, asked_at)


def _address(user: User, purpose: Purpose) -> Name:
    """The one that the link is sent to, and that whoever follows it reads."""
    if purpose is not Purpose.NEW_EMAIL:
        return Name(user.email, user.email_key)
    return _NONE if user.pending is None else Name(user.pending.email, user.pending.email_key)


def _link_id(user: User, purpose: Purpose, asked_at: datetime) -> UUID:
    """No secret, since the token signs it, and nothing of what it is made of can be read out of it."""
    step = int(asked_at.timestamp()) // int(APART.total_seconds())
    made_of = f"{purpose} {user.email_key} {user.password} {step}"
    if purpose is Purpose.NEW_EMAIL:  # and of when they last changed it: within a step they may change it back
        made_of += f" {_address(user, purpose).key} {user.confirmed_at}"
    return uuid5(user.id, made_of)
