"""The files of a MongoDB that runs, held still while somebody copies them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from domain.errors import Unavailable


@contextmanager
def writes_held(url: str) -> Iterator[None]:
    """
    During the block everything confirmed is on disk and nothing is written; who wants to write waits, or hears 503.

    At its end nobody holds it any more, also not one that was killed in its own. Raises `Unavailable`.
    """
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=3_000) as client:
        try:
            client.admin.command("fsync", lock=True)
        except PyMongoError as fault:
            raise Unavailable(f"MongoDB does not answer ({type(fault).__name__})") from None
        try:
            yield
        finally:
            while client.admin.command("fsyncUnlock")["lockCount"] > 0:
                pass
