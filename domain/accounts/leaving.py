"""
Leaving: a person's account goes, with their sessions, keys and links, and what jobs, orders and payments hold of them.

What stays is the record, and the books of what was sold and paid, where they are an id that nobody can look up any
more, and the keys that an admin made for services: these go on, since a service is nobody's. Each of them has an entry,
for those who look which secrets somebody who has left may know.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.password_trials import Attempt, PasswordTrials
from domain.accounts.ports import ApiKeys, AuditLog, KeptOfUser, Users
from domain.accounts.users import User
from domain.errors import FieldError, Forbidden, Unavailable


@dataclass(frozen=True, slots=True)
class Leaving:
    users: Users
    keys: ApiKeys
    kept: Sequence[KeptOfUser]
    trials: PasswordTrials
    audit: AuditLog

    async def leave(self, user: User, password: str, doer: Doer) -> None:
        """
        For who shows the password: a session that somebody else got hold of must not be enough.

        The user goes last, so that who met a fault can ask again. Raises `Forbidden`, `TooMany`, `Unavailable`.
        """
        trial = await self.trials.hold(Attempt(f"leave:{user.id}", password, doer.address), user)
        if not trial.right:
            self.audit.note(doer.entry(Act.SIGN_IN_REFUSED, user.client, to="leave"))
            raise _wrong()
        await self.audit.write(doer.entry(Act.DELETED, user.client))
        await self._record_what_stays(user, doer)
        await self._forget(user.client, doer.at)
        await self.users.remove(user)
        with suppress(Unavailable):  # of a job that was submitted in between the words stay until it expires
            await self._forget(user.client, doer.at)

    async def _forget(self, client: str, now: datetime) -> None:
        for kept in self.kept:
            await kept.forget(client, now)

    async def _record_what_stays(self, user: User, doer: Doer) -> None:
        for key in await self.keys.list(user.client):
            if key.user != user.id and key.is_live(doer.at):
                entry = doer.entry(Act.KEY_LEFT, f"key:{key.id}", name=key.name, client=key.client, maker=user.client)
                await self.audit.write(entry)


def _wrong() -> Forbidden:
    detail = "is wrong, or was tried too often; send the one that you sign in with"
    return Forbidden(f"/password {detail}", code="wrong-password", errors=(FieldError("/password", detail),))
