"""
Page cursors: where the next page begins, signed together with what is being listed.

The filters and the owner are in the signature, not in the cursor: one from another client, or one
used with other filters, does not verify.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from domain.errors import Invalid

_MAC_BYTES = 16
_ID_BYTES = 16

Listed = Sequence[object]  # a list's name, its owner and its filters: what msgspec can write as JSON


@dataclass(frozen=True, slots=True)
class Cursors:
    secret: bytes

    def write(self, last: UUID, listed: Listed) -> str:
        """The cursor of the page that follows `last`."""
        return urlsafe_b64encode(last.bytes + self._sign(last.bytes, listed)).decode().rstrip("=")

    def read(self, cursor: str, listed: Listed) -> UUID:
        """The id that the page begins after. Raises `Invalid` for a cursor that is not ours, or not of this list."""
        try:
            last = UUID(bytes=urlsafe_b64decode(cursor.encode("ascii") + b"=")[:_ID_BYTES])
        except (Error, ValueError):
            last = UUID(int=0)
        # Compared as text, not as bytes: base64 has several spellings of the same bytes.
        if not hmac.compare_digest(cursor.encode(), self.write(last, listed).encode()):
            raise Invalid("is not a cursor of this list; begin again without it")
        return last

    def _sign(self, last: bytes, listed: Listed) -> bytes:
        return hmac.digest(self.secret, last + msgspec.json.encode(listed), "sha256")[:_MAC_BYTES]
