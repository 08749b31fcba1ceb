"""
Files in a bucket of anything that speaks S3: `<what the name ends in>/<name>`, below the bucket's prefix.

Protocol and signatures are obstore's (https://developmentseed.org/obstore), which is installed where this is wanted.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from domain.commerce.ports import StoredFile
from domain.errors import Unavailable

PIECE = 256 * 1024  # bytes
TIMEOUT = timedelta(seconds=15)  # of one request
TRIES = 2  # more, after one that failed
PATIENCE = timedelta(seconds=10)  # then no other try is begun: a store that is silent is asked once

log = structlog.get_logger()


class S3Files:
    """A `FileStore`. A put is whole or not at all, and durable when it is answered: S3 promises both."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def put(self, name: str, content: bytes) -> None:
        with _faults():
            await obstore.put_async(self._store, _key(name), content)

    async def find(self, name: str) -> StoredFile | None:
        with _faults():
            try:
                found = await obstore.head_async(self._store, _key(name))
            except FileNotFoundError:
                return None
        return StoredFile(found["size"], self._pieces(name))

    async def remove(self, name: str) -> None:
        with _faults():
            try:
                await obstore.delete_async(self._store, _key(name))
            except FileNotFoundError:
                return

    async def remove_older(self, ending: str, than: datetime) -> int:
        old: list[str] = []
        with _faults():
            async for page in obstore.list(self._store, f"{ending.removeprefix('.')}/"):
                old += [found["path"] for found in page if found["last_modified"] < than]
            if old:
                await obstore.delete_async(self._store, old)
        return len(old)

    async def _pieces(self, name: str) -> AsyncIterator[bytes]:
        with _faults():
            found = await obstore.get_async(self._store, _key(name))
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)


def bucket_files(bucket: str, prefix: str, told: Mapping[str, str]) -> S3Files:
    """`told` are the variables that every S3 tool reads. Raises `ValueError` for what is no such place."""
    endpoint = told.get("AWS_ENDPOINT_URL")
    try:
        store = S3Store(
            bucket,
            prefix=prefix or None,
            config={name.lower(): value for name, value in told.items()},  # type: ignore[arg-type]  # it takes these too
            client_options={"timeout": TIMEOUT, "allow_http": (endpoint or "").startswith("http://")},
            retry_config={"max_retries": TRIES, "retry_timeout": PATIENCE},
        )
    except BaseError as fault:
        raise ValueError(f"it cannot be opened ({type(fault).__name__})") from None
    return S3Files(store)


def _key(name: str) -> str:
    return f"{name.rpartition('.')[2]}/{name}"


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as fault:
        log.warning("the file store fails", fault=type(fault).__name__)
        raise Unavailable("the files cannot be reached just now; try again") from None  # S3 quotes ids of keys
