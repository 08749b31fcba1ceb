"""
What people may change of themselves: their name, their username, and which address is to become theirs.

That one is a wish: `domain.accounts.changing_addresses` says who may have it, and how it comes true.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.changing import altered, change_user
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog, Users
from domain.accounts.users import PendingEmail, User
from domain.errors import FieldError, Invalid, Outdated

LONGEST_NAME = 100
Changes = Mapping[str, str | PendingEmail | None]
CHANGEABLE = frozenset({"name", "username", "username_key", "pending"})


async def change_profile(
    user_id: UUID,
    changes: Changes,
    ports: tuple[Users, AuditLog],
    doer: Doer,
    versions: Collection[int] | None = None,
) -> User:
    """
    The user with `changes`, which are fields of `CHANGEABLE`. With `versions`, only where they are of one of these.

    Raises `NotFound`, `Taken`, `Conflict`, `Outdated`.
    """
    if not changes.keys() <= CHANGEABLE:
        raise ValueError(f"these are for nobody to change: {changes.keys() - CHANGEABLE}")
    users, audit = ports
    read: list[User] = []

    def alter(user: User) -> User:
        read.append(user)
        if versions is not None and user.version not in versions:
            raise Outdated("somebody changed this user since you read it; read it again")
        return altered(user, doer.at, **changes)

    user = await change_user(users, user_id, alter)
    fields = ", ".join(sorted(changes.keys() - {"username_key", "pending"}))  # a wish has an entry of its own
    if fields and user != read[-1]:
        audit.note(doer.entry(Act.PROFILE_CHANGED, user.client, fields=fields))
    return user


def read_display_name(text: str, field: str = "name") -> str:
    """What somebody wants to be called, of any script. Raises `Invalid` with a pointer to `field`."""
    if 0 < len(text) <= LONGEST_NAME and text.isprintable() and text == text.strip():
        return text
    detail = f"must be 1 to {LONGEST_NAME} characters that can be seen, without a space at either end"
    raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))
