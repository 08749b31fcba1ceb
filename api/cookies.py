"""
One cookie of a request, read in one pass over the bytes.

Litestar's own parser unquotes every cookie by the standard library's, which takes time in the square of the length
(CVE-2024-7592): one header of 60 KB held the event loop for seconds. It also remembers whole headers, tokens and all.
"""

from litestar.types import Scope


def cookie_in(scope: Scope, name: str) -> str | None:
    """
    The cookie's value; None where there is none, or where there are several of this name.

    A browser sends ours once. Another one was planted by a neighbour, who may set cookies for the domain that we share
    (RFC 6265, section 8.6), and nothing tells them apart.
    """
    wanted = f"{name}=".encode()
    lines = [value for key, value in scope["headers"] if key == b"cookie"]
    pairs = (pair.strip() for line in lines for pair in line.split(b";"))
    values = [pair.removeprefix(wanted) for pair in pairs if pair.startswith(wanted)]
    return values[0].decode("latin-1") or None if len(values) == 1 else None
