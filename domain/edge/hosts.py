"""
Under which names a browser may have found the gateway, where it lets callers in without credentials.

A page of a stranger's can have its own name lead to this machine (DNS rebinding). To the browser it is then of our
origin, may call and read whatever it likes, and no header says so but `Host`. What nobody outside can own is safe: an
address, a name without a dot, and the domains that no public DNS answers for.

Sources: RFC 6761, RFC 6762, RFC 8375, and ICANN's reservation of `internal`.
"""

import re
from collections.abc import Collection
from ipaddress import ip_address

from litestar.types import Scope

_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d*)?")
_NOBODYS = (".home.arpa", ".internal", ".local", ".localhost", ".test")


def is_safe_host(scope: Scope, own: Collection[str]) -> bool:
    """Whether `Host` is such a name, or one of our `own`, with a port or without. A browser sends one, always."""
    sent = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
    if len(sent) != 1:
        return not sent
    name = _without_port(sent[0]).rstrip(".")
    return sent[0] in own or name in own or "." not in name or name.endswith(_NOBODYS) or _is_address(name)


def _without_port(host: str) -> str:
    """Of `127.0.0.1:8000`, `localhost` or `[::1]:8000`."""
    if not host.startswith("["):
        return host.partition(":")[0]
    found = _BRACKETED.fullmatch(host)
    return found[1] if found else host


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
