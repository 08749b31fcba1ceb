"""
A table vendor's success, and what of it is the job's result: JSON text, spelled as the vendor spelled it.

Of a vendor that answers later it is the vendor's own id of the job.
"""

import re
from datetime import datetime

import msgspec

from domain.outcomes import LARGEST_RESULT_BYTES, Done, Failed, Waiting
from vendors.http import Reply
from vendors.json_slices import NothingThere, NotJson, Pointer, read_pointer, slice_json
from vendors.table.pieces import LONGEST_REFERENCE, reference_at
from vendors.table.settings import ReplyTable

_WITHOUT_CONTENT = frozenset({204, 205})
_NOTHING = b"null"

_JSON = re.compile(r"(application|text)/json|[^/;\s]+/[^;\s]+\+json")
_TEXT = re.compile(
    r"text/[^;\s]+|application/(xml|yaml|javascript|x-www-form-urlencoded|x-ndjson)|[^/;\s]+/[^;\s]+\+xml"
)
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"})  # Python knows stranger ones


def read_success(reply: Reply, expected: ReplyTable) -> Done | Failed:
    """
    The result, or a failure when the reply is not what the table promises.

    No content is `null`. Another type than JSON is kept as `{"content_type", "text"}` or
    `{"content_type", "base64"}`. A reply that names no type is JSON if it reads as JSON.
    """
    body = _NOTHING if reply.status in _WITHOUT_CONTENT else reply.body
    content_type = "application/json" if reply.status in _WITHOUT_CONTENT else reply.headers.get("content-type", "")
    try:
        result = _result(body, content_type, read_pointer(expected.result))
    except NotJson:
        return Failed("reply_not_json", "The vendor's reply says that it is JSON and is not.", reply.status)
    except NothingThere:
        return Failed(
            "reply_without_result", "The vendor's reply has nothing where its result should be.", reply.status
        )
    if len(result) > LARGEST_RESULT_BYTES:  # text grows when written as a JSON string: a control character by six
        return Failed("reply_too_large", "The vendor's reply is too large to be kept as a result.", reply.status)
    return Done(result.decode(), reply.status)


def read_reference(reply: Reply, pointer: Pointer, deadline: datetime) -> Waiting | Failed:
    """The vendor's own id of the job, under which it will be heard of until `deadline`; its type is not looked at."""
    try:
        reference = reference_at(reply.body, pointer)
    except NotJson:
        reference = None
    if reference is None:
        reason = f"The vendor's reply has no id of at most {LONGEST_REFERENCE} characters where it should be."
        return Failed("reply_without_reference", reason, reply.status)
    return Waiting(reference, deadline, reply.status)


def _result(body: bytes, content_type: str, pointer: Pointer) -> bytes:
    media_type = content_type.partition(";")[0].strip().lower()
    if _JSON.fullmatch(media_type):
        return slice_json(body, pointer).encode()
    if not body:
        return slice_json(_NOTHING, pointer).encode()
    if not media_type:
        try:
            return slice_json(body, pointer).encode()
        except NotJson:
            content_type = "application/octet-stream"
    if pointer:
        raise NothingThere
    text = _as_text(body, content_type) if _TEXT.fullmatch(media_type) else None
    kept = {"base64": body} if text is None else {"text": text}  # msgspec writes bytes as base64
    return msgspec.json.encode({"content_type": content_type} | kept)


def _as_text(body: bytes, content_type: str) -> str | None:
    """The body in the charset that its type names, UTF-8 if none; None when that does not work out."""
    named = _CHARSET.search(content_type)
    charset = named[1].lower() if named else "utf-8"
    try:
        return body.decode(charset) if charset in _CHARSETS else None
    except UnicodeDecodeError:
        return None
