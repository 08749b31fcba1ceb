"""
The kinds of fields that a vendor's table has, each with its check.

A check's text is shown to a person after `file:line: `: it says what is wrong, then the remedy,
and never repeats the value, which may hold a secret.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import httpx
from pydantic import AfterValidator, BeforeValidator, ConfigDict, SecretStr
from pydantic_core import PydanticCustomError

from domain.limit_notation import read_smallest
from vendors.http import is_header
from vendors.json_slices import read_pointer

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)

JOB_VALUE = "${job."  # the beginning of what is filled in for each job
REQUEST_ID = "${job.request_id}"
REFERENCE = "${job.reference}"

_DURATION = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhd])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

_INTO_HEADERS = 'move them into headers = { Authorization = "Basic ${NAME}" }'

# Set by the gateway or by HTTP itself on every call.
_OUR_HEADERS = frozenset(
    {"idempotency-key", "x-request-id", "traceparent", "host", "content-length", "transfer-encoding", "connection"}
    | {"accept-encoding", "te", "trailer", "upgrade", "expect"}
)


def conflict(what: str, *where: str) -> PydanticCustomError:
    """A fault of several fields together, to be raised by a model; `where` is the key to point at, seen from it."""
    return PydanticCustomError("conflict", "{what}", {"what": what, "where": where})


def check_url(url: str, key: str = "url", *, credentials_go: str = _INTO_HEADERS) -> str:
    try:
        parsed = httpx.URL(url)
        host = parsed.host
        parsed.raw_host.decode().encode("idna")  # as the connection will: no label is empty or too long
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError(f"{key} is not a URL: write it like https://api.acme.example/v2/reports") from None
    if parsed.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f"{key} is not an http:// or https:// address: write it like https://api.acme.example/v2/reports"
        )
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise ValueError(f"{key} has a port that is none: write 1 to 65535")
    if parsed.userinfo:
        raise ValueError(f"{key} holds credentials: {credentials_go}")
    if parsed.fragment:
        raise ValueError(f"{key} holds a fragment, which no vendor would see: remove what follows the #")
    return url


def is_path(url: str) -> bool:
    """Whether it is meant for a vendor with `instances`, which say the rest of it."""
    return url.startswith("/") and not url.startswith("//")


def check_place(url: str, key: str = "url") -> str:
    """A whole URL, or a path alone."""
    check_url("http://instance" + url if is_path(url) else url, key)
    return url


def refuse_job_values(text: str) -> str:
    if JOB_VALUE in text:
        raise ValueError("a job's own values cannot be used here: remove ${job.…}")
    return text


def _check_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, secret in headers.items():
        refuse_job_values(secret.get_secret_value())
        if name.lower() in _OUR_HEADERS:
            raise ValueError(f"the gateway sets the header {name} itself: remove it")
        if not is_header(name, secret.get_secret_value()):
            raise ValueError(
                f"the header {name!r} holds a character that HTTP does not allow: "
                "look for a line's end in it, or a letter that is not ASCII"
            )
    return headers


def _check_limit(limit: str) -> str:
    try:
        read_smallest(limit)
    except ValueError as fault:
        raise ValueError(f"limit {fault}") from None
    return limit


def _read_duration(text: object) -> timedelta:
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError('key_lifetime is not a duration: write it like "90s", "30m", "24h" or "7d"')
    return int(found["count"]) * _UNITS[found["unit"]]


def _check_pointer(text: str) -> str:
    try:
        read_pointer(refuse_job_values(text))
    except ValueError as error:
        raise ValueError(f'{error}: write it like "/data/report"') from None
    return text


def _check_member_pointer(text: str) -> str:
    if not _check_pointer(text):
        raise ValueError('"" is all of it: name a member, like "/id"')
    return text


def reveal(headers: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: secret.get_secret_value() for name, secret in headers.items()}


Place = Annotated[str, AfterValidator(refuse_job_values), AfterValidator(check_place)]
Headers = Annotated[dict[str, SecretStr], AfterValidator(_check_headers)]
Limit = Annotated[str, AfterValidator(_check_limit)]
Lifetime = Annotated[timedelta, BeforeValidator(_read_duration)]
PointerText = Annotated[str, AfterValidator(_check_pointer)]
MemberPointer = Annotated[str, AfterValidator(_check_member_pointer)]
