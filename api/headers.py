"""Request headers, read from the raw ASGI scope: parsing all of them into a mapping costs more than the few we want."""

import re

from litestar.types import Scope

LONGEST_WAIT_SECONDS = 25  # under the 30 s after which proxies commonly give up

_QUOTED_TEXT = re.compile(r'"(?!\d+")[^"]*"')  # of other preferences: what stands in it asks for nothing
_WAIT = re.compile(r'(?:^|,)\s*wait\s*=\s*"?(\d+)"?\s*(?=$|[,;])', re.IGNORECASE)
_QUOTED_TAG = re.compile(r'"[^"]*"')
_STRONG_TAG = re.compile(r'(?:^|,)[ \t]*("[^"]*")[ \t]*(?=,|$)')


def header(scope: Scope, name: bytes) -> str | None:
    """The header's value; of several lines one list, as RFC 9110, section 5.3, reads them. None: not sent."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def wait_asked(scope: Scope) -> int | None:
    """Seconds of `Prefer: wait=N` (RFC 7240), cut to 25. What cannot be read is no preference, never an error."""
    found = _WAIT.search(_QUOTED_TEXT.sub("", header(scope, b"prefer") or ""))
    if found is None:
        return None
    digits = found[1].lstrip("0") or "0"
    return LONGEST_WAIT_SECONDS if len(digits) > 2 else min(int(digits), LONGEST_WAIT_SECONDS)


def known_tags(scope: Scope) -> frozenset[str]:
    """The entity tags of `If-None-Match`, weak ones as good as strong (RFC 9110, section 13.1.2); `*` is any."""
    sent = (header(scope, b"if-none-match") or "").strip()
    return frozenset({"*"}) if sent == "*" else frozenset(_QUOTED_TAG.findall(sent))


def tags_asked(scope: Scope) -> frozenset[str] | None:
    """The strong entity tags of `If-Match` (RFC 9110, section 13.1.1); None: any. What is no tag matches nothing."""
    sent = header(scope, b"if-match")
    return None if sent is None or sent.strip() == "*" else frozenset(_STRONG_TAG.findall(sent))
