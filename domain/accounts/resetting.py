"""
A forgotten password: a link by mail to whose address it is, and a new password by the link.

Asking for it is done behind the answer's back, and so tells nothing. What is slow comes before the link is taken, and
whatever refuses the new password puts it back: a link is used up by a changed password, and by nothing less.

Who needs a link may have lost the account to somebody: with the password the keys of this person go too, since whoever
was in could have made one that outlasts every password. Those that an admin made for services stay.
"""

from dataclasses import dataclass, replace

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.links import Purpose
from domain.accounts.mailed_links import MailedLinks, VoidLink
from domain.accounts.password_trials import PasswordTrials
from domain.accounts.passwords import check_new_password
from domain.accounts.pauses import Pause, at_once
from domain.accounts.ports import ApiKeys, AuditLog, Passwords, Users
from domain.accounts.renewing import PasswordRenewal
from domain.accounts.users import User
from domain.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Resetting:
    users: Users
    keys: ApiKeys
    passwords: Passwords
    mailed: MailedLinks
    renewal: PasswordRenewal
    trials: PasswordTrials
    audit: AuditLog
    pause: Pause = at_once

    async def ask(self, email_key: str, doer: Doer) -> None:
        """Mail a link to whose address this is, if it is anybody's; after a pause, so that no other request tells."""
        await self.pause()
        user = await self.users.find_by_name(email_key=email_key)
        if user is not None and user.locked_at is None:
            self.audit.note(doer.entry(Act.PASSWORD_RESET_ASKED, user.client))
            await self.mailed.send(user, Purpose.RESET, doer.at)

    async def reset(self, token: str, password: str, doer: Doer) -> User:
        """
        The user with the new password, confirmed by the way, who may sign in with it at once.

        Raises `VoidLink`, `Invalid`, `Unavailable`.
        """
        if not self.mailed.is_genuine(token, Purpose.RESET):
            raise VoidLink
        check_new_password(password)
        hashed = await self.passwords.hash(password)
        proven = await self.mailed.take(token, Purpose.RESET, doer.at)
        try:
            check_new_password(password, (proven.user.email, proven.user.username))
            user = await self.renewal.renew(proven.user, hashed, doer, by="link")
            await self._revoke_keys(user, doer)
        except GatewayError:
            await self.mailed.put_back(proven)  # void all the same where the password was changed
            raise
        await self.trials.forgive(user)
        return user

    async def _revoke_keys(self, user: User, doer: Doer) -> None:
        """After the sessions, which could make more. What fails here is asked for once more, by another link."""
        owner = replace(doer, actor=user.client)
        for key in await self.keys.list(user.client):
            if key.user == user.id and await self.keys.revoke(key.id, user.client, doer.at):
                detail = {"name": key.name, "client": key.client, "by": "reset"}
                await self.audit.write(owner.entry(Act.KEY_REVOKED, f"key:{key.id}", **detail))
