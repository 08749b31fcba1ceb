"""
Keyed fingerprints of what must not be written down: an address that nobody has, a secret among the settings.

Equal texts have equal marks, so that a change shows. Who reads a mark and lacks the key can try no guess at its text.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

_SHOWN = 8  # bytes: enough to tell texts apart, and nothing is let in by a mark
_KEY = b"key of marks"  # nothing else is signed by these words


@dataclass(frozen=True, slots=True)
class Marks:
    """`keys` by their own fingerprints; the first is the newest, and former ones still compare."""

    keys: dict[str, bytes] = field(repr=False)

    @classmethod
    def of(cls, masters: Sequence[bytes]) -> Self:
        """Derived from keys that serve for other things."""
        keys = [hmac.digest(master, _KEY, "sha256") for master in masters]
        return cls({_digest(key, "which key"): key for key in keys})

    @property
    def newest(self) -> str:
        return next(iter(self.keys))

    def mark(self, text: str, key_id: str | None = None) -> str:
        """The mark by the newest key, or by another of `keys`."""
        return _digest(self.keys[key_id or self.newest], text)


def marks_of_this_process() -> Marks:
    """Comparable with nobody else's."""
    return Marks.of((secrets.token_bytes(32),))


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(errors="surrogatepass"), "sha256")[:_SHOWN].hex()
