"""
The local inbox, for development: a mail becomes a file in a folder, and leaves the machine never.

A file is named by the call's idempotency key, so a mail that is sent again is the one that is there. Names begin with
the time that the job was made at: sorted, they are in the order of the mails.
"""

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from domain.outcomes import Done, Outcome
from domain.vendors import Call
from vendors.email.wire import Letter

MOST_KEPT = 500

_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[a-z]+-[0-9]{1,9}\.eml")


class MailFolder:
    """The files. Their owner alone may read them."""

    def __init__(self, path: Path, *, most_kept: int = MOST_KEPT) -> None:
        self._path = path
        self._most_kept = most_kept

    def put(self, name: str, content: bytes) -> None:
        """Keep a mail unless it is there, at once or not at all; the oldest beyond the most are removed."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (self._path / name).exists():
            return
        descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=self._path)  # for its owner only
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(draft).replace(self._path / name)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        for old in self.names()[self._most_kept :]:
            (self._path / old).unlink(missing_ok=True)  # another process may have been first

    def names(self) -> list[str]:
        """The newest first."""
        with suppress(FileNotFoundError):
            return sorted((file.name for file in self._path.iterdir() if _NAME.fullmatch(file.name)), reverse=True)
        return []

    def read(self, name: str) -> bytes | None:
        """None where there is none, or what is asked for is no mail's name."""
        if not _NAME.fullmatch(name):
            return None
        with suppress(FileNotFoundError):
            return (self._path / name).read_bytes()
        return None


class InboxCarrier:
    """A `vendors.email.adapter.Carrier`."""

    repeatable = True
    at_once = None

    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder

    async def send(self, letter: Letter, call: Call) -> Outcome:
        if call.gate is not None:
            await call.gate()
        if call.note_sent is not None:
            call.note_sent()
        await asyncio.to_thread(self._folder.put, file_name(call), letter.content)
        return Done(msgspec.json.encode({"message_id": letter.message_id}).decode())


def file_name(call: Call) -> str:
    """Of the mail of this idempotency key."""
    return f"{call.idempotency_key.replace(':', '-')}.eml"
