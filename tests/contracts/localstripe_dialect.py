"""
What lies between our door and localstripe, which speaks an older form of Stripe's API.

It takes away parameters that localstripe refuses, and reads off its own charges what it does not say of an intent.
No fact of money is made up here: what was taken, and what was given back, is what localstripe has on record.
"""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from vendors.transport import OneShotTransport

_NOT_TAKEN = ("automatic_payment_methods[", "return_url", "reason")
_OF_THE_BODY = frozenset({"content-length", "content-encoding", "transfer-encoding"})


class Dialect(httpx.AsyncBaseTransport):
    def __init__(self) -> None:
        self._inner = OneShotTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(_asked(request))
        try:
            body = await answer.aread()
        finally:
            await answer.aclose()
        return httpx.Response(answer.status_code, headers=_kept(answer.headers), content=_said(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _asked(request: httpx.Request) -> httpx.Request:
    fields = parse_qsl(request.content.decode(), keep_blank_values=True)
    body = urlencode([(name, value) for name, value in fields if not name.startswith(_NOT_TAKEN)])
    headers = _kept(request.headers)
    return httpx.Request(
        request.method, request.url, headers=headers, content=body.encode(), extensions=request.extensions
    )


def _kept(headers: httpx.Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name not in _OF_THE_BODY]


def _said(body: bytes) -> bytes:
    said = json.loads(body)
    _complete(said)
    return json.dumps(said).encode()


def _complete(said: Any) -> None:
    """Each object in it, however deep."""
    inner = said.values() if isinstance(said, dict) else said if isinstance(said, list) else ()
    for each in inner:
        _complete(each)
    match said:
        case {"object": "charge"}:
            said["amount_captured"] = taken_by(said)
        case {"object": "payment_intent"}:
            said["amount_received"] = taken_by(said["latest_charge"])


def taken_by(charge: Any) -> int:
    """What localstripe's charge, if there is one, has taken: to authorise it takes nothing."""
    if charge is None or charge["status"] != "succeeded" or not charge["captured"]:
        return 0
    return int(charge["amount"])
