"""
What a vendor's table in `vendors.toml` may say, checked field by field.

A validator's text is shown to a person after `file:line: `: it says what is wrong, then the remedy,
and never repeats the value, which may hold a secret.
"""

import re
from datetime import timedelta
from typing import Annotated, Literal

import httpx
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from domain.backoff import Backoff
from domain.vendors import VendorPolicy
from vendors.http import is_header
from vendors.json_slices import read_pointer

# A job's document may hold 16 MiB, and base64 makes a third more of a reply.
MAX_REPLY_BYTES = 8 * 1024 * 1024

_DURATION = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhd])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

# One part of the notation of the `limits` library (`limits.util.parse_many`), with amounts of at least 1.
_LIMIT = re.compile(
    r"\s*0*[1-9][0-9]*\s*(/|per)\s*(0*[1-9][0-9]*)?\s*(second|minute|hour|day|month|year)s?\s*", re.IGNORECASE
)

# Set by the gateway or by HTTP itself on every call.
_OUR_HEADERS = frozenset(
    {"idempotency-key", "x-request-id", "traceparent", "host", "content-length", "transfer-encoding", "connection"}
    | {"accept-encoding", "te", "trailer", "upgrade", "expect"}
)


def _check_mode(mode: str) -> str:
    if mode == "async":
        raise ValueError('async vendors are not supported by this version: use mode = "sync" or remove the table')
    if mode != "sync":
        raise ValueError('mode is neither "sync" nor "async": write mode = "sync"')
    return mode


def _check_url(url: str) -> str:
    _refuse_job_values(url)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("url is not a URL: write it like https://api.acme.example/v2/reports") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("url is not an http:// or https:// address: write it like https://api.acme.example/v2/reports")
    if parsed.userinfo:
        raise ValueError('url holds credentials: move them into headers = { Authorization = "Basic ${NAME}" }')
    if parsed.fragment:
        raise ValueError("url holds a fragment, which no vendor would see: remove what follows the #")
    return url


def _refuse_job_values(text: str) -> None:
    if "${job." in text:
        raise ValueError("a job's own values cannot be used here: remove ${job.…}")


def _check_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, secret in headers.items():
        _refuse_job_values(secret.get_secret_value())
        if name.lower() in _OUR_HEADERS:
            raise ValueError(f"the gateway sets the header {name} itself: remove it")
        if not is_header(name, secret.get_secret_value()):
            raise ValueError(
                f"the header {name!r} holds a character that HTTP does not allow: look for a line's end in it"
            )
    return headers


def _check_limit(limit: str) -> str:
    if not all(_LIMIT.fullmatch(part) for part in re.split("[,;|]", limit)):
        raise ValueError('limit is not a rate: write it like "50/second; 10000/hour"')
    return limit


def _read_duration(text: object) -> timedelta:
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError('key_lifetime is not a duration: write it like "90s", "30m", "24h" or "7d"')
    return int(found["count"]) * _UNITS[found["unit"]]


def _check_pointer(text: str) -> str:
    try:
        read_pointer(text)
    except ValueError as error:
        raise ValueError(f'{error}: write it like "/data/report"') from None
    return text


_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class ReplyTable(BaseModel):
    """`[vendors.x.reply]`: what of a success is the job's result, and how much of it is read."""

    model_config = _STRICT

    result: Annotated[str, AfterValidator(_check_pointer)] = ""
    max_bytes: int = Field(default=4 * 1024 * 1024, ge=1, le=MAX_REPLY_BYTES)


class BackoffTable(BaseModel):
    model_config = _STRICT

    base_seconds: float = Field(default=0.5, gt=0, le=86400)
    cap_seconds: float = Field(default=60.0, gt=0, le=86400)

    @model_validator(mode="after")
    def _cap_is_above_base(self) -> "BackoffTable":
        if self.cap_seconds < self.base_seconds:
            raise ValueError("backoff's cap_seconds is below its base_seconds: raise the cap or lower the base")
        return self


class VendorTable(BaseModel):
    """
    `[vendors.x]`, interpolated. `limit`, `concurrency` and `burst_guard_ms` are for whoever schedules the calls.

    `limit` stays text in the notation of the limits library; only its form is checked here.
    """

    model_config = _STRICT

    mode: Annotated[str, AfterValidator(_check_mode)] = "sync"
    url: Annotated[str, AfterValidator(_check_url)] = Field(repr=False)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Annotated[dict[str, SecretStr], AfterValidator(_check_headers)] = Field(default={})
    limit: Annotated[str, AfterValidator(_check_limit)] | None = None
    concurrency: int | None = Field(default=None, ge=1)
    burst_guard_ms: int = Field(default=25, ge=0, le=10_000)
    repeatable: bool | None = None
    key_lifetime: Annotated[timedelta, BeforeValidator(_read_duration)] = timedelta(hours=24)
    timeout_seconds: float = Field(default=10.0, gt=0, le=3600)
    attempts: int = Field(default=5, ge=1, le=100)
    backoff: BackoffTable = BackoffTable()
    reply: ReplyTable = ReplyTable()

    @property
    def policy(self) -> VendorPolicy:
        """A method that HTTP calls idempotent may be repeated unless the table says otherwise; POST and PATCH not."""
        repeatable = self.method in {"GET", "PUT", "DELETE"} if self.repeatable is None else self.repeatable
        return VendorPolicy(
            attempts=self.attempts,
            backoff=Backoff(self.backoff.base_seconds, self.backoff.cap_seconds),
            timeout=timedelta(seconds=self.timeout_seconds),
            repeatable=repeatable,
            key_lifetime=self.key_lifetime,
            limit=self.limit,
            concurrency=self.concurrency,
            burst_guard=timedelta(milliseconds=self.burst_guard_ms),
        )
