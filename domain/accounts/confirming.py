"""Confirming an address: who follows the link in the mail may sign in from then on, by the username too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.changing import altered, change_user
from domain.accounts.doers import Doer
from domain.accounts.links import Purpose
from domain.accounts.mailed_links import MailedLinks, VoidLink
from domain.accounts.names import read_username
from domain.accounts.ports import AuditLog, Taken, Users
from domain.accounts.users import User

_NAMELESS: Mapping[str, object] = {"username": None, "username_key": None}


@dataclass(frozen=True, slots=True)
class Confirming:
    users: Users
    mailed: MailedLinks
    audit: AuditLog

    async def confirm(self, token: str, doer: Doer) -> User:
        """The user, who may sign in now; once for each link. Raises `VoidLink`."""
        user = (await self.mailed.take(token, Purpose.CONFIRM, doer.at)).user
        if user.confirmed_at is not None:
            raise VoidLink
        await self.audit.write(replace(doer, actor=user.client).entry(Act.CONFIRMED, user.client))
        return await change_confirmed(self.users, user.id, doer.at, lambda _: {})


async def change_confirmed(
    users: Users, user_id: UUID, now: datetime, changes_of: Callable[[User], Mapping[str, object]]
) -> User:
    """
    Change a user whose address was just found to be theirs: that confirms it, and takes the username.

    Where another user has the username by now, this one is left without and may choose another.
    """

    def confirmed(user: User, also: Mapping[str, object]) -> User:
        return altered(user, now, **{**_confirmation(user, now), **also, **changes_of(user)})

    try:
        return await change_user(users, user_id, lambda user: confirmed(user, {}))
    except Taken:
        return await change_user(users, user_id, lambda user: confirmed(user, _NAMELESS))


def _confirmation(user: User, now: datetime) -> Mapping[str, object]:
    if user.confirmed_at is not None:
        return {}
    key = None if user.username is None else read_username(user.username).key
    return {"confirmed_at": now, "forget_at": None, "username_key": key}
