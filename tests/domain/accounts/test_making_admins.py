"""The operator's admin: confirmed at once, by the rules that hold for everybody, and on record."""

import pytest

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.making_admins import OPERATOR, MakingAdmins, has_admin
from domain.accounts.names import Name, read_email, read_username
from domain.accounts.ports import Taken
from domain.callers import Role
from domain.errors import Invalid, Unavailable
from tests.domain.accounts.test_changing import a_user
from tests.fakes_accounts import FakeAuditLog, FakePasswords, FakeUsers
from tests.strategies import NOON

PASSWORD = "seven unrelated quiet words"
DOER = Doer(OPERATOR, NOON)
EMAIL = read_email("Root@example.com")


@pytest.fixture
def users() -> FakeUsers:
    return FakeUsers()


@pytest.fixture
def audit() -> FakeAuditLog:
    return FakeAuditLog()


@pytest.fixture
def making(users: FakeUsers, audit: FakeAuditLog) -> MakingAdmins:
    return MakingAdmins(users, FakePasswords(), audit)


async def test_an_admin_may_sign_in_at_once(making: MakingAdmins, users: FakeUsers, audit: FakeAuditLog) -> None:
    made = await making.make(EMAIL, read_username("Ada"), PASSWORD, DOER)
    assert users.stored[made.id] == made
    assert (made.email, made.email_key, made.username_key) == ("Root@example.com", "root@example.com", "ada")
    assert (made.role, made.may_sign_in, made.password) == (Role.ADMIN, True, f"hash:{PASSWORD}")
    (entry,) = audit.entries
    assert (entry.act, entry.actor, entry.subject) == (Act.ADMIN_MADE, OPERATOR, made.client)
    assert PASSWORD not in repr(entry)


@pytest.mark.parametrize("password", ["", "short", "password1234", "1234567890"])
async def test_an_admin_chooses_no_worse_a_password_than_others(
    making: MakingAdmins, users: FakeUsers, password: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await making.make(EMAIL, None, password, DOER)
    assert [fault.pointer for fault in refused.value.errors] == ["/password"]
    assert users.stored == {}


@pytest.mark.parametrize(
    ("email", "username", "field"),
    [("a@example.com", None, "email"), ("A@EXAMPLE.com", "new", "email"), ("b@example.com", "ADA", "username")],
)
async def test_nobody_is_made_an_admin_by_a_name_that_is_taken(
    making: MakingAdmins, users: FakeUsers, audit: FakeAuditLog, email: str, username: str | None, field: str
) -> None:
    known = a_user(username="ada", username_key="ada")
    users.stored = {known.id: known}
    wanted: Name | None = None if username is None else read_username(username)
    with pytest.raises(Taken) as refused:
        await making.make(read_email(email), wanted, PASSWORD, DOER)
    assert refused.value.field == field
    assert (users.stored, audit.entries) == ({known.id: known}, [])


async def test_no_admin_is_made_unrecorded(making: MakingAdmins, users: FakeUsers, audit: FakeAuditLog) -> None:
    audit.down = True
    with pytest.raises(Unavailable):
        await making.make(EMAIL, None, PASSWORD, DOER)
    assert users.stored == {}


async def test_an_admin_is_found_behind_many_users() -> None:
    admin = a_user(role=Role.ADMIN, confirmed_at=NOON)
    others = [a_user(email_key=f"{n}@example.com", confirmed_at=NOON) for n in range(250)]
    assert await has_admin(FakeUsers(admin, *others))
    assert not await has_admin(FakeUsers(*others))


@pytest.mark.parametrize("state", [{"confirmed_at": None}, {"confirmed_at": NOON, "locked_at": NOON}])
async def test_an_admin_who_may_not_sign_in_is_none(state: dict[str, object]) -> None:
    assert not await has_admin(FakeUsers(a_user(role=Role.ADMIN, **state)))
