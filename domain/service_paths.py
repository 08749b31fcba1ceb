"""
The part of a path that is a service's own, byte for byte as the client wrote it, or a refusal.

What two programs could read differently is refused here, since the instance reads it again: steps upwards however
often they are escaped, backslashes, broken escapes. Nothing is put right (RFC 3986, section 6, would allow it): a
signature over the path, or an escaped slash in an id, stays good.
"""

import re
from urllib.parse import unquote_to_bytes

from domain.errors import BadSyntax, FieldError, NotFound

_OURS = re.compile(rb"/services/([a-z][a-z0-9_-]{0,63})(/.*)?", re.DOTALL)
_PATH = re.compile(rb"(?:[!$&-;=@-\[\]^-~]|%[0-9A-Fa-f]{2})*")  # what is visible, without " # % < > ? \
_QUERY = re.compile(rb"[!\"$-~]*")  # what is visible, without #
_SEPARATORS = re.compile(rb"[/\\]")
_MOST_ESCAPES = 4  # of escapes: beyond, nobody meant well


def split_path(raw: bytes) -> tuple[str, bytes]:
    """The service's name, and the path below it. Raises `NotFound` for what does not begin as our route does."""
    found = _OURS.fullmatch(raw)
    if found is None:
        raise NotFound("nothing is served under this path; write /services/NAME/…, the name without escapes")
    return found[1].decode(), found[2] or b"/"


def target_of(path: bytes, query: bytes) -> str:
    """Path and query as one text. Raises `BadSyntax` for what could be read in two ways."""
    if not _PATH.fullmatch(path):
        raise _ambiguous("/path", "holds a character that a path may not: write it as %XX, and no backslash at all")
    if path.startswith(b"//"):
        raise _ambiguous("/path", "begins with two slashes, which some read as another host: write one")
    if _steps_upwards(path):
        raise _ambiguous("/path", "holds a step such as .. or %2e%2e, a backslash or a NUL: write the path it leads to")
    if not _QUERY.fullmatch(query):
        raise _ambiguous("/query", "holds a character that a query may not: write it as %XX")
    return (path + b"?" + query if query else path).decode()


def _steps_upwards(path: bytes) -> bool:
    for _ in range(_MOST_ESCAPES):
        steps = (step.partition(b";")[0] for step in _SEPARATORS.split(path))  # `..;x` is a step to some servers
        if b"\\" in path or b"\0" in path or any(step in {b".", b".."} for step in steps):
            return True
        if (plain := unquote_to_bytes(path)) == path:
            return False
        path = plain
    return True


def _ambiguous(pointer: str, what: str) -> BadSyntax:
    return BadSyntax(f"{pointer[1:]} {what}", errors=(FieldError(pointer, what),))
