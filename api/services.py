"""
`ANY /services/{name}/{path}`: a request passed on to one of a service's instances, and its answer passed back.

Bodies stream both ways: neither is ever whole here, and whoever is slow slows the other. A client that leaves takes its
call along, and so does one that is shut out: locked, signed out, or its key revoked. Who may ask is for
`api.callers`, which of the instances is asked for `domain.services.Services`.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import structlog
from litestar import route
from litestar.enums import HttpMethod
from litestar.types import ASGIApp, Receive, Scope, Send

from api.access import SERVICE_METHODS
from api.auth_answers import COOKIE
from api.callers import ask_again, caller_in
from api.ports import ServicePorts
from api.provided import Ports, services_of
from api.service_bodies import Incoming, length_of
from domain.edge.answers import AnyRequest
from domain.edge.bodies import refuse_announced
from domain.edge.malformed import HANG_UP
from domain.edge.request_ids import asks_for_the_head, request_id_of
from domain.errors import BrokenOff, FieldError, NotFound, NotOffered, TimedOut, TooMany, Unauthenticated, Unavailable
from domain.service_headers import Came, for_client, for_instance
from domain.service_paths import split_path, target_of
from domain.services import ClientGone, ProxyReply, ProxyRequest, ServicePolicy

CLIENT_PATIENCE_SECONDS = 60.0  # for a client that takes nothing of an answer; nginx's `send_timeout`
_HANGING_UP_SECONDS = 5.0  # what was sent already is let go first
_OF_WEBSOCKETS = frozenset({b"sec-websocket-key", b"sec-websocket-version"})
_OUR_COOKIE = COOKIE.encode()

log = structlog.get_logger()


@route(
    ["/services/{name:str}", "/services/{name:str}/{path:path}"],
    http_method=[HttpMethod(method) for method in SERVICE_METHODS],
)
async def pass_on(request: AnyRequest, ports: Ports) -> ASGIApp:
    """Pass a request on to a service. What is wrong with it is told before any of its body is read."""
    scope = request.scope
    name, path = split_path(scope["raw_path"])
    desk = services_of(ports)
    policy = desk.services.policy(name)
    if policy is None:
        raise NotFound(f"there is no service {name}; its operator names them in [services.NAME]")
    _refuse_upgrade(scope)
    length = length_of(scope)
    if policy.max_body_bytes is not None:
        refuse_announced(scope, largest=policy.max_body_bytes)
    asked = ProxyRequest(
        method="HEAD" if asks_for_the_head(scope) else scope["method"],
        target=target_of(path, scope["query_string"]),
        headers=for_instance(scope["headers"], _came(scope, name, policy, desk)),
        length=length,
        request_id=request_id_of(scope),
    )
    return partial(_Passing(desk, name, asked, policy).run, request)


class _Passing:
    """One request on its way to an instance and back. `told` is when nothing is left to send."""

    def __init__(self, desk: ServicePorts, name: str, asked: ProxyRequest, policy: ServicePolicy) -> None:
        self._services = desk.services
        self._name = name
        self._asked = asked
        self._policy = policy
        self._look_again_seconds = desk.look_again_seconds
        self._begun = datetime.now(UTC)
        self._answering = False
        self._told = False

    async def run(self, request: AnyRequest, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = Incoming(receive, self._asked.length, self._policy.max_body_bytes)
        passing = asyncio.create_task(self._pass(incoming, scope, receive, send))
        leaving = asyncio.create_task(incoming.left())
        try:
            shut_out = await self._watch(request, passing, leaving)
            if not passing.done() and not self._told:  # once all is told, any server says that the client is gone
                passing.cancel()
            with suppress(asyncio.CancelledError, ClientGone):
                await passing
            if shut_out is not None and not self._told:
                await self._cut(shut_out, scope, receive)
        finally:
            passing.cancel()
            leaving.cancel()
            await asyncio.wait({passing, leaving})

    async def _watch(self, request: AnyRequest, *tasks: asyncio.Task[None]) -> Unauthenticated | None:
        """Until one of the tasks is done, or the caller of this request would not be let in any more."""
        while True:
            done, _ = await asyncio.wait(tasks, timeout=self._look_again_seconds, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return None
            try:
                if caller_in(request.scope) is not None:
                    await ask_again(request, self._begun)
            except Unauthenticated as refusal:
                return refusal
            except (Unavailable, TooMany):  # nobody can say
                continue

    async def _cut(self, refusal: Unauthenticated, scope: Scope, receive: Receive) -> None:
        """Raises the refusal where nothing of an answer was sent."""
        log.info("a call was cut: its caller was shut out", service=self._name, trace_id=self._asked.request_id)
        if not self._answering:
            raise refusal
        await _hang_up(scope, receive)

    async def _pass(self, incoming: Incoming, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._services.open(self._name, self._asked, incoming)
        try:
            headers = for_client(reply.headers, reply.status, _OUR_COOKIE)
            self._answering = True
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await self._pass_body(reply, send)
        except (BrokenOff, TimedOut) as fault:
            log.warning("an answer was cut", service=self._name, why=fault.detail, trace_id=self._asked.request_id)
            await _hang_up(scope, receive)
        finally:
            await reply.close()

    async def _pass_body(self, reply: ProxyReply, send: Send) -> None:
        async for piece in reply.pieces():
            try:
                async with asyncio.timeout(CLIENT_PATIENCE_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                raise BrokenOff("its client took nothing of it any more") from None
        self._told = True
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """An answer that is not whole must not look as if it were: its connection ends before it."""
    hang_up = (scope.get("extensions") or {}).get(HANG_UP)
    if hang_up is None:  # a server of tests: it sees that the answer has no end
        return
    hang_up["close"]()  # type: ignore[operator]
    with suppress(TimeoutError):
        async with asyncio.timeout(_HANGING_UP_SECONDS):
            while (await receive())["type"] != "http.disconnect":
                pass


def _came(scope: Scope, name: str, policy: ServicePolicy, desk: ServicePorts) -> Came:
    return Came(
        peer=scope["client"][0] if scope["client"] else "",
        scheme=scope["scheme"],
        http_version=scope["http_version"],
        prefix=f"/services/{name}",
        request_id=request_id_of(scope),
        trusted_hops=desk.trusted_hops,
        caller=caller_in(scope),
        keeps_authorization=policy.forward_authorization,
        own_cookie=_OUR_COOKIE,
    )


def _refuse_upgrade(scope: Scope) -> None:
    """A WebSocket that is passed over in silence would hang; any other upgrade may be (RFC 9110, section 7.8)."""
    if any(name in _OF_WEBSOCKETS for name, _ in scope["headers"]):
        what = "asks for a WebSocket, which is not passed on: use requests or server-sent events"
        raise NotOffered(f"this request {what}", errors=(FieldError("/headers/Upgrade", what),))
