"""Errors become answers here: ours by the table, the framework's own in the same form, and anything else as a 500."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap, Receive, Scope, Send

from domain.edge.counted import note_problem
from domain.edge.methods import allow
from domain.edge.problems import BUG, MEDIA_TYPE, Problem, Where, headers_of, problem, status_of
from domain.edge.request_ids import request_id_of
from domain.errors import GatewayError

AnyRequest = Request[Any, Any, Any]

# A mailed link's, good once, and a short link's, which may lead to somebody's payment.
_TOKEN_IN_PATH = re.compile(r"(/auth/(?:confirmation|reset-password)/|^/r/).+", re.DOTALL)

log = structlog.get_logger()


def exception_handlers() -> ExceptionHandlersMap:
    """For a Litestar app: the nearest class of an exception decides."""
    return {GatewayError: _tell_ours, HTTPException: _tell_the_frameworks, Exception: _tell_a_bug}


async def refuse(error: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer of a middleware that has headers of its own to put on it; what is raised there goes past it."""
    request: AnyRequest = Request(scope, receive, send)
    await _tell_ours(request, error).to_asgi_response(None, request)(scope, receive, send)


def _tell_ours(request: AnyRequest, error: GatewayError) -> Response[bytes]:
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _tell_a_bug(request, error)
    told = problem(status, error.code, error.detail, _where(request), error.errors)
    note_problem(request.scope, told.code)
    return _answer(told, headers_of(error))


def _tell_the_frameworks(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _tell_a_bug(request, error)
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "-")
    note_problem(request.scope, code)
    detail = _DETAILS.get(status, error.detail)
    headers = {name.title(): value for name, value in (error.headers or {}).items()}
    if "Allow" in headers:
        headers["Allow"] = allow(headers["Allow"].split(", "))
    return _answer(problem(status, code, detail, _where(request)), headers)


def _tell_a_bug(request: AnyRequest, error: Exception) -> Response[bytes]:
    trace_id = request_id_of(request.scope)
    log.error("unforeseen", trace_id=trace_id, method=request.method, path=_path(request), exc_info=error)
    return _answer(problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", BUG, _where(request)), {})


def _where(request: AnyRequest) -> Where:
    return Where(_path(request), request_id_of(request.scope))


def _path(request: AnyRequest) -> str:
    """Without what opens a door: problems and logs are shown around."""
    return _TOKEN_IN_PATH.sub(r"\1{token}", request.url.path)


def _answer(told: Problem, headers: Mapping[str, str]) -> Response[bytes]:
    body = msgspec.json.encode(told)
    return Response(body, status_code=told.status, media_type=MEDIA_TYPE, headers=dict(headers))


_DETAILS = {
    HTTPStatus.NOT_FOUND: "nothing is served under this path; /docs lists what is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; Allow lists those that it does",
}
