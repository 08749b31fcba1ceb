"""While MongoDB's files are copied nothing is written to them; afterwards it goes on, whoever was killed before."""

import pymongo
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from domain.errors import Unavailable
from domain.infra.copies import writes_held


def write(url: str, *, patience_seconds: float = 10) -> None:
    with MongoClient[dict[str, object]](url) as client, pymongo.timeout(patience_seconds):
        client.get_default_database().get_collection("jobs").insert_one({})


def test_writes_wait_for_the_end_of_a_copy(mongo_database_url: str) -> None:
    write(mongo_database_url)
    with writes_held(mongo_database_url), pytest.raises(PyMongoError):
        write(mongo_database_url, patience_seconds=0.3)
    write(mongo_database_url)


def test_a_copy_that_was_killed_leaves_nothing_held_after_the_next(mongo_database_url: str) -> None:
    with MongoClient[dict[str, object]](mongo_database_url) as client:
        client.admin.command("fsync", lock=True)
    with writes_held(mongo_database_url):
        pass
    write(mongo_database_url)


def test_a_server_that_is_not_there_is_told_of() -> None:
    with pytest.raises(Unavailable, match="does not answer"), writes_held("mongodb://127.0.0.1:1/?timeoutMS=300"):
        pass
