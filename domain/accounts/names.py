"""
What people are called by: e-mail addresses and usernames, each with the key that it is compared by.

Everything is ASCII on purpose. Two addresses that look alike are then one or plainly two, nothing invisible stands in
one, and a line break that would begin another header of a mail is refused with all the rest. A domain in another
script is written in punycode (RFC 3492) by the client. No refusal repeats what was sent.

A name that looks like one of the gateway's own is refused like that one. Of the signs that look like letters those are
known that people forge names by; Unicode's list has thousands (UTS 39), and a username is ASCII anyhow.

Sources: RFC 5321, section 4.5.3 (lengths), RFC 5322, section 3.2.3 (dot-atom), RFC 1123, section 2.1 (host names).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from domain.callers import OWN_NAMES
from domain.errors import FieldError, Invalid

LONGEST_EMAIL = 254  # RFC 5321's 256 for a path, less its two angle brackets
LONGEST_LOCAL = 64
LONGEST_USERNAME = 32

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f]")
_USERNAME = re.compile(rf"[A-Za-z][A-Za-z0-9._-]{{2,{LONGEST_USERNAME - 1}}}")

# Names that others would take for the gateway's own word, or that stand in addresses of its own (RFC 2142).
_OFFICES = """
abuse account accounts admin administrator administrators admins anonymous anybody api apikey apikeys audit auth
billing bot callback callbacks client clients config daemon dashboard demo dev docs email everybody everyone gateway
guest health help helpdesk hostmaster info internal job jobs login logout mail mailerdaemon me metrics mod moderator
noreply nobody notifications null oauth official operator operators order orders owner password payment payments
postmaster product products public register root sales security self service services session sessions settings signin
signup staff status stripe sudo super superadmin superuser support sysadmin system team test undefined unknown user
username users vendor vendors webhook webhooks webmaster worker www
"""

_LOOKS: dict[int, int] = {  # one sign for each that the eye takes for the same: of ASCII, Greek and Cyrillic
    **str.maketrans("013457l9@$!|", "oieastigasii"),
    **str.maketrans("αεικνορτυχ", "aeikvoptux"),
    **str.maketrans("аеһіјкмосрѕтухԁԝ", "aehijkmocpstyxdw"),
}


class Name(NamedTuple):
    """`shown` is as it was given; who has the same `key` has the same name."""

    shown: str
    key: str


def read_email(text: str, field: str = "email") -> Name:
    """The address. Raises `Invalid` with a pointer to `field`."""
    for fault in _email_faults(text):
        raise _refusal(fault, field)
    return Name(text, text.lower())


def read_username(text: str, field: str = "username") -> Name:
    """The username, which is no address and nobody's office. Raises `Invalid` with a pointer to `field`."""
    if not _USERNAME.fullmatch(text):
        raise _refusal(
            f"must be 3 to {LONGEST_USERNAME} of A-Z a-z 0-9 . _ - and begin with a letter, such as jane.doe", field
        )
    if _look(text) in _RESERVED:
        raise _refusal("is reserved; choose another", field)
    return Name(text, text.lower())


def is_own_name(text: str) -> bool:
    """Whether it reads as a name that the gateway itself goes by; of any text."""
    return _look(text) in _OWN


def _look(text: str) -> str:
    """What the eye makes of it: without case, accents and what stands between letters, look-alikes as one sign."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(_LOOKS)
    return "".join(filter(str.isalnum, plain)).replace("vv", "w").replace("rn", "m")


def _email_faults(text: str) -> Iterator[str]:
    """What is wrong with it; each is looked for only where there is none before it."""
    if len(text) > LONGEST_EMAIL:
        yield f"is too long: {LONGEST_EMAIL} characters are the most"
    if _INVISIBLE.search(text):
        yield "holds a space, a line break or a control character; leave it out"
    if not text.isascii():
        yield "holds a character that is not ASCII; write a domain of another script in punycode (xn--…)"
    local, at, domain = text.rpartition("@")
    if not at or "@" in local:
        yield "must be one address with one @, such as jane@example.com"
    if len(local) > LONGEST_LOCAL:
        yield f"is too long before the @: {LONGEST_LOCAL} characters are the most"
    if not _LOCAL.fullmatch(local):
        yield "must have letters, digits and single dots before the @, without quotes, brackets or comments"
    if not _DOMAIN.fullmatch(domain):
        yield "must end in the name of a domain, such as example.com"


def _refusal(detail: str, field: str) -> Invalid:
    return Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))


_OWN = frozenset(map(_look, OWN_NAMES))
_RESERVED = _OWN | frozenset(map(_look, _OFFICES.split()))
