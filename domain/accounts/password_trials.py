"""
Trying a password: counted in advance, and as slow where there is no user.

A trial counts under the name that was typed and, apart from that, under the account: by its address and its username
together nobody has more tries than by one. Who is over the first is told to wait, as for a name that nobody has. Who is
over the second only is told that the password is wrong, whatever it is: to tell them to wait would tell that this
address belongs to that username.
"""

from dataclasses import dataclass

from domain.accounts.ports import Passwords, SignInLimit, Verified
from domain.accounts.users import User
from domain.errors import TooMany, Unavailable


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody at `address` says that this is the password of who is called what they `typed`."""

    typed: str
    password: str
    address: str


@dataclass(frozen=True, slots=True)
class PasswordTrials:
    passwords: Passwords
    limit: SignInLimit

    async def hold(self, attempt: Attempt, user: User | None) -> Verified:
        """
        Whether it is right; never for nobody, and not for who is locked out. `user` is whom that name belongs to.

        Raises `TooMany`, `Unavailable`.
        """
        wait = await self.limit.wait(attempt.typed, attempt.address)
        if wait is not None:
            raise TooMany("too many tries; come back later, or choose a new password by mail", retry_after=wait)
        account = f"account:{attempt.typed if user is None else user.id}"
        counted = [(attempt.typed, attempt.address)]
        if await self.limit.wait(account, account) is None:
            counted.append((account, account))
        verified = await self._verify(attempt.password, user, counted)
        right = verified.right and len(counted) > 1 and user is not None and user.locked_at is None
        for names in counted:
            await (self.limit.succeeded(*names) if right else self.limit.failed(*names))
        return verified if right else Verified(right=False)

    async def forgive(self, user: User) -> None:
        """For who has proven to be this user by more than a password: what others tried in their name is forgotten."""
        for name in (f"account:{user.id}", f"email:{user.email_key}", f"username:{user.username_key}"):
            await self.limit.succeeded(name, name)  # a name is nobody's address, so that no address gains by it

    async def _verify(self, password: str, user: User | None, counted: list[tuple[str, str]]) -> Verified:
        try:
            return await self.passwords.verify(password, None if user is None else user.password)
        except Unavailable:
            for names in counted:
                await self.limit.let_go(*names)
            raise
