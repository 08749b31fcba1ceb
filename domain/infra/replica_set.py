"""
A replica set of one, for the embedded MongoDB: majority writes and transactions need a set.

The set's own record names its member by address; a server that comes back on another port is
in no set until that record is corrected.
"""

from contextlib import suppress
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NOT_YET_INITIALIZED = 94


def lead_set_of_one(name: str, address: str) -> bool:
    """
    Whether the server at `address` is the primary of its set; if it is in none yet, tell it to be.

    To be asked again until it is true: an election follows. Meant for a server that nobody else
    is a member with: the record is overwritten.
    """
    url = f"mongodb://{address}/?directConnection=true"
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=500, connectTimeoutMS=500) as client:
        try:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary") and hello.get("me") == address:
                return True
            if not hello.get("secondary"):
                _found_or_correct(client, name, address)
        except PyMongoError:
            return False  # not up yet
    return False


def _found_or_correct(client: MongoClient[dict[str, Any]], name: str, address: str) -> None:
    member = {"_id": 0, "host": address}
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as refusal:
        if refusal.code == NOT_YET_INITIALIZED:
            with suppress(OperationFailure):  # it has a record after all, and was still reading it
                client.admin.command("replSetInitiate", {"_id": name, "members": [member]})
        return
    if config["members"][0]["host"] != address:
        config["members"] = [{**config["members"][0], "host": address}]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
