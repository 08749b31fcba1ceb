"""
Problems (RFC 9457): the one table from our errors to HTTP, and the one form in which they are told.

A problem says what to do next and nothing about our insides: no stack, no vendor's body, no secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

import msgspec

from domain.errors import (
    BadSignature,
    BadSyntax,
    BrokenOff,
    ConfigurationError,
    Conflict,
    FieldError,
    Forbidden,
    GatewayError,
    Invalid,
    KeyReused,
    NotFound,
    NotNow,
    NotOffered,
    OutcomeUnknown,
    Outdated,
    TimedOut,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unconditional,
    UnsupportedMedia,
)

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[GatewayError], HTTPStatus] = {
    BadSyntax: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    BadSignature: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Outdated: HTTPStatus.PRECONDITION_FAILED,
    Unconditional: HTTPStatus.PRECONDITION_REQUIRED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    NotOffered: HTTPStatus.NOT_IMPLEMENTED,
    BrokenOff: HTTPStatus.BAD_GATEWAY,
    TimedOut: HTTPStatus.GATEWAY_TIMEOUT,
    # Never a request's fault: what gets this far, a vendor's trouble too, is a bug of ours.
    GatewayError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    OutcomeUnknown: HTTPStatus.INTERNAL_SERVER_ERROR,
    NotNow: HTTPStatus.INTERNAL_SERVER_ERROR,
}

BUG = "something went wrong here; the trace_id finds it in our log"


@dataclass(frozen=True, slots=True)
class Where:
    """The request that met the problem."""

    path: str
    trace_id: str


class ProblemFault(msgspec.Struct, frozen=True):
    """One fault. `pointer` is a JSON Pointer into the body; `/query/…` and `/headers/…` name what is not in it."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True):
    """`message` repeats `detail` for clients that read only that."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    message: str
    errors: list[ProblemFault]


def status_of(error: GatewayError) -> HTTPStatus:
    """The row of the nearest class that has one."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def headers_of(error: GatewayError) -> dict[str, str]:
    """What HTTP wants said beside the problem."""
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": 'Bearer realm="gateway"'}
        case BadSignature():
            return {"WWW-Authenticate": "Signature"}
        case Unavailable() | TooMany():
            return {"Retry-After": str(max(1, ceil(error.retry_after.total_seconds())))}
        case _:
            return {}


def problem(status: HTTPStatus, code: str, detail: str, where: Where, errors: tuple[FieldError, ...] = ()) -> Problem:
    return Problem(
        type=f"urn:gateway:problem:{code}",
        title=status.phrase,
        status=int(status),
        detail=detail,
        instance=where.path,
        code=code,
        trace_id=where.trace_id,
        message=detail,
        errors=[ProblemFault(fault.pointer, fault.detail) for fault in errors],
    )
