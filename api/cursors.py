"""
Page cursors: where the next page begins, signed together with what is being listed.

The filters and the owner are in the signature, not in the cursor: one from another client, or one
used with other filters, does not verify.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from uuid import UUID

import msgspec

from domain.errors import Invalid
from domain.ports import JobFilter

_MAC_BYTES = 16
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursors:
    secret: bytes

    def write(self, last: UUID, which: JobFilter) -> str:
        """The cursor of the page that follows `last`."""
        return urlsafe_b64encode(last.bytes + self._sign(last.bytes, which)).decode().rstrip("=")

    def read(self, cursor: str, which: JobFilter) -> UUID:
        """The id that the page begins after. Raises `Invalid` for a cursor that is not ours, or not of this list."""
        try:
            last = UUID(bytes=urlsafe_b64decode(cursor.encode("ascii") + b"=")[:_ID_BYTES])
        except (Error, ValueError):
            last = UUID(int=0)
        # Compared as text, not as bytes: base64 has several spellings of the same bytes.
        if not hmac.compare_digest(cursor.encode(), self.write(last, which).encode()):
            raise Invalid("is not a cursor of this list; begin again without it")
        return last

    def _sign(self, last: bytes, which: JobFilter) -> bytes:
        listed = [which.owner, which.vendor, which.status, which.created_after]
        return hmac.digest(self.secret, last + msgspec.json.encode(listed), "sha256")[:_MAC_BYTES]
