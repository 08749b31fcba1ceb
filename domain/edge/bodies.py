"""Reading a request's body once, capped, and no further than the cap."""

from litestar.types import Receive, Scope

from domain.errors import BadSyntax, FieldError, TooLarge, UnsupportedMedia

LARGEST_BODY = 1024 * 1024


async def read_body(scope: Scope, receive: Receive, *, largest: int = LARGEST_BODY) -> bytes:
    """The raw bytes. Raises `TooLarge` at the announced length, before anything is read, or while streaming."""
    refuse_announced(scope, largest=largest)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BadSyntax("the connection ended before the body did")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > largest:
            raise too_large(largest)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def refuse_announced(scope: Scope, *, largest: int = LARGEST_BODY) -> None:
    """Raises `TooLarge` for a body that says itself that it is longer; for who has more to ask before it is read."""
    announced = _header(scope, b"content-length")
    if announced is not None and announced.isdigit() and int(announced[:20]) > largest:
        raise too_large(largest)


def require_json(scope: Scope) -> None:
    """Raises `UnsupportedMedia` unless the body says, once, that it is JSON in UTF-8, and is not compressed."""
    if (_header(scope, b"content-encoding") or b"identity").lower() != b"identity":
        raise _unsupported("/headers/Content-Encoding", "must be left out: bodies are read as they are sent")
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    sent = (types[0] if len(types) == 1 else b"").decode("latin-1").lower()
    kind, *parameters = (part.strip() for part in sent.split(";"))
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    charsets = [value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    if not is_json or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise _unsupported("/headers/Content-Type", "must be application/json, in UTF-8")


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)


def _unsupported(pointer: str, detail: str) -> UnsupportedMedia:
    return UnsupportedMedia(f"{pointer.rpartition('/')[2]} {detail}", errors=(FieldError(pointer, detail),))


def too_large(largest: int) -> TooLarge:
    detail = f"the body is larger than {largest} bytes, which is the most that is read"
    return TooLarge(detail, errors=(FieldError("", detail),))
