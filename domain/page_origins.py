"""Origins of pages (RFC 6454), as browsers write them: `https://host`, with a port that is not the scheme's own."""

import re
from urllib.parse import urlsplit

ANY = "*"

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def origin_of(url: str) -> str:
    """The origin of an http(s) URL."""
    parts = urlsplit(url.lower())
    own_port = ":443" if parts.scheme == "https" else ":80"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].removesuffix(own_port)}"


def read_origins(text: str) -> frozenset[str]:
    """
    Those of a list with commas. Raises `ValueError`, with the remedy.

    `*` stands for any, and alone: to pages of listed origins a browser may show what a cookie opens, to any it may not.
    """
    parts = [part.strip().lower() for part in text.split(",")]
    listed = {part for part in parts if part}
    if ANY in listed and len(listed) > 1:
        raise ValueError("* stands for every origin, without credentials; list the origins, or write * alone")
    wrong = next((at for at, part in enumerate(parts, 1) if part and part != ANY and not _ORIGIN.fullmatch(part)), None)
    if wrong is not None:  # it is not repeated: it may be a password that was put into the wrong line
        raise ValueError(f"number {wrong} is not an origin; write https://host or https://host:port, without a path")
    return frozenset(part if part == ANY else origin_of(part) for part in listed)
