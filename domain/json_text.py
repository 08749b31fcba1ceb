"""
Reading a stranger's JSON strictly, without changing a byte of what is only handed on.

msgspec refuses what RFC 8259 does (NaN, trailing commas, bad numbers) and the lone surrogates of
RFC 7493. It lets invalid UTF-8 and any depth up to Python's recursion limit through: both are checked here.
"""

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from domain.errors import BadSyntax, FieldError, Invalid

MAX_DEPTH = 64  # levels of objects and arrays in one value
_FEW = 20  # members that are worth a search of the whole body each

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++')
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]]')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder(msgspec.Raw)


class TooDeep(Invalid):
    """Nested more deeply than any parser here goes (about a thousand levels)."""

    code = "too-deep"


def read_object(body: bytes) -> dict[str, msgspec.Raw]:
    """
    The members of a JSON object, each still as the bytes it was sent in.

    Raises `BadSyntax`, or `Invalid` when it is JSON and no object, names a member twice, or is absurdly deep.
    """
    members = _read_members(body)
    _refuse_repeated(body, members)
    return members


def read_array(body: bytes, name: str) -> list[msgspec.Raw]:
    """
    The items of the array that is the only member, `name`, of a JSON object; each still as it was sent.

    Raises what `read_object` does. Takes no second look at what is inside the items, however long they are.
    """
    members = _read_members(body)
    only = re.match(rb'\s*\{\s*"' + name.encode() + rb'"\s*:\s*', body)
    raw = bytes(members.get(name, b""))
    if not raw or only is None or body[only.end() + len(raw) :].strip() != b"}":
        fault = FieldError("", f"must be an object of one member, {name}, given once")
        raise Invalid(f'the body must be {{"{name}": […]}}, and nothing beside it', errors=(fault,))
    try:
        return _array.decode(raw)
    except msgspec.ValidationError:
        raise Invalid(f"/{name} must be an array", errors=(FieldError(pointer_to(name), "must be an array"),)) from None


def _read_members(body: bytes) -> dict[str, msgspec.Raw]:
    _check_utf8(body)
    try:
        members = _object.decode(body)
    except RecursionError:
        raise _too_deep(body) from None
    except msgspec.ValidationError:
        _check_syntax(body)  # a wrong type is found before the rest of the text is read
        fault = FieldError("", "must be a JSON object")
        raise Invalid("the body must be a JSON object, such as {…}", errors=(fault,)) from None
    except msgspec.DecodeError as fault:
        raise _bad_syntax(body, fault) from None
    return members


def is_too_deep(value: bytes) -> bool:
    """Whether JSON text has more than `MAX_DEPTH` levels; looks at the bytes, and never recurses."""
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(value.decode()):
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif bracket in "]}":
            depth -= 1
    return False


def member_names(text: str) -> Iterator[str]:
    """The names of the outermost object of valid JSON text, in order, repeated ones too."""
    return (msgspec.json.decode(name, type=str) for name, depth in _names_and_depths(text) if depth == 1)


def _names_and_depths(text: str) -> Iterator[tuple[str, int]]:
    """Each step through the text: the outermost member that it is in, and its depth; 1 only at the name itself."""
    depth, name, expecting_name = 0, "", False
    for piece in (match.group() for match in TOKEN.finditer(text)):
        if expecting_name and piece[0] == '"':
            name = piece
            yield name, depth
        depth += (piece in "{[") - (piece in "}]")
        if depth > 1:
            yield name, depth
        expecting_name = depth == 1 and piece in "{,"


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        detail = f"the body is not UTF-8: byte {fault.start} cannot be read; send UTF-8 (RFC 8259, section 8.1)"
        raise BadSyntax(detail, errors=(FieldError("", detail),)) from None


def _check_syntax(body: bytes) -> None:
    try:
        _anything.decode(body)
    except RecursionError:
        raise _too_deep(body) from None
    except msgspec.DecodeError as fault:
        raise _bad_syntax(body, fault) from None


def _too_deep(body: bytes) -> TooDeep:
    deep = next((name for name, depth in _names_and_depths(body.decode()) if depth > MAX_DEPTH + 1), "")
    detail = f"is nested too deeply: {MAX_DEPTH} levels of objects and arrays are the most"
    pointer = pointer_to(deep[1:-1]) if deep else ""
    return TooDeep(f"{pointer or 'the body'} {detail}", errors=(FieldError(pointer, detail),))


def _bad_syntax(body: bytes, fault: msgspec.DecodeError) -> BadSyntax:
    detail = f"the body is not JSON: {fault}"
    if _SURROGATE.search(body):
        detail += "; a \\ud800 to \\udfff escape must be one of a pair (RFC 7493, section 2.1)"
    return BadSyntax(detail, errors=(FieldError("", detail),))


def _refuse_repeated(body: bytes, members: dict[str, msgspec.Raw]) -> None:
    """A repeated name would leave it to each reader which of the two counts."""
    few = len(members) <= _FEW and b"\\u" not in body
    if few and all(body.count(f'"{name}"'.encode()) == 1 for name in members):
        return  # the usual case: nothing to look for, and no reading piece by piece
    counted = Counter(member_names(body.decode()))
    repeated = [name for name, times in counted.items() if times > 1]
    if repeated:
        faults = tuple(FieldError(pointer_to(name), "is given twice; give it once") for name in repeated)
        raise Invalid("a field is given twice", errors=faults)


def pointer_to(*names: str) -> str:
    """A JSON Pointer (RFC 6901) to the member that these names lead to."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
