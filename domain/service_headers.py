"""
Which headers go on to an instance, and which come back: end-to-end ones, and what we alone may say.

Hop-by-hop headers concern one connection (RFC 9110, section 7.6.1), those that `Connection` names too. Whatever says
who asks, or from where, is ours to say: a client's own is dropped in every spelling, since a server that reads headers
as variables (CGI, WSGI) takes `X_Gateway_Client` for `X-Gateway-Client`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.callers import Caller
from domain.services import Header

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings"}
)
_OURS_TO_SAY = frozenset({b"host", b"content-length", b"expect", b"forwarded", b"x-real-ip", b"x-request-id"})
_OUR_BEGINNINGS = (b"x-gateway-", b"x-forwarded-")
_NOT_THE_INSTANCES = frozenset({b"date", b"x-request-id"})  # of this answer, which is ours
_PAGES = b"access-control-"  # which pages may read an answer is said by GATEWAY_CORS_ORIGINS
_PSEUDONYM = b"gateway"
_SCHEMES = frozenset({b"http", b"https"})


@dataclass(frozen=True, slots=True)
class Came:
    """How a request came: from which `peer`, over how many proxies that the operator trusts, and whose it is."""

    peer: str
    scheme: str
    http_version: str
    prefix: str  # of the service's paths, as the client sees them
    request_id: str
    trusted_hops: int = 0
    caller: Caller | None = None
    keeps_authorization: bool = False
    own_cookie: bytes = b""  # the name of ours, which is for nobody else


def for_instance(headers: Iterable[Header], came: Came) -> tuple[Header, ...]:
    """Without a length: how the body is framed is said apart."""
    sent = tuple(headers)
    kept = [header for header in _end_to_end(sent) if not _is_ours(header[0].replace(b"_", b"-"))]
    if not came.keeps_authorization:
        kept = [header for header in kept if header[0].replace(b"_", b"-") != b"authorization"]
    kept = [(name, _without_cookie(value, came.own_cookie) if name == b"cookie" else value) for name, value in kept]
    via = [*_all_of(kept, b"via"), f"{came.http_version} ".encode() + _PSEUDONYM]
    plain = (header for header in kept if header[0] != b"via" and (header[0] != b"cookie" or header[1]))
    return (*plain, (b"via", b", ".join(via)), *_told(sent, came))


def for_client(headers: Iterable[Header], status: int, own_cookie: bytes = b"") -> list[Header]:
    """What of an instance's headers is its client's to see; a cookie of our own is not an instance's to set."""
    sent = tuple((name.lower(), value) for name, value in headers)
    in_chunks = any(name == b"transfer-encoding" for name, _ in sent)
    no_length = in_chunks or status in {204, 205, 304}
    kept = [
        (name, value)
        for name, value in _end_to_end(sent)
        if name not in _NOT_THE_INSTANCES
        and not name.startswith(_PAGES)
        and not (name == b"content-length" and no_length)
        and not (name == b"set-cookie" and own_cookie and value.lstrip().startswith(own_cookie + b"="))
    ]
    return [*kept, (b"via", b"1.1 " + _PSEUDONYM)]


def _told(sent: tuple[Header, ...], came: Came) -> Iterable[Header]:
    """What the gateway says of a request: where it came from, and whose it is."""
    yield b"x-forwarded-for", _addresses(sent, came)
    yield b"x-forwarded-proto", _of_proxies(sent, b"x-forwarded-proto", came, _SCHEMES) or came.scheme.encode()
    host = _of_proxies(sent, b"x-forwarded-host", came) or next(iter(_all_of(sent, b"host")), b"")
    if host:
        yield b"x-forwarded-host", host
    yield b"x-forwarded-prefix", came.prefix.encode()
    yield b"x-request-id", came.request_id.encode()
    if came.caller is not None:
        yield b"x-gateway-client", came.caller.client.encode()
        yield b"x-gateway-roles", came.caller.role.encode()


def _addresses(sent: tuple[Header, ...], came: Came) -> bytes:
    """As our own proxies wrote them, then the peer; what stands further left is the client's word, and is dropped."""
    peer = came.peer.encode()
    if came.trusted_hops == 0:
        return peer
    named = [one.strip() for one in b",".join(_all_of(sent, b"x-forwarded-for")).split(b",")]
    behind = named[-came.trusted_hops :] if len(named) >= came.trusted_hops and named[0] else []
    return b", ".join([*behind, peer])


def _of_proxies(sent: tuple[Header, ...], name: bytes, came: Came, known: frozenset[bytes] | None = None) -> bytes:
    """What the proxy in front of us says, where one is trusted, once and clearly."""
    values = _all_of(sent, name) if came.trusted_hops else []
    said = values[0].strip() if len(values) == 1 else b""
    return said if b"," not in said and (known is None or said in known) else b""


def _end_to_end(headers: tuple[Header, ...]) -> list[Header]:
    named = {one.strip().lower() for value in _all_of(headers, b"connection") for one in value.split(b",")}
    return [header for header in headers if header[0] not in _HOP_BY_HOP and header[0] not in named]


def _is_ours(name: bytes) -> bool:
    return name in _OURS_TO_SAY or name.startswith(_OUR_BEGINNINGS)


def _all_of(headers: Iterable[Header], wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


def _without_cookie(value: bytes, own: bytes) -> bytes:
    if not own:
        return value
    return b";".join(one for one in value.split(b";") if one.partition(b"=")[0].strip() != own).strip()
