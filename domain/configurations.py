"""
Central configuration: for each service one JSON object, whose every version is kept.

A version is never changed: a change makes the next one, and says which one it was meant for, so that of two who change
at once one learns of the other. To roll back is to put the text of an old version once more. The text is kept and
given out byte for byte, and is not for secrets: every version stays, and every admin reads it. No number is given out
twice, for who has one is told no more than that it is the newest: after a restore the count goes on far ahead.

A service reads the configuration of its own name. Its keys come in as the client `service:<name>`, which an admin gave
them, so no scope or list of its own is needed, and a second key of the service reads the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog
from domain.callers import SERVICE_NAME, Caller, service_client
from domain.errors import Invalid, NotFound, Outdated, Unavailable
from domain.json_faults import faults_in
from domain.json_text import read_object

LARGEST = 64 * 1024  # bytes
MOST_FAULTS = 20  # of one body; an answer need not be larger than the request
TRIES = 5  # of one change whose author does not mind what others change meanwhile


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a service's configuration, without its text. `number` counts from 1; only a restore skips some."""

    service: str
    number: int
    size: int  # bytes
    changed_at: datetime
    changed_by: str  # a caller's client

    @property
    def id(self) -> UUID:
        """Its number as a page cursor has it."""
        return UUID(int=self.number)

    @property
    def tag(self) -> str:
        return f'"{self.number}"'


@dataclass(frozen=True, slots=True)
class Configuration:
    """`text` is a JSON object, as it was put."""

    about: Version
    text: str

    @property
    def number(self) -> int:
        return self.about.number


class Configurations(Protocol):
    """All methods raise `Unavailable`."""

    async def find(self, service: str, least: int = 0) -> Configuration | None:
        """The newest version. A reader who names the one it has as `least` is given no older one."""
        ...

    async def find_stored(self, service: str) -> Configuration | None:
        """The same from where the truth is, for who is about to change it."""
        ...

    async def find_version(self, service: str, number: int) -> Configuration | None: ...

    async def list(self, service: str, limit: int, before: int | None = None) -> Sequence[Version]:
        """Newest first; only those older than number `before`."""
        ...

    async def add(self, configuration: Configuration) -> bool:
        """Store it for good, then tell all who wait. False where its number is taken."""
        ...

    async def wait_for_change(self, service: str, known: int, seconds: float) -> Configuration | None:
        """The newest version once it is another than `known` (0: none), or as it stands when the seconds are over."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """
    A text to be put: where `tags` name the present version (None: whichever it is) or, if it is `new`, where none is.

    The precondition is a client's protection against lost updates, and its idempotency too.
    """

    service: str
    text: str
    tags: Collection[str] | None = None
    new: bool = False

    def is_meant_for(self, present: Version | None) -> bool:
        if present is None or self.new:
            return present is None and self.new
        return self.tags is None or present.tag in self.tags

    def was_made_by(self, doer: Doer, present: Configuration) -> bool:
        """
        Whether the present version is this very change: its answer was lost, and it came once more.

        RFC 9110, section 13.1.1, lets such a request succeed although its precondition is false by now.
        """
        if present.text != self.text or present.about.changed_by != doer.actor:
            return False
        return present.number == 1 if self.new else f'"{present.number - 1}"' in (self.tags or ())

    def after(self, present: Configuration | None, doer: Doer) -> Configuration:
        number = 1 if present is None else present.number + 1
        about = Version(self.service, number, len(self.text.encode()), doer.at, doer.actor)
        return Configuration(about, self.text)


@dataclass(frozen=True, slots=True)
class Changed:
    configuration: Configuration
    created: bool = False


@dataclass(frozen=True, slots=True)
class Changing:
    """What admins do. It is on record before it is done, so nothing is done unrecorded."""

    configurations: Configurations
    audit: AuditLog

    async def put(self, change: Change, doer: Doer) -> Changed:
        """
        The version that the change made; the present one where that says the same already.

        Raises `Outdated` where it is not meant for the present version, and `Unavailable`: then nobody knows whether it
        was stored, and to send it once more is safe.
        """
        present = await self.configurations.find_stored(change.service)
        for _ in range(TRIES):
            if not change.is_meant_for(None if present is None else present.about):
                return _made_before(change, doer, present)
            if present is not None and present.text == change.text:
                return Changed(present)
            after = change.after(present, doer)
            await self.audit.write(
                doer.entry(Act.CONFIG_CHANGED, subject_of(change.service), version=str(after.number))  # and no value
            )
            if await self.configurations.add(after):
                return Changed(after, created=present is None)
            before, present = present, await self.configurations.find_stored(change.service)
            if present == before:  # whoever took the number is not stored for good yet, and may never be
                break
        raise Unavailable("others change this configuration at this moment; try again")


def read_service_name(text: str) -> str:
    """Raises `NotFound`: what cannot be a service's name has no configuration."""
    if not SERVICE_NAME.fullmatch(text):
        raise NotFound("a service is named by 1 to 63 of a-z 0-9 . _ -, and begins with a letter or digit")
    return text


def read_own_name(text: str, caller: Caller) -> str:
    """The same; for a service that names another one too, whether or not there is any."""
    if caller.owner not in {None, service_client(read_service_name(text))}:
        raise no_such_configuration()
    return text


def read_text(body: bytes) -> str:
    """The body, a JSON object that every reader reads alike. Raises `BadSyntax` or `Invalid`, with pointers."""
    read_object(body)
    text = body.decode()
    faults = tuple(islice(faults_in(text), MOST_FAULTS))
    if faults:
        raise Invalid(f"{faults[0].pointer} {faults[0].detail}"[:300], errors=faults)
    return text


def subject_of(service: str) -> str:
    """What the record of acts calls it."""
    return f"config:{service}"


def no_such_configuration() -> NotFound:
    return NotFound("Configuration not found: none was put yet, or it is another's; a service reads that of its name")


def _made_before(change: Change, doer: Doer, present: Configuration | None) -> Changed:
    if present is None:
        raise Outdated("this service has no configuration yet; put the first one with If-None-Match: *")
    if change.was_made_by(doer, present):
        return Changed(present)
    if change.new:
        raise Outdated(f"this service has a configuration, version {present.number}; change it with If-Match")
    remedy = f"read it again, decide anew, and send If-Match: {present.about.tag}"
    raise Outdated(f"this configuration is at version {present.number} by now; {remedy}")
