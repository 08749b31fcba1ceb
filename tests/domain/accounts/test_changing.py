"""A user is changed by one at a time: who was overtaken looks again, and gives up in the end."""

from typing import Any

import pytest

from domain.accounts.changing import TRIES, altered, change_user
from domain.accounts.users import User
from domain.errors import Conflict, NotFound
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeUsers
from tests.strategies import NOON


def a_user(**fields: Any) -> User:
    usual = {"id": new_request_id(), "email": "a@example.com", "email_key": "a@example.com", "password": "hash:x"}
    return User(**{**usual, "created_at": NOON, "updated_at": NOON, **fields})


class Overtaken(FakeUsers):
    """Somebody else changes the user just before each of the first `times` changes."""

    def __init__(self, user: User, times: int) -> None:
        super().__init__(user)
        self.left = times

    async def change(self, before: User, after: User) -> bool:
        if self.left:
            self.left -= 1
            await super().change(before, altered(before, NOON, name=f"other {self.left}"))
        return await super().change(before, after)


async def test_who_was_overtaken_changes_what_is_there_by_then() -> None:
    user = a_user()
    users = Overtaken(user, 2)
    changed = await change_user(users, user.id, lambda known: altered(known, NOON, username="ada"))
    assert (changed.name, changed.username, changed.version) == ("other 0", "ada", 3)
    assert users.stored[user.id] == changed


async def test_who_is_overtaken_every_time_is_told_so() -> None:
    user = a_user()
    with pytest.raises(Conflict):
        await change_user(Overtaken(user, TRIES), user.id, lambda known: altered(known, NOON, username="ada"))


async def test_nobody_is_not_changed() -> None:
    with pytest.raises(NotFound):
        await change_user(FakeUsers(), new_request_id(), lambda known: known)


async def test_what_stays_as_it_was_is_not_a_new_version() -> None:
    user = a_user(name="Ada")
    assert altered(user, NOON, name="Ada") is user
