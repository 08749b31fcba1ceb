"""Where others may read: log lines, output, files of homes and tests, problems that were answered, both stores."""

import asyncio
import email
import logging
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.policy import default
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import structlog
from pymongo.database import Database as MongoDatabase
from redis import Redis

from cli.logs import OF_LIBRARIES, processors
from domain.accounts.mails import VENDOR as EMAIL
from tests.leaks.ledger import Ledger

LARGEST_FILE = 32 << 20
LARGEST_VALUE = 256 << 10
MOST_ROWS = 500  # of a collection, and keys of Redis: tests of many store many alike
SECRETS_OF_HOME = ("*.secret", "webhook-secrets.json")
LOGS = ("*.log", "*.log.1", "*.err")

_LINK = re.compile(r"(?:confirmation|reset-password|address|email)[a-z/-]*/([A-Za-z0-9_-]{40,})")
_WHSEC_KEY = re.compile(r'"key":\s*"([^"]{10,})"')
_CLIENTS_OWN = {"payload": 0, "result": 0, "body": 0, "headers": 0}  # of jobs and webhooks: a client's or vendor's data


class _Collecting(logging.Handler):
    """What libraries log, as `cli.logs` writes it."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(OF_LIBRARIES))
        self._ledger = ledger

    def emit(self, record: logging.LogRecord) -> None:
        self._ledger.text(self.format(record), "the log")


@contextmanager
def logs_read(ledger: Ledger) -> Iterator[None]:
    """
    Every line that this process logs, of every level, as a process of the gateway would write it.

    Of libraries those from warnings up, which are all that `cli.logs` lets them say.
    """

    def collect(_logger: object, _name: str, line: Any) -> str:
        ledger.text(str(line), "the log")
        return str(line)

    before = structlog.get_config()
    structlog.configure(processors=[*processors(people=False), collect])
    handler = _Collecting(ledger)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        structlog.configure(**before)


@contextmanager
def answers_read(ledger: Ledger) -> Iterator[None]:
    """Problems that are answered over HTTP, which people send around when they ask for help; and commands' stderr."""
    ask, end, end_soon = httpx.AsyncClient.send, subprocess.Popen.communicate, asyncio.subprocess.Process.communicate

    async def asking(self: httpx.AsyncClient, request: httpx.Request, **named: Any) -> httpx.Response:
        response = await ask(self, request, **named)
        if response.headers.get("content-type") == "application/problem+json":
            ledger.text(_body(response), f"the problem of {request.method} /{request.url.path.split('/')[1]}")
        return response

    def ending(self: Any, *args: Any, **named: Any) -> Any:
        out, err = end(self, *args, **named)
        _read_stderr(ledger, err)
        return out, err

    async def ending_soon(self: Any, *args: Any, **named: Any) -> Any:
        out, err = await end_soon(self, *args, **named)
        _read_stderr(ledger, err)
        return out, err

    with (
        patch.object(httpx.AsyncClient, "send", asking),
        patch.object(subprocess.Popen, "communicate", ending),
        patch.object(asyncio.subprocess.Process, "communicate", ending_soon),
    ):
        yield


def read_files(ledger: Ledger, directory: Path) -> None:
    """The logs under it, and the secrets that homes under it keep and their mails hold."""
    for file in _files(directory, SECRETS_OF_HOME):
        _note_secrets(ledger, file.read_text(errors="replace"))
    for file in _files(directory, ("mail/*.eml",)):
        _note_links(ledger, file.read_bytes())
    for file in _files(directory, LOGS):
        ledger.text(file.read_text(errors="replace"), str(file.relative_to(directory)))


def read_mongo(ledger: Ledger, database: MongoDatabase[dict[str, Any]]) -> None:
    """The newest of all that it holds but clients' and vendors' own data; and the whole of the gateway's own mails."""
    for name in database.list_collection_names():
        for row in database[name].find({}, _CLIENTS_OWN).sort("_id", -1).limit(MOST_ROWS):
            read_row(ledger, name, row)
    for row in database["jobs"].find({"vendor": EMAIL}).limit(MOST_ROWS):
        read_row(ledger, "jobs (a mail)", row)


def read_row(ledger: Ledger, collection: str, row: Mapping[str, Any]) -> None:
    """Without a password's hash where it belongs."""
    hashed = str(row.get("password", "")).startswith("$argon2id$")
    shown = {name: value for name, value in row.items() if not (hashed and name == "password")}
    ledger.text(repr(shown), f"MongoDB's {collection}")


def read_redis(ledger: Ledger, url: str) -> None:
    """Keys and their values, as Redis itself writes them down."""
    with Redis.from_url(url) as client:
        names = list(islice(client.scan_iter(count=1_000), MOST_ROWS))
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.memory_usage(name, samples=1)
        small = [name for name, size in zip(names, pipe.execute(), strict=True) if size and size < LARGEST_VALUE]
        for name in small:
            pipe.dump(name)
        for name, value in zip(small, pipe.execute(), strict=True):
            ledger.text((name + (value or b"")).decode("latin-1"), "Redis")


def _files(directory: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        for file in directory.rglob(pattern):
            if file.is_file() and not file.is_symlink() and file.stat().st_size < LARGEST_FILE:
                yield file


def _note_secrets(ledger: Ledger, text: str) -> None:
    found = _WHSEC_KEY.findall(text) if text.startswith("{") else text.split()
    for secret in found:
        ledger.secret(secret, "a secret of the home")


def _note_links(ledger: Ledger, mail: bytes) -> None:
    message = email.message_from_bytes(mail, policy=default)
    body = message.get_body(("plain",))
    for token in _LINK.findall("" if body is None else str(body.get_content())):
        ledger.secret(token, "a mailed link's token")


def _body(response: httpx.Response) -> str:
    """Empty while it is streamed."""
    body: bytes = getattr(response, "_content", b"")
    return body.decode(errors="replace")


def _read_stderr(ledger: Ledger, said: object) -> None:
    if said:
        ledger.text(said.decode(errors="replace") if isinstance(said, bytes) else str(said), "a command's stderr")
