"""The schemes by the name that a table gives them. A new one is a module and a line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from vendors.signatures import github, hmac, standard, stripe
from vendors.signatures.digests import read_text_secret

# Headers (names in lower case), body, now and the keys that are accepted; the event's id, where a header says it.
# Raises `BadSignature` and nothing else, whatever a stranger sends.
Verify = Callable[[Mapping[str, str], bytes, datetime, Sequence[bytes]], str | None]


@dataclass(frozen=True, slots=True)
class Scheme:
    """`read_secret` makes a key of what the vendor's settings page shows; it raises ValueError with the remedy."""

    verify: Verify
    read_secret: Callable[[str], bytes] = read_text_secret
    id_pointer: str | None = None  # where the body has the event's id, unless the table says otherwise


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "standard": Scheme(standard.verify, standard.read_secret),
        "stripe": Scheme(stripe.verify, id_pointer="/id"),
        "github": Scheme(github.verify),
        "hmac": Scheme(hmac.verify),
    }
)
