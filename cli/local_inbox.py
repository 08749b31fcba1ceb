"""The local inbox as the page at `/dev/mail` shows it, in development only."""

import asyncio
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from litestar.types import ASGIApp

from api.dev_mail import PREFIX, LocalMail, build_dev_mail
from cli.mail_servers import keeps_mails_here
from cli.mails import mail_folder
from cli.settings import Settings
from domain.edge.split import SplitByPath
from vendors.email.inbox import MailFolder


class InboxInHome:
    """A `LocalInbox`."""

    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder

    async def newest(self, limit: int) -> Sequence[LocalMail]:
        return await asyncio.to_thread(self._newest, limit)

    async def find(self, name: str) -> LocalMail | None:
        return await asyncio.to_thread(self._find, name)

    def _newest(self, limit: int) -> list[LocalMail]:
        found = [self._find(name) for name in self._folder.names()[:limit]]
        return [mail for mail in found if mail is not None]  # one may have been removed since

    def _find(self, name: str) -> LocalMail | None:
        content = self._folder.read(name)
        return None if content is None else _read(name, content)


def with_local_inbox(settings: Settings, app: ASGIApp) -> ASGIApp:
    """`app`, with the page beside it where mails stay on this machine. Raises `ConfigurationError`."""
    if not keeps_mails_here(settings):
        return app
    return SplitByPath(PREFIX, build_dev_mail(InboxInHome(mail_folder(settings))), app)


def _read(name: str, content: bytes) -> LocalMail:
    message = message_from_bytes(content, EmailMessage, policy=default)
    body = message.get_body(("plain",))
    text = "" if body is None else str(body.get_content())
    return LocalMail(name, str(message["To"]), str(message["Subject"]), str(message["Date"]), text)
