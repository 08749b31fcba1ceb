"""A new password for who is signed in and shows the old one, counted like any other trial of it."""

from dataclasses import dataclass
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.changing import no_such_user
from domain.accounts.doers import Doer
from domain.accounts.password_trials import Attempt, PasswordTrials
from domain.accounts.passwords import check_new_password
from domain.accounts.ports import Passwords, Users
from domain.accounts.renewing import PasswordRenewal
from domain.accounts.users import User
from domain.errors import FieldError, Forbidden, Invalid


@dataclass(frozen=True, slots=True)
class PasswordChange:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ChangingPasswords:
    users: Users
    passwords: Passwords
    trials: PasswordTrials
    renewal: PasswordRenewal

    async def change(self, user_id: UUID, asked: PasswordChange, doer: Doer) -> User:
        """Every session ends, the one that asks too. Raises `Invalid`, `Forbidden` (`wrong-password`), `TooMany`."""
        user = await self.users.find(user_id)
        if user is None:
            raise no_such_user()
        check_new_password(asked.new, (user.email, user.username), field="new_password")
        if asked.new == asked.old:
            raise _refusal(Invalid, "/new_password", "is the old one; choose another")
        trial = await self.trials.hold(Attempt(f"change:{user.id}", asked.old, doer.address), user)
        if not trial.right:
            self.renewal.audit.note(doer.entry(Act.SIGN_IN_REFUSED, user.client, to="password"))
            raise _refusal(Forbidden, "/old_password", "is wrong, or was tried too often", code="wrong-password")
        return await self.renewal.renew(user, await self.passwords.hash(asked.new), doer, by="password")


def _refusal(
    kind: type[Invalid | Forbidden], pointer: str, detail: str, code: str | None = None
) -> Invalid | Forbidden:
    return kind(f"{pointer} {detail}", code=code, errors=(FieldError(pointer, detail),))
