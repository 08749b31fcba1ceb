"""A new password: on record before it is there, every session ended by it, and told by mail to whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.accounts.audit import Act
from domain.accounts.confirming import change_confirmed
from domain.accounts.doers import Doer
from domain.accounts.mails import Mail, Template
from domain.accounts.ports import AuditLog, Post, Sessions, Users
from domain.accounts.users import User
from domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class PasswordRenewal:
    users: Users
    sessions: Sessions
    post: Post
    audit: AuditLog

    async def renew(self, known: User, hashed: str, doer: Doer, *, by: str) -> User:
        """
        Change the password of who has proven, `by` what, to be `known`. Raises `Conflict` where it is another by now.

        A session that begins in between looks at the password once more when it is there, and ends itself.
        """
        await self.audit.write(replace(doer, actor=known.client).entry(Act.PASSWORD_CHANGED, known.client, by=by))

        def renewed(user: User) -> Mapping[str, object]:
            if user.password != known.password:
                raise Conflict("the password was changed a moment ago; begin again")
            return {"password": hashed, "pending": None}  # whoever asked for another address knew the former password

        user = await change_confirmed(self.users, known.id, doer.at, renewed)
        await self.sessions.end_all(user.id, "password", doer.at)
        return user

    async def tell(self, user: User, template: Template = Template.PASSWORD_CHANGED) -> None:
        """Mail it, once for each change."""
        mail = Mail(to=user.email, template=template)
        await self.post.send(mail, key=f"password_changed:{user.id}:{user.version}")
