"""
Short links: `/r/{code}` leads to a processor's page, and never anywhere else.

A code is 96 random bits: who asks for a million codes a second meets one of a million links in some 2.5 billion years,
so guesses need not be counted. Codes are stored as they are: who can read them there reads where each leads to, too.

Where a link may lead to is looked at when it is made and once more whenever it is followed, by the settings of that
moment: a host that was struck off is reached no more, and a row that somebody wrote by other means leads nowhere.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from domain.errors import FieldError, Invalid

LIFETIME = timedelta(hours=24)  # no processor keeps a payment page longer
LONGEST_URL = 4_096  # pages of Stripe's Checkout have some 400 characters
RANDOM_BYTES = 12

_CODE = re.compile(r"[A-Za-z0-9_-]{16}")
_PLAIN = re.compile(r"[!-~]+")  # RFC 3986 has no other characters: what a browser would strip or bend is not there
_BENT = re.compile(r"""["'<>\\^`{|}]""")  # nor these; a backslash is a slash to browsers
_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?)(?::[1-9][0-9]{0,4})?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ShortLink:
    """`id` is the code. `key` says what it is for: made again for the same, it is the same code."""

    id: str
    url: str
    expires_at: datetime
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where links may lead to: `hosts` as in a URL, with the port where it is not the scheme's own."""

    hosts: frozenset[str] = frozenset()
    https_only: bool = True

    def allow(self, url: str) -> bool:
        parts = _split(url)
        return parts is not None and not self._fault(parts)

    def check(self, url: str) -> None:
        """Raises `Invalid`, which names the host and no more: such a page may be all that opens a payment."""
        parts = _split(url)
        detail = "must be an absolute URL of http or https without a user" if parts is None else self._fault(parts)
        if detail:
            raise Invalid(f"/url {detail}", errors=(FieldError("/url", detail),))

    def _fault(self, parts: SplitResult) -> str:
        if self.https_only and parts.scheme != "https":
            return "must be https in production"
        host = _authority(parts)
        if host not in self.hosts:
            return f"leads to {host}, which is no host that short links may lead to; GATEWAY_SHORT_HOSTS lists them"
        return ""


def read_hosts(listed: str) -> frozenset[str]:
    """`pay.example, other.example:8443`. Raises `ValueError` for what is no host."""
    hosts = [host.strip().lower() for host in listed.split(",") if host.strip()]
    wrong = next((place for place, host in enumerate(hosts, 1) if not _HOST.fullmatch(host)), None)
    if wrong is not None:
        raise ValueError(f"entry {wrong} is no host such as pay.example or pay.example:8443")
    return frozenset(hosts)


def hosts_of(urls: Iterable[str]) -> frozenset[str]:
    """The hosts of these pages, as `Destinations` has them; of what is no URL, none."""
    return frozenset(_authority(parts) for url in urls if (parts := _split(url)) is not None)


def new_code() -> str:
    return secrets.token_urlsafe(RANDOM_BYTES)


def is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


def path_of_code(code: str) -> str:
    return f"/r/{code}"


def _split(url: str) -> SplitResult | None:
    """None for whatever a browser and we might read differently."""
    if len(url) > LONGEST_URL or not _PLAIN.fullmatch(url) or _BENT.search(url):
        return None
    try:
        parts = urlsplit(url)
        in_range = parts.port is None or parts.port > 0
    except ValueError:
        return None
    plain = parts.scheme in _PORTS and _HOST.fullmatch(parts.netloc.lower())
    return parts if plain and in_range else None


def _authority(parts: SplitResult) -> str:
    return parts.netloc.lower().removesuffix(f":{_PORTS[parts.scheme]}")
