"""What people may change of themselves: their name and their username. The address is not among it."""

from collections.abc import Mapping
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.changing import altered, change_user
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog, Users
from domain.accounts.users import User
from domain.errors import Outdated

CHANGEABLE = frozenset({"name", "username", "username_key"})


async def change_profile(
    user_id: UUID,
    changes: Mapping[str, str | None],
    ports: tuple[Users, AuditLog],
    doer: Doer,
    version: int | None = None,
) -> User:
    """
    The user with `changes`, which are fields of `CHANGEABLE`. With a `version`, only where they are of that one.

    Raises `NotFound`, `Taken`, `Conflict`, `Outdated`.
    """
    if not changes.keys() <= CHANGEABLE:
        raise ValueError(f"these are for nobody to change: {changes.keys() - CHANGEABLE}")
    users, audit = ports

    def alter(user: User) -> User:
        if version is not None and user.version != version:
            raise Outdated("somebody changed this user since you read it; read it again")
        return altered(user, doer.at, **changes)

    user = await change_user(users, user_id, alter)
    audit.note(
        doer.entry(Act.PROFILE_CHANGED, user.client, fields=", ".join(sorted(changes.keys() - {"username_key"})))
    )
    return user
