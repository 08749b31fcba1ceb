"""
Which pages a browser may act for: what guards a route that a cookie opens (CSRF).

A browser says by itself on whose behalf it asks, and no page can make it lie: `Sec-Fetch-Site` (W3C Fetch Metadata)
and, of those that are older or speak plain http, `Origin` (RFC 6454). Whoever sends neither is no browser, and holds
nobody's cookie but its own.
"""

from collections.abc import Collection

from litestar.types import Scope

from domain.errors import FieldError, Forbidden

_OURS = frozenset({b"same-origin", b"none"})  # a page of ours, or the user's own hand


def refuse_foreign_origin(scope: Scope, allowed: Collection[str]) -> None:
    """
    Raises `Forbidden` for a page that is neither ours nor of an `allowed` origin, written `https://host`.

    Ours is the origin that the request was sent to, by its `Host`: a cookie is sent to the host that set it only.
    """
    sites = _headers(scope, b"sec-fetch-site")
    origins = _headers(scope, b"origin")
    if not sites and not origins:
        return
    if len(origins) == 1 and origins[0].decode("latin-1").lower() in allowed:
        return
    if sites and all(site in _OURS for site in sites):
        return
    if not sites and _is_own(scope, origins):
        return
    told = FieldError("/headers/Origin", "must be the gateway's own origin, or one that GATEWAY_CORS_ORIGINS lists")
    raise Forbidden("pages of another origin may not use this route with the cookie", errors=(told,))


def _is_own(scope: Scope, origins: list[bytes]) -> bool:
    hosts = _headers(scope, b"host")
    return len(origins) == len(hosts) == 1 and origins[0].partition(b"://")[2].lower() == hosts[0].lower() != b""


def _headers(scope: Scope, wanted: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == wanted]
