"""Requests that are no HTTP get a problem too: uvicorn answers them itself, before any app is asked."""

import os
import re
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from domain.edge.problems import MEDIA_TYPE, Where, problem
from domain.errors import FieldError

# RFC 9110, section 5.5: a field's value holds no control characters but the tab.
_CONTROL = re.compile(rb"\r\n([!#-'*+.0-9A-Z^_`a-z|~-]+):[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, for `uvicorn.Config(http=…)`; only its 400 differs."""

    _latest = b""

    def data_received(self, data: bytes) -> None:
        self._latest = data
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text says less
        trace_id = os.urandom(16).hex()
        self.transport.write(malformed_answer(self._latest, trace_id))
        self.transport.close()


def malformed_answer(data: bytes, trace_id: str) -> bytes:
    """A whole HTTP answer to bytes that are no request; names the header that a control character stands in."""
    found = _CONTROL.search(data)
    fault = FieldError(f"/headers/{found[1].decode()}" if found else "/headers", "holds a control character")
    detail = f"{fault.pointer} {fault.detail}" if found else "this is not a well-formed HTTP request"
    told = problem(HTTPStatus.BAD_REQUEST, "bad-syntax", detail, Where("", trace_id), (fault,) if found else ())
    body = msgspec.json.encode(told)
    head = (
        "HTTP/1.1 400 Bad Request",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        f"x-request-id: {trace_id}",
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
