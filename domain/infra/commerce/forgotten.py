"""
What an order is left with when its owner has left, in MongoDB's own words: one update for all orders of a client.

It counts as a change of each, so that who read one before writes nothing of it back.
"""

from datetime import datetime
from typing import Any

from domain.commerce.moving import UNPAID
from domain.infra.accounts.rows import Row

_THERE: Row = {"$exists": True}
_TIMES = ("expires_at", "sweep_at")


def holding(client: str) -> Row:
    """Orders of this client that hold anything to forget."""
    words: Row = {"history": {"$elemMatch": {"by": client, "why": {"$type": "string"}}}}
    return {"client": {"$eq": client}, "$or": [{"user": _THERE}, {"idempotency_key": _THERE}, words]}


def forgotten(now: datetime) -> list[dict[str, Any]]:
    """What of the shop's words stands in the history stays. Unpaid ones end with the next sweep."""
    unpaid = {"$in": ["$status", sorted(UNPAID)]}
    due = {field: {"$cond": [unpaid, now, {"$ifNull": [f"${field}", "$$REMOVE"]}]} for field in _TIMES}
    return [
        {"$set": {"history": _without_their_words(), "epoch": {"$add": ["$epoch", 1]}, **due}},
        {"$unset": ["user", "idempotency_key", "fingerprint"]},
    ]


def _without_their_words() -> Row:
    bare = {"$unsetField": {"field": "why", "input": "$$step"}}
    kept = {"$cond": [{"$eq": ["$$step.by", "$client"]}, bare, "$$step"]}
    return {"$map": {"input": "$history", "as": "step", "in": kept}}
