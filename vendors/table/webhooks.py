"""A table vendor's webhooks: which secrets are good just now, what the event's id is, and what it says."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.webhooks import Notice
from vendors.json_slices import NotJson, read_pointer
from vendors.signatures.schemes import SCHEMES
from vendors.signatures.secrets import FormerSecret
from vendors.table.notices import read_notice
from vendors.table.pieces import scalar_at
from vendors.table.webhook_settings import WebhookTable

_ID = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class TableWebhooks:
    """A `WebhookReader` that `KeepsSecret`. `key` is the secret as its scheme uses it."""

    table: WebhookTable
    key: bytes = field(repr=False)
    former: FormerSecret | None = None

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """The event's id: of the scheme's header, else of the body, else the body's hash. Raises `BadSignature`."""
        keys = [self.key] if self.former is None or now >= self.former.until else [self.key, self.former.key]
        named = SCHEMES[self.table.scheme].verify(headers, body, now, keys)
        if named is None:
            return self._id_in(body) or _hash(body)
        return named if _ID.fullmatch(named) else _hash(named.encode())  # too long to be kept; still one id, one event

    def read(self, body: bytes) -> Notice:
        return read_notice(body, self.table)

    def with_former(self, former: FormerSecret | None) -> "TableWebhooks":
        return replace(self, former=former)

    def _id_in(self, body: bytes) -> str | None:
        pointer = self.table.id or SCHEMES[self.table.scheme].id_pointer
        try:
            found = None if pointer is None else scalar_at(body, read_pointer(pointer))
        except NotJson:
            return None
        return found if found is not None and _ID.fullmatch(found) else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
