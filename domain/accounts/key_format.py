"""
How a machine's key is written: `gwk_<id>_<secret>`.

The id finds the key in one look and is no secret. The secret is 256 random bits; of the whole only the SHA-256 is kept.
"""

import re
import secrets
from hashlib import sha256
from uuid import UUID

PREFIX = "gwk_"

_WRITTEN = re.compile(r"gwk_([0-9a-f]{32})_[A-Za-z0-9_-]{43}", re.ASCII)


def new_key(key_id: UUID) -> tuple[str, str]:
    """The key, to be shown once, and its digest, to be kept."""
    text = f"{PREFIX}{key_id.hex}_{secrets.token_urlsafe(32)}"
    return text, _digest(text)


def read_key(text: str) -> tuple[UUID, str] | None:
    """The id that it says, not verified yet, and its digest; None for what is written otherwise."""
    written = _WRITTEN.fullmatch(text)
    return None if written is None else (UUID(hex=written[1]), _digest(text))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
