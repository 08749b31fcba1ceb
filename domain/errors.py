"""
What can go wrong, named by what to do next.

GatewayError
├── BadSyntax            not JSON, or a header that is not as it should be: send it again, well-formed
├── Invalid              well-formed, but not what the route takes: `errors` names each field
│   └── KeyReused        the idempotency key came with another body: take a new key
├── Unauthenticated      no caller, or one that nobody knows: send credentials
├── BadSignature         a webhook that nobody can have signed: look at the secret and the clock
├── Forbidden            this caller may not
├── NotFound             there is none, or none of yours
├── Conflict             the state forbids it
├── Outdated             it has changed since it was read: read it again, and decide anew
├── Unconditional        a change that names no version: say which one it is meant for
├── TooLarge             over a cap
├── UnsupportedMedia     not a type that is read here
├── Unavailable          not now: come back after `retry_after`
├── NotOffered           nobody does that here: ask otherwise
├── BrokenOff            a service broke off, and may have acted: look before you ask again
├── TimedOut             a service took too long: likewise
├── TooMany              too often: come back after `retry_after`
├── NotNow               a vendor must not be called before `until`: nothing was sent
├── ConfigurationError   a setting or a file is wrong: mend it and start again
└── OutcomeUnknown       a vendor may or may not have acted: only the worker may decide what follows
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field; `pointer` is a JSON Pointer (RFC 6901) into the body, "" for all of it."""

    pointer: str
    detail: str


class GatewayError(Exception):
    """Anything the gateway refuses; `code` is permanent, `detail` is for people."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = errors


class BadSyntax(GatewayError):
    code = "bad-syntax"


class Invalid(GatewayError):
    code = "invalid"


class KeyReused(Invalid):
    code = "idempotency-key-reused"


class Unauthenticated(GatewayError):
    code = "unauthenticated"


class BadSignature(GatewayError):
    code = "bad-signature"


class Forbidden(GatewayError):
    code = "forbidden"


class NotFound(GatewayError):
    code = "not-found"


class Conflict(GatewayError):
    code = "conflict"


class Outdated(GatewayError):
    code = "outdated"


class Unconditional(GatewayError):
    code = "condition-required"


class TooLarge(GatewayError):
    code = "too-large"


class UnsupportedMedia(GatewayError):
    code = "unsupported-media-type"


class Unavailable(GatewayError):
    code = "unavailable"

    def __init__(self, detail: str, *, retry_after: timedelta = timedelta(seconds=1), code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class TooMany(GatewayError):
    code = "too-many-requests"

    def __init__(self, detail: str, *, retry_after: timedelta) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotOffered(GatewayError):
    code = "not-offered"


class BrokenOff(GatewayError):
    code = "broken-off"


class TimedOut(GatewayError):
    code = "timed-out"


class NotNow(GatewayError):
    """Raised by a `Gate`. The job goes back into the queue until then, and no try is used up."""

    code = "not_now"

    def __init__(self, detail: str, *, until: datetime) -> None:
        super().__init__(detail)
        self.until = until


class ConfigurationError(GatewayError):
    """`detail` reads `where: what is wrong, and the remedy`, for a person at a terminal."""

    code = "configuration"


class OutcomeUnknown(GatewayError):
    """The request was sent and no whole answer came back: the vendor may have acted."""

    code = "outcome_unknown"
    trouble = True  # of the vendor's, now
