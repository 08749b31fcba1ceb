"""A delivery as the receiver sees it, and what its answer means."""

from datetime import datetime

import httpx

from domain.callbacks import Delivery
from domain.outcomes import Done, Failed, Outcome, Retry
from vendors.http import Reply
from vendors.refusals import read_retry_after
from vendors.signatures.standard import sign

GONE = 410


def read_url(text: str, *, allow_private: bool) -> httpx.URL | None:
    """Where to deliver; None for a URL that nothing may be sent to, whatever address it leads to."""
    schemes = {"http", "https"} if allow_private else {"https"}
    try:
        url = httpx.URL(text)
        return url if url.scheme in schemes and url.host and not url.userinfo else None
    except (httpx.InvalidURL, ValueError):  # ValueError: a host in `xn--` that is no punycode, and is decoded late
        return None


def host_of(url: httpx.URL) -> str:
    """What its limits go by; the many ways to write one name are one host."""
    return url.host.lower().rstrip(".")


def signed_headers(delivery: Delivery, key: bytes, now: datetime) -> dict[str, str]:
    """The id is the same over every attempt; the time, and so the signature, is of this one."""
    moment = str(int(now.timestamp()))
    return {
        "webhook-id": delivery.event_id,
        "webhook-timestamp": moment,
        "webhook-signature": sign(key, delivery.event_id, moment, bytes(delivery.body)),
    }


def read_answer(reply: Reply, now: datetime) -> Outcome:
    """Whatever is no success is tried again, a redirect too: the receiver may be mended. Only 410 is a no."""
    status = reply.status
    if 200 <= status < 300:
        return Done(f'{{"status":{status}}}', status)  # what it said besides is nobody's business
    if status == GONE:
        return Failed("callback_gone", "The receiver answered 410: it wants no callback of this job.", status)
    after = read_retry_after(reply.headers.get("retry-after"), now)
    return Retry("callback_failed", f"The receiver answered {status}.", after, vendor_status=status)
