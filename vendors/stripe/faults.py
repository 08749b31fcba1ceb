"""
What each of Stripe's errors means: no, not now, or nobody knows.

| what came                     | to what changes anything                      | to a question            |
|-------------------------------|-----------------------------------------------|--------------------------|
| 402                           | `Declined`: the bank's no, in its words       | the same                 |
| 400, 404, other 4xx           | failed: nothing was done                      | the same                 |
| 400 `idempotency_error`       | failed, in doubt: the key was used before     |                          |
| 409, `lock_timeout`           | try again, under the same key                 | try again                |
| 429                           | try again, and nobody calls until then        | the same                 |
| 401                           | try again, nobody calls, a setting is wrong   | the same                 |
| 403                           | try again: the key lacks a right              | the same                 |
| 408, 424, 425, 5xx, rubbish   | unknown: the same key again                   | try again                |
| the same, stored by Stripe    | unknown: look for what was made               | try again                |
| refused, nothing was sent     | try again                                     | try again                |
| broken, or too late           | unknown: the same key again                   | try again                |

Docs: https://docs.stripe.com/error-low-level, /api/errors, /api/idempotent_requests, /rate-limits
Quirk: under a key that it has seen Stripe gives the first answer again for 24 h, a 500 too (`Idempotent-Replayed`).
Quirk: the SDK drops the headers of an answer that is no JSON, so they are read from the reply itself.
"""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
import stripe
import structlog

from domain.errors import OutcomeUnknown
from domain.outcomes import Failed, Retry
from domain.unknowns import CODES_OF_DOUBT
from vendors.http import Reply
from vendors.refusals import read_retry_after

KEY_REFUSED = timedelta(minutes=1)  # until a wrong key is tried once more: somebody has to set another
LONGEST_MESSAGE = 500

_UNSETTLED = frozenset({408, 424, 425})
_BUSY = frozenset({"lock_timeout", "idempotency_key_in_use"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Declined(Failed):
    """The explicit no to a payment: `code` and `reason` are Stripe's code and message, the rest what more it says."""

    decline_code: str | None = None
    intent_id: str | None = None


class StoredFault(OutcomeUnknown):
    """Stripe's stored answer is a fault of its own: the same key brings nothing else. What was made is there."""

    trouble = False


class _Named(msgspec.Struct):
    id: str


class Said(msgspec.Struct, frozen=True):
    """The error object of an answer; all None where there is none, or none that can be read."""

    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    param: str | None = None
    payment_intent: _Named | None = None


class _Body(msgspec.Struct):
    error: Said


def read_fault(fault: Exception, reply: Reply, *, moves: bool) -> Retry | Failed:
    """What the SDK's exception means, of `reply`. Raises `OutcomeUnknown` where Stripe may have acted."""
    said = _said(reply)
    return _not_now(fault, said, reply) or _no(fault, said, reply) or _by_status(said, reply, moves=moves)


def _not_now(fault: Exception, said: Said, reply: Reply) -> Retry | None:
    """By the status too: an answer that is no JSON is a plain `APIError` to the SDK, whatever it is."""
    status = reply.status
    if said.code in _BUSY or status == 409:
        return Retry("vendor_busy", "Stripe is at work on this very thing: it is asked again.", None, False, status)
    if isinstance(fault, stripe.RateLimitError) or status == 429:
        after = read_retry_after(reply.headers.get("retry-after"), reply.received_at)
        return Retry("vendor_throttled", f"Stripe answered {status}: not now.", after, True, status)
    if isinstance(fault, stripe.AuthenticationError) or status == 401:
        why = "Stripe does not accept our key: set STRIPE_SECRET_KEY to one that it does."
        return _key_refused(why, status, closes=True)
    if isinstance(fault, stripe.PermissionError) or status == 403:
        why = "Stripe says that our key may not do this: give the key of STRIPE_SECRET_KEY the right to."
        return _key_refused(why, status, closes=False)
    return None


def _key_refused(why: str, status: int, *, closes: bool) -> Retry:
    """Loud: to its jobs it looks like any other wait, and nobody is paid until somebody sets another key."""
    log.error("stripe refuses our key", remedy=why, status=status)
    return Retry("vendor_refused_key", why, KEY_REFUSED, closes, status)


def _no(fault: Exception, said: Said, reply: Reply) -> Failed | None:
    status = reply.status
    match fault:
        case stripe.IdempotencyError():
            return _key_reused(status)
        case stripe.CardError():
            intent = said.payment_intent.id if said.payment_intent is not None else None
            return Declined(_code(said, "card_declined"), _why(said, reply), status, said.decline_code, intent)
        case stripe.InvalidRequestError():
            return Failed(_code(said, "vendor_rejected"), _why(said, reply), status)
        case _:
            return None


def unreadable(reply: Reply, *, moves: bool) -> Retry:
    """An answer that says yes in words that nobody can read. Raises `OutcomeUnknown`."""
    return _unsettled("Stripe's answer cannot be read.", reply, moves=moves)


def _by_status(said: Said, reply: Reply, *, moves: bool) -> Retry | Failed:
    status = reply.status
    if status >= 500 or status in _UNSETTLED:
        return _unsettled(f"Stripe answered {status}.", reply, moves=moves)
    if 200 <= status < 300:
        return unreadable(reply, moves=moves)
    if status < 400:
        return Failed("vendor_redirected", "What answers is not Stripe's API: look at STRIPE_API_BASE.", status)
    return Failed(_code(said, "vendor_rejected"), _why(said, reply), status)


def _unsettled(what: str, reply: Reply, *, moves: bool) -> Retry:
    if not moves:
        return Retry("vendor_unavailable", what, None, False, reply.status)
    headers = reply.headers
    stored = headers.get("idempotent-replayed") == "true" or headers.get("stripe-should-retry") == "false"
    if stored:
        raise StoredFault(f"{what} It will say nothing else under this key; whether it acted is not known.")
    raise OutcomeUnknown(f"{what} Whether it acted is not known.")


def _key_reused(status: int) -> Failed:
    log.error("stripe has seen an idempotency key of ours with other parameters; a person has to look")
    why = "Stripe was asked for something else under the same key before; what became of that is to be looked up."
    return Failed("idempotency_error", why, status)


def _said(reply: Reply) -> Said:
    try:
        return msgspec.json.decode(reply.body, type=_Body).error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Said()


def _code(said: Said, otherwise: str) -> str:
    """Stripe's own code, unless it is one of ours that would put what is certain in doubt."""
    code = said.code or ""
    fine = 0 < len(code) <= 64 and code.isascii() and code.replace("_", "").isalnum() and code not in CODES_OF_DOUBT
    return code if fine else otherwise


def _why(said: Said, reply: Reply) -> str:
    parts = [(said.message or f"Stripe answered {reply.status}.")[:LONGEST_MESSAGE]]
    parts += [f"({said.decline_code})"] if said.decline_code else []
    parts += [f"[{said.param}]"] if said.param else []
    return " ".join(parts)
