"""
What every answer tells a browser: take it for what it says it is, load nothing, show it in no frame.

Sources: OWASP's Secure Headers Project and ASVS 5.0, chapter 3.4. An answer that brings one of these itself keeps
its own: the pages of /docs have a policy that lets them load their scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }
)
HTTPS_ONLY = "max-age=31536000"  # a year: ASVS 5.0, 3.4.1
UNKEPT: Mapping[str, str] = MappingProxyType({"cache-control": "no-store"})

Lines = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class BrowserRules:
    """
    What depends on the gateway and its routes.

    `origins` are those of pages that may call (see `domain.page_origins`); `unkept` are beginnings of paths whose
    answers no cache may keep.
    """

    origins: frozenset[str] = frozenset()
    https: bool = False  # is it reached by https, as its users see it?
    subdomains: bool = False  # of its host too: that binds machines which are not ours, so it is the operator's word
    unkept: tuple[str, ...] = ()


USUAL = BrowserRules()


class SecurityHeaders:
    """Pure ASGI, around the whole app: the router's own 404 carries them too."""

    def __init__(self, app: ASGIApp, rules: BrowserRules) -> None:
        self._app = app
        self._beginnings = rules.unkept
        usual = {**ALWAYS, **_over_https(rules)}
        self._usual = _lines(usual)
        self._unkept = _lines({**usual, **UNKEPT})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        lines = self._unkept if scope["path"].startswith(self._beginnings) else self._usual

        async def send_with_lines(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(line for line in lines if line[0] not in told)]
            await send(message)

        await self._app(scope, receive, send_with_lines)


def _over_https(rules: BrowserRules) -> Mapping[str, str]:
    if not rules.https:
        return {}
    return {"strict-transport-security": HTTPS_ONLY + ("; includeSubDomains" if rules.subdomains else "")}


def _lines(headers: Mapping[str, str]) -> Lines:
    return tuple((name.encode(), value.encode()) for name, value in headers.items())
