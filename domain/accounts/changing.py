"""The one way in which a user is changed: read, alter, write where nobody else was first; and again if somebody was."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.accounts.ports import Users
from domain.accounts.users import User
from domain.errors import Conflict, NotFound

TRIES = 5


async def change_user(users: Users, user_id: UUID, alter: Callable[[User], User]) -> User:
    """
    The user as `alter` left them; nothing is written where it left them as they were.

    `alter` is asked again for each try, with the user as they are by then. Raises `NotFound`, `Taken`, `Conflict`.
    """
    for _ in range(TRIES):
        before = await users.find(user_id)
        if before is None:
            raise no_such_user()
        after = alter(before)
        if after == before or await users.change(before, after):
            return after
    raise Conflict("others change this user at the same moment; try again")


def altered(user: User, now: datetime, **changes: Any) -> User:
    """The user's next version; the same one where nothing differs."""
    if all(getattr(user, name) == value for name, value in changes.items()):
        return user
    return user.model_copy(update={**changes, "version": user.version + 1, "updated_at": now})


def no_such_user() -> NotFound:
    return NotFound("User not found")
