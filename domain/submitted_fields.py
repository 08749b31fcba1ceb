"""The fields of a submission: each is read into our words, or is `Invalid` with a pointer and a remedy."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from domain.errors import FieldError, Invalid
from domain.jobs import Priority
from domain.json_text import MAX_DEPTH, is_too_deep, member_names, pointer_to
from domain.public_addresses import is_public

LONGEST_URL = 2_048
MOST_METADATA = 50
LONGEST_METADATA = 500
METADATA_KEY = "[A-Za-z0-9_-]{1,64}"
PAST_ALLOWED = timedelta(seconds=5)  # what clocks and networks may differ by
FUTURE_ALLOWED = timedelta(days=366)
FEW_VENDORS = 20  # as many are listed to somebody who names another

_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]!$&'()*+,;=%]+", re.IGNORECASE)  # RFC 3986, without "@"
_METADATA_KEY = re.compile(METADATA_KEY)

_T = TypeVar("_T")


def refusal(detail: str, *names: str) -> Invalid:
    """One fault, in the member that `names` lead to."""
    return Invalid(detail, errors=(FieldError(pointer_to(*names), detail),))


def read_vendor(raw: bytes, vendors: Collection[str]) -> str:
    name = _read(raw, str, "must be a string, the name of a vendor", "vendorType")
    if name in vendors:
        return name
    known = f"; known are {', '.join(sorted(vendors))}" if 0 < len(vendors) <= FEW_VENDORS else ""
    raise refusal(f"names no vendor of this gateway{known}", "vendorType")


def read_payload(raw: bytes) -> str:
    """The payload's own text: nothing of it is read but its depth."""
    if is_too_deep(raw):
        raise refusal(f"is nested too deeply: {MAX_DEPTH} levels of objects and arrays are the most", "vendorPayload")
    return raw.decode()


def read_priority(raw: bytes) -> Priority:
    return _read(raw, Priority, "must be high, normal or low", "priority")


def read_moment(raw: bytes, now: datetime, name: str) -> datetime:
    """A moment to the millisecond, since MongoDB keeps no more; not long ago, and at most a year ahead."""
    example = 'must be a time with a zone by RFC 3339, such as "2026-01-31T09:00:00Z"'
    moment = _read(raw, datetime, example, name)
    if moment.tzinfo is None:
        raise refusal(example, name)
    if moment < now - PAST_ALLOWED:
        raise refusal("is in the past; take a later time", name)
    if moment > now + FUTURE_ALLOWED:
        raise refusal("is more than a year ahead; take an earlier time", name)
    return to_milliseconds(moment.astimezone(now.tzinfo))


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def read_callback_url(raw: bytes, *, anywhere: bool) -> str:
    """
    Where to call back. Unless it may go `anywhere`, over https only, and to no address that is plainly private.

    What a name leads to is not looked up here: that is checked when it is called.
    """
    url = _read(raw, str, "must be a string, an https URL", "callback_url")
    if len(url) > LONGEST_URL:
        raise refusal(f"is too long: {LONGEST_URL} characters are the most", "callback_url")
    if "@" in re.split("[/?#]", url.partition("//")[2])[0]:
        raise refusal("must not hold credentials; callbacks are signed instead", "callback_url")
    if not _URL.fullmatch(url.replace("@", "%40")) or not _has_host(url):
        raise refusal("must be an absolute https URL, everything else than ASCII escaped", "callback_url")
    if not anywhere and not url.lower().startswith("https:"):
        raise refusal("must be https: callbacks over http are for development only", "callback_url")
    if not anywhere and _is_plainly_private(urlsplit(url).hostname or ""):
        raise refusal("must lead to a public address", "callback_url")
    return url


def read_metadata(raw: bytes) -> dict[str, str]:
    flat = "must be a flat object of strings"
    members = _read(raw, dict[str, msgspec.Raw], flat, "metadata")
    if len(members) > MOST_METADATA:
        raise refusal(f"has too many members: {MOST_METADATA} are the most", "metadata")
    if len(list(member_names(raw.decode()))) > len(members):
        raise refusal("gives a member twice; give it once", "metadata")
    faults = [fault for name, value in members.items() for fault in _metadata_faults(name, bytes(value))]
    if faults:
        raise Invalid(flat, errors=tuple(faults))
    return {name: msgspec.json.decode(value, type=str) for name, value in members.items()}


def _metadata_faults(name: str, raw: bytes) -> list[FieldError]:
    pointer = pointer_to("metadata", name)
    if not _METADATA_KEY.fullmatch(name):
        return [FieldError(pointer, "has a name that is not 1 to 64 of A-Z a-z 0-9 _ -")]
    try:
        value = msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, RecursionError):
        return [FieldError(pointer, "must be a string; metadata is flat")]
    if len(value) > LONGEST_METADATA:
        return [FieldError(pointer, f"is too long: {LONGEST_METADATA} characters are the most")]
    return []


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket without its pair
        return False


def _is_plainly_private(host: str) -> bool:
    """Of a name this says only what everybody knows."""
    name = host.rstrip(".")
    if ":" in name or name.replace(".", "").isdigit():
        return not is_public(name)
    return name == "localhost" or name.endswith(".localhost")


def _read(raw: bytes, kind: type[_T], detail: str, name: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise refusal(detail, name) from None
