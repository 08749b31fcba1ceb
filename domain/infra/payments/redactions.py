"""
`domain.payments.redacting` in MongoDB's own words: one update for all payments of a client.

It counts as a change of each, so that who read one before writes nothing of it back.
"""

from datetime import datetime
from typing import Any

from bson.int64 import Int64

from domain.infra.accounts.rows import Row

_OF_A_PAYMENT = ("details", "page", "idempotency_key", "fingerprint")
_OF_A_REFUND = ("reason", "idempotency_key", "fingerprint")
_THERE: Row = {"$exists": True}


def holding(client: str) -> Row:
    """Payments of this client that hold anything of theirs."""
    theirs: Row = {"by": {"$eq": client}, "$or": [{name: _THERE} for name in _OF_A_REFUND]}
    anything = [*({name: _THERE} for name in _OF_A_PAYMENT), {"refunds": {"$elemMatch": theirs}}]
    return {"client": {"$eq": client}, "$or": anything}


def redacted(now: datetime) -> list[dict[str, Any]]:
    kept = {"$cond": [{"$eq": ["$$refund.by", "$client"]}, _bare("$$refund"), "$$refund"]}
    refunds = {"$map": {"input": "$refunds", "as": "refund", "in": kept}}
    return [
        {"$set": {"refunds": refunds, "epoch": {"$add": ["$epoch", Int64(1)]}, "updated_at": now}},
        {"$unset": list(_OF_A_PAYMENT)},
    ]


def _bare(refund: Any) -> Any:
    for name in _OF_A_REFUND:
        refund = {"$unsetField": {"field": name, "input": refund}}
    return refund
