"""
A form with one file in it (multipart/form-data, RFC 7578), read strictly: one part, of one name, that is a file.

The whole body is read under a cap before it is looked at, and `Turns` bounds how many are in memory at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import multipart  # type: ignore[import-untyped]
from litestar.types import Scope

from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body
from domain.errors import BadSyntax, FieldError, Invalid, Unavailable, UnsupportedMedia
from domain.json_text import pointer_to

AROUND = 64 * 1024  # bytes that the form may have around its file

_FORM = "multipart/form-data"
_LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1


class Turns:
    """Of one process. Who waits for one reads nothing meanwhile."""

    def __init__(self, at_once: int, patience_seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience_seconds = patience_seconds

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Raises `Unavailable` where none is free in time."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("too many files are being uploaded; try again in a moment") from None
        try:
            yield
        finally:
            self._free.release()


def read_boundary(scope: Scope) -> str:
    """What parts the form's parts. Raises `UnsupportedMedia` for what is no form, or is compressed; `BadSyntax`."""
    encodings = [value for name, value in scope["headers"] if name == b"content-encoding"]
    if any(value.lower() != b"identity" for value in encodings):
        raise _unsupported("/headers/Content-Encoding", "must be left out: bodies are read as they are sent")
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    sent = types[0].decode("latin-1") if len(types) == 1 else ""
    kind, options = multipart.parse_options_header(sent)
    if kind.lower() != _FORM:
        raise _unsupported("/headers/Content-Type", f"must be {_FORM}, with one file in it")
    boundary = str(options.get("boundary", ""))
    if not (boundary.isascii() and boundary.isprintable() and 0 < len(boundary) <= _LONGEST_BOUNDARY):
        detail = f"must name a boundary of 1 to {_LONGEST_BOUNDARY} characters"
        raise BadSyntax(f"Content-Type {detail}", errors=(FieldError("/headers/Content-Type", detail),))
    return boundary


async def read_form(request: AnyRequest, largest: int) -> bytes:
    """The form as it was sent. Raises `TooLarge` where its file is certain to be larger than `largest`."""
    return await read_body(request.scope, request.receive, largest=largest + AROUND)


def file_in(form: bytes, boundary: str, name: str) -> bytes:
    """The bytes of the one file. Raises `BadSyntax` for what is no form, `Invalid` for any other part."""
    try:
        return _only_file(form, boundary, name)
    except multipart.MultipartError:
        raise BadSyntax(f"the body is not well-formed {_FORM}; send it again, whole") from None


def _only_file(form: bytes, boundary: str, name: str) -> bytes:
    pieces: list[bytes] | None = None
    with multipart.PushMultipartParser(boundary) as parser:
        for event in parser.parse(form):
            if isinstance(event, multipart.MultipartSegment):
                _check_part(event, name, first=pieces is None)
                pieces = []
            elif event and pieces is not None:
                pieces.append(bytes(event))
    if pieces is None:
        raise _fault(name, "is missing; send one file under this name")
    return b"".join(pieces)


def _check_part(part: "multipart.MultipartSegment", name: str, *, first: bool) -> None:
    if part.name != name:
        raise _fault(part.name[:100], f"is no part here; send one file, named {name}")
    if not first:
        raise _fault(name, "is sent twice; send one file a request")
    if part.filename is None:
        raise _fault(name, "must be a file: give the part a filename, whatever it is")


def _fault(name: str, detail: str) -> Invalid:
    pointer = pointer_to(name)
    return Invalid(f"{pointer} {detail}", errors=(FieldError(pointer, detail),))


def _unsupported(pointer: str, detail: str) -> UnsupportedMedia:
    return UnsupportedMedia(f"{pointer.rpartition('/')[2]} {detail}", errors=(FieldError(pointer, detail),))
