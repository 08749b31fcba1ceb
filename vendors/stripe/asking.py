"""One request of the SDK: made for a job's call, read into our words, and its errors into outcomes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stripe

from domain.errors import OutcomeUnknown
from domain.outcomes import Failed, Retry
from domain.vendors import Call
from vendors.errors import NotSent, ReplyTooLarge, ReplyUnreadable, VendorError
from vendors.http import Reply
from vendors.stripe.faults import read_fault, unreadable
from vendors.stripe.transport import Exchange, current
from vendors.stripe.wire import Unreadable

Answer = TypeVar("Answer")

# Besides its own errors, what the SDK raises over an answer that is JSON and not what it expects.
_SDK_FAULTS = (stripe.StripeError, AttributeError, KeyError, TypeError, ValueError, RecursionError)


async def ask(
    send: Callable[[], Awaitable[object]], read: Callable[[bytes], Answer], call: Call, *, moves: bool
) -> Answer | Retry | Failed:
    """
    Make one request, under the call's key if it `moves` anything, and without one if not.

    Raises `NotNow` as the call's gate does, with nothing sent; `OutcomeUnknown` where Stripe may have acted and
    nobody can tell, which a question cannot bring about.
    """
    exchange = Exchange(call, moves)
    token = current.set(exchange)
    try:
        await send()
        return read(_reply_of(exchange).body)
    except VendorError as error:
        return _untold(error, moves=moves)
    except OutcomeUnknown as unknown:
        if moves:
            raise
        return Retry(unknown.code, unknown.detail)
    except Unreadable:
        return unreadable(_reply_of(exchange), moves=moves)
    except _SDK_FAULTS as fault:
        if exchange.reply is None:  # ours: nothing was sent
            raise
        return read_fault(fault, exchange.reply, moves=moves)
    finally:
        current.reset(token)


def _untold(error: VendorError, *, moves: bool) -> Retry | Failed:
    """A call without an answer that could be looked at. Raises `OutcomeUnknown`."""
    match error:
        case NotSent():
            return Retry(error.code, error.detail)
        case ReplyTooLarge() | ReplyUnreadable():
            if moves:
                raise OutcomeUnknown(f"{error.detail} Whether Stripe acted is not known.") from None
            return Retry(error.code, error.detail, vendor_status=error.status)
        case _:
            return Failed(error.code, error.detail)


def _reply_of(exchange: Exchange) -> Reply:
    if exchange.reply is None:
        raise RuntimeError("the SDK answered without asking")
    return exchange.reply
