"""The operator's way to an admin: an account that is confirmed at once, since who has the machine needs no mail."""

from dataclasses import dataclass

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.names import Name
from domain.accounts.passwords import check_new_password
from domain.accounts.ports import AuditLog, Passwords, Taken, Users
from domain.accounts.users import User
from domain.callers import Role
from domain.request_ids import new_request_id

OPERATOR = "operator"  # the actor of what is done at the machine itself

_PAGE = 100


@dataclass(frozen=True, slots=True)
class MakingAdmins:
    users: Users
    passwords: Passwords
    audit: AuditLog

    async def make(self, email: Name, username: Name | None, password: str, doer: Doer) -> User:
        """Raises `Invalid` for a password that nobody may choose, `Taken`, and `Unavailable`."""
        check_new_password(password, (email.shown, username and username.shown))
        await self._refuse_taken(email, username)
        user = User(
            id=new_request_id(),
            email=email.shown,
            email_key=email.key,
            username=None if username is None else username.shown,
            username_key=None if username is None else username.key,
            password=await self.passwords.hash(password),
            role=Role.ADMIN,
            confirmed_at=doer.at,
            created_at=doer.at,
            updated_at=doer.at,
        )
        await self.audit.write(doer.entry(Act.ADMIN_MADE, user.client))
        await self.users.add(user)
        return user

    async def _refuse_taken(self, email: Name, username: Name | None) -> None:
        """Before anything is put on record; whoever comes in between is found by the store."""
        if await self.users.find_by_name(email_key=email.key):
            raise Taken("email")
        if username is not None and await self.users.find_by_name(username_key=username.key):
            raise Taken("username")


async def has_admin(users: Users) -> bool:
    """Whether somebody may sign in as an admin."""
    page = await users.list(_PAGE)
    while page:
        if any(user.role is Role.ADMIN and user.may_sign_in for user in page):
            return True
        page = await users.list(_PAGE, page[-1].id)
    return False
