"""uvicorn's protocol, where it would fail a client: no HTTP, a head without end, an upgrade that nobody offers."""

import os
import re
import sys
from http import HTTPStatus

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from domain.edge.problems import MEDIA_TYPE, Where, problem
from domain.errors import FieldError

LARGEST_HEAD = 64 * 1024

# RFC 9110, section 5.5: a field's value holds no control characters but the tab.
_CONTROL = re.compile(rb"\r\n([!#-'*+.0-9A-Z^_`a-z|~-]+):[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OF_UPGRADES = frozenset({b"connection", b"upgrade", b"http2-settings"})


class ProblemProtocol(HttpToolsProtocol):
    """
    uvicorn's protocol on httptools, for `uvicorn.Config(http=…)`.

    It answers with problems, bounds a request's head, and ignores `Upgrade` (RFC 9110, section 7.8):
    httptools stops at the head of such a request, and its body would be lost. Java's client sends one.
    """

    _latest = b""
    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        self._latest = data
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > LARGEST_HEAD:
            self._close_with(oversized_answer(_new_id()))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.parser.should_upgrade():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request again as if it had not asked: the head without those headers, then what followed it."""
        offset = _offset_of(sys.exception())
        lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in _OF_UPGRADES]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join((*lines, b"", b"")) + self._latest[offset:])

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text says less
        self._close_with(malformed_answer(self._latest, _new_id()))

    def _close_with(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def _new_id() -> str:
    return os.urandom(16).hex()


def _offset_of(upgrade: BaseException | None) -> int:
    """Where the parser stopped in what it was fed last: right after the head."""
    return int(upgrade.args[0]) if isinstance(upgrade, httptools.HttpParserUpgrade) else 0


def _malformed(data: bytes) -> FieldError:
    """Names the header that a control character stands in, if that is what is wrong."""
    found = _CONTROL.search(data)
    if found is None:
        return FieldError("", "this is not a well-formed HTTP request")
    return FieldError(f"/headers/{found[1].decode()}", "holds a control character")


def _answer(status: HTTPStatus, code: str, fault: FieldError, trace_id: str) -> bytes:
    """A whole HTTP answer, for a request that no app is asked about."""
    errors = (fault,) if fault.pointer else ()
    told = problem(status, code, f"{fault.pointer} {fault.detail}".strip(), Where("", trace_id), errors)
    body = msgspec.json.encode(told)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        f"x-request-id: {trace_id}",
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def malformed_answer(data: bytes, trace_id: str) -> bytes:
    """The answer to bytes that are no request."""
    return _answer(HTTPStatus.BAD_REQUEST, "bad-syntax", _malformed(data), trace_id)


def oversized_answer(trace_id: str) -> bytes:
    """The answer to a head that is too long to be read on."""
    fault = FieldError("/headers", f"are longer than {LARGEST_HEAD} bytes together; send fewer")
    return _answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too-large", fault, trace_id)
