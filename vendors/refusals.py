"""
What an answer's status means, unless a vendor's adapter says otherwise.

| status                            | verdict                                                        |
|-----------------------------------|----------------------------------------------------------------|
| 2xx                               | a success: the adapter reads the body                          |
| 429, and 503 with `Retry-After`   | try again, and nobody calls this vendor until then             |
| 408, 425, 500, 502, 503, 504      | try again                                                      |
| 3xx                               | failed: a redirect is never followed                           |
| other 4xx, and every other status | failed: it said no, or something that nobody has promised      |
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from domain.outcomes import Failed, Retry
from domain.vendors import Call
from vendors.errors import NotSent, ReplyTooLarge, ReplyUnreadable, Unsendable
from vendors.http import Reply, VendorHttp, VendorRequest

LONGEST_WAIT = timedelta(days=1)  # what a vendor may ask for; more is a mistake of its own

_TRY_AGAIN = frozenset({408, 425, 500, 502, 503, 504})
_DELTA_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # RFC 9110 says whole seconds; some vendors send fractions


async def success_of(http: VendorHttp, request: VendorRequest, call: Call, *, max_bytes: int) -> Reply | Retry | Failed:
    """
    Make one call: the reply if it is a success, otherwise what the call came to.

    Raises `OutcomeUnknown` when the vendor may have acted and nobody can tell.
    """
    try:
        reply = await http.send(request, call, max_bytes=max_bytes)
    except NotSent as error:
        return Retry(error.code, error.detail)
    except Unsendable as error:
        return Failed(error.code, error.detail)
    except (ReplyTooLarge, ReplyUnreadable) as error:
        return Failed(error.code, error.detail, error.status)
    return read_refusal(reply, reply.received_at) or reply


def read_refusal(reply: Reply, now: datetime) -> Retry | Failed | None:
    """What to do about `reply`, or None when its status is a success."""
    status = reply.status
    if 200 <= status < 300:
        return None
    after = read_retry_after(reply.headers.get("retry-after"), now)
    if status == 429 or (status == 503 and after is not None):
        return Retry("vendor_throttled", f"The vendor answered {status}: not now.", after, True, status)
    if status in _TRY_AGAIN:
        return Retry("vendor_unavailable", f"The vendor answered {status}.", after, vendor_status=status)
    return Failed(_failure_code(status), f"The vendor answered {status}.", status)


def _failure_code(status: int) -> str:
    if 300 <= status < 400:
        return "vendor_redirected"
    return "vendor_rejected" if 400 <= status < 500 else "vendor_error"


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """
    `Retry-After` (RFC 9110, 10.2.3) as a wait of at most `LONGEST_WAIT`; None when it is absent or says nothing.

    A date in the past is no wait at all.
    """
    value = (value or "").strip()
    if _DELTA_SECONDS.fullmatch(value):
        seconds = float(value[:12])  # a longer number is past any cap
        return min(timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds())), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # asctime's form, and "-0000"
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), LONGEST_WAIT)
