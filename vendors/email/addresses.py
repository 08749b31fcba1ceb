"""
Addresses as any SMTP server takes them, checked here once more, whoever let them in.

What stands in a command or a header of ours is made of these characters alone, so nothing can be smuggled in behind it.
"""

import re
from email.headerregistry import Address
from email.utils import getaddresses

LONGEST = 254  # characters; RFC 5321, section 4.5.3.1.3, less the angle brackets
LONGEST_LOCAL = 64

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def is_address(text: str) -> bool:
    """Whether mail can be sent there: a name and a domain in ASCII, an international one as `xn--…`."""
    local, _, domain = text.rpartition("@")
    fits = len(local) <= LONGEST_LOCAL and len(text) <= LONGEST
    return fits and bool(_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain))


def read_sender(text: str) -> Address:
    """An address, alone or after a name for people. Raises `ValueError`."""
    named = getaddresses([text])
    name, address = named[0] if len(named) == 1 else ("", "")
    if not text.isprintable() or not is_address(address):
        raise ValueError("it is no address: write gateway@example.com, or Our Gateway <gateway@example.com>")
    return Address(name, addr_spec=address)
