"""
Who is at the other end: the socket's peer or, behind proxies that the operator trusts, whom they name.

`X-Forwarded-For` grows at its right end, one address a proxy. What stands further left than our own
proxies wrote is the client's word, and no more than that.
"""

import re
from ipaddress import ip_address

from litestar.types import Scope

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](:\d*)?|(?P<v4>[0-9.]+):\d*")
_LONGEST = 64  # characters of what is no address; nobody's counts need more


def client_address(scope: Scope, trusted_hops: int = 0) -> str:
    """
    The client's address, in one spelling; "" for a socket without one.

    With fewer entries than hops the request did not come through all of the proxies, and the peer counts.
    """
    peer = scope["client"][0] if scope["client"] else ""
    if trusted_hops == 0:
        return peer
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    named = b",".join(lines).decode("latin-1").split(",") if lines else []
    return _spelled(named[-trusted_hops].strip()) if len(named) >= trusted_hops else peer


def _spelled(text: str) -> str:
    """Without the port that some proxies write, IPv6 in its short form."""
    found = _WITH_PORT.fullmatch(text)
    bare = (found["v6"] or found["v4"] or "") if found else text
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare[:_LONGEST]
