"""
Changing a webhook's secret: for a day the one before it is good too, over a restart as well.

A vendor goes on signing with the old secret until it has heard of the new one, and what it signed then
may be delivered hours later. Of several changes only the last one's former secret is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import msgspec
import structlog

from domain.webhooks import WebhookReader

FORMER_SECRET_KEPT = timedelta(hours=24)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FormerSecret:
    """The key before this one, and how long it is still good."""

    key: bytes = field(repr=False)
    until: datetime


@runtime_checkable
class KeepsSecret(Protocol):
    """A `WebhookReader` whose secret may change while the gateway runs."""

    @property
    def key(self) -> bytes: ...

    def with_former(self, former: FormerSecret | None) -> WebhookReader:
        """The same reader, accepting the former secret too, or no longer."""
        ...


class SecretFile(Protocol):
    """Where the history outlives the process; raises OSError. What is kept there are secrets."""

    def read(self) -> str:
        """What was written last; "" when nothing ever was."""
        ...

    def write(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Known:
    key: bytes
    former: FormerSecret | None = None


class SecretHistory:
    """What secrets each vendor had. Without a file it knows what this process has seen."""

    def __init__(self, file: SecretFile | None = None) -> None:
        self._file = file
        self._known: dict[str, _Known] = {}

    def note(self, keys: Mapping[str, bytes], now: datetime) -> dict[str, FormerSecret]:
        """Take note of the secrets as they are now, and answer the former ones that are still good."""
        before = self._read()
        self._known = {name: _succeed(before.get(name), key, now) for name, key in keys.items()}
        if self._known != before:
            self._write()
        return {name: known.former for name, known in self._known.items() if known.former is not None}

    def _read(self) -> dict[str, _Known]:
        if self._file is None:
            return self._known
        try:
            return msgspec.json.decode(self._file.read() or "{}", type=dict[str, _Known])
        except (OSError, ValueError, msgspec.MsgspecError) as fault:
            log.warning("the former webhook secrets cannot be read", fault=type(fault).__name__)
            return self._known

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            self._file.write(msgspec.json.encode(self._known).decode())
        except OSError as fault:
            log.warning("the former webhook secrets cannot be kept over a restart", fault=type(fault).__name__)


def _succeed(before: _Known | None, key: bytes, now: datetime) -> _Known:
    if before is None:
        return _Known(key)
    if before.key != key:
        return _Known(key, FormerSecret(before.key, now + FORMER_SECRET_KEPT))
    return before if before.former is not None and now < before.former.until else _Known(key)
