"""
One request to a service: an instance is chosen and asked and, where nothing can have been done twice, another one.

Tried again is what was never sent, and what an idempotent method (RFC 9110, section 9.2.2) sent without an answer and
without having begun a body: by a new connection to the same instance where it went out by a kept one, which may be dead
at any time. As soon as a byte of an answer is there, it is the answer.
"""

import asyncio
import os
import re
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import structlog
from yarl import URL

from domain.balancing.balancer import Balancer
from domain.balancing.budget import RetryBudget
from domain.balancing.instances import Instance
from domain.balancing.ports import Breakers
from domain.balancing.turns import NobodyLeft, Turn, next_turn
from domain.breakers import CallOutcome
from domain.errors import BrokenOff, GatewayError, TimedOut, Unavailable
from domain.services import BROKEN_OFF, TIMEOUT, UNAVAILABLE, ProxyRequest, breaker_key
from vendors.services.connections import Progress, progress_of
from vendors.services.replies import BROKEN, HttpReply, is_clean, outcome_of
from vendors.services.settings import ServiceTable
from vendors.services.uploads import Upload
from vendors.traceparent import child_of

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(minutes=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Service:
    """A service as one process knows it."""

    name: str
    table: ServiceTable
    balancer: Balancer
    budget: RetryBudget

    def key_of(self, instance: Instance) -> str:
        return breaker_key(self.name, instance.url)


class _NoAnswer(Exception):
    """`told` is what the client hears unless another instance is asked, `why` is for the log."""

    def __init__(self, told: GatewayError, why: str, *, repeatable: bool) -> None:
        super().__init__(why)
        self.told = told
        self.repeatable = repeatable


class Call:
    def __init__(
        self,
        service: Service,
        request: ProxyRequest,
        upload: Upload,
        session: aiohttp.ClientSession,
        breakers: Breakers,
    ) -> None:
        self._service = service
        self._request = request
        self._upload = upload
        self._session = session
        self._breakers = breakers
        self._lasts = timedelta(seconds=service.table.timeout_seconds)
        self._deadline = asyncio.get_running_loop().time() + service.table.timeout_seconds
        self._headers = _headers(request)

    async def open(self) -> HttpReply:
        """Raises what `domain.services.Services.open` does."""
        with ExitStack() as stack:
            stack.enter_context(self._service.budget.call())
            return await self._first_answer(stack)

    async def _first_answer(self, stack: ExitStack) -> HttpReply:
        """`stack` is handed on to the reply, if there is one: a call lives until its answer was passed on."""
        tried: dict[str, GatewayError] = {}
        while True:
            try:
                turn = await self._choose(tried)
            except Unavailable:
                if tried:  # nobody else is there: the first trouble is what there is to tell
                    raise next(iter(tried.values())) from None
                raise
            try:
                return await self._ask(turn, stack)
            except _NoAnswer as fault:
                tried[turn.instance.url] = fault.told
                may = fault.repeatable and len(tried) <= self._service.table.retries
                if not may or not stack.enter_context(self._service.budget.retry()):
                    raise fault.told from None

    async def _choose(self, tried: Collection[str]) -> Turn:
        """Raises `Unavailable` where nobody is left, or may be asked."""
        service = self._service
        try:
            return await next_turn(service.balancer, self._breakers, service.key_of, self._lasts, tried)
        except NobodyLeft as nobody:
            raise _nobody(nobody.shut_until) from None

    async def _ask(self, turn: Turn, stack: ExitStack) -> HttpReply:
        outcome = CallOutcome.IGNORED  # cancelled: the client left
        response = None
        try:
            response = await self._send(turn.instance)
        except (_NoAnswer, TimedOut) as fault:
            outcome = CallOutcome.FAILED
            self._tell_of(turn.instance, str(fault))
            raise
        finally:
            if response is None:
                await self._settle(turn, outcome)
        return await self._reply(response, turn, stack.pop_all())

    async def _settle(self, turn: Turn, outcome: CallOutcome) -> None:
        self._service.balancer.ended(turn.instance, outcome)
        await self._breakers.report(self._service.key_of(turn.instance), turn.admission, outcome)

    async def _reply(self, response: aiohttp.ClientResponse, turn: Turn, whole: ExitStack) -> HttpReply:
        async def settle_and_end(outcome: CallOutcome) -> None:
            with whole:
                if turn.admission.probe:
                    self._service.balancer.ended(turn.instance, outcome)
                else:
                    await self._settle(turn, outcome)

        table = self._service.table
        reply = HttpReply(response, self._upload, table.idle_seconds or table.timeout_seconds, settle_and_end)
        if turn.admission.probe:  # all others wait for its word, and its body may take long
            try:
                await self._breakers.report(
                    self._service.key_of(turn.instance), turn.admission, outcome_of(response.status)
                )
            except BaseException:
                await reply.close()
                raise
        return reply

    async def _send(self, instance: Instance) -> aiohttp.ClientResponse:
        """Once more by a new connection where a kept one was dead (RFC 9112, section 9.3.1): nobody failed."""
        progress = Progress()
        try:
            return await self._send_by(instance, progress)
        except _NoAnswer as fault:
            if not (fault.repeatable and progress.sent and not progress.is_new):
                raise
        return await self._send_by(instance, Progress(wants_new=True))

    async def _send_by(self, instance: Instance, progress: Progress) -> aiohttp.ClientResponse:
        clock = asyncio.timeout_at(self._deadline)
        token = progress_of.set(progress)
        try:
            async with clock:
                self._upload.timed_by(clock)
                response = await self._session.request(
                    self._request.method,
                    URL(instance.url + self._request.target, encoded=True),
                    headers=self._headers,
                    data=None if self._request.length == 0 else self._upload,
                    allow_redirects=False,
                )
        except BROKEN as error:
            if self._upload.fault is not None:
                raise self._upload.fault from None
            if clock.expired() and progress.sent:
                raise _too_slow() from None
            if clock.expired():
                raise _NoAnswer(_unreached(), "no connection in time", repeatable=False) from None
            raise self._no_answer(error, sent=progress.sent) from None
        finally:
            self._upload.timed_by(None)
            progress_of.reset(token)
        if not is_clean(response):
            response.close()
            raise self._no_answer(aiohttp.ClientResponseError(response.request_info, ()), sent=True)
        return response

    def _no_answer(self, error: Exception, *, sent: bool) -> _NoAnswer:
        garbled = isinstance(error, aiohttp.ClientResponseError)  # it said something, and no HTTP
        may_repeat = self._request.method in _IDEMPOTENT and not garbled
        if not sent or may_repeat:
            told: GatewayError = _unreached()
        else:
            told = BrokenOff(
                "the service took the request and gave no answer: it may have been done; look before you repeat it",
                code=BROKEN_OFF,
            )
        repeatable = not sent or (may_repeat and not self._upload.begun)
        return _NoAnswer(told, type(error).__name__, repeatable=repeatable)

    def _tell_of(self, instance: Instance, why: str) -> None:
        log.warning(
            "an instance gave no answer",
            service=self._service.name,
            instance=instance.url,
            why=why,
            trace_id=self._request.request_id,
        )


def _headers(request: ProxyRequest) -> list[tuple[str, str]]:
    """As text; aiohttp writes UTF-8. What is no UTF-8 is taken for the Latin-1 of old."""
    told = [(_text(name), _text(value)) for name, value in request.headers]
    parents = [value for name, value in told if name == "traceparent"]
    parent = parents[0] if len(parents) == 1 else ""
    trace = child_of(parent, _trace_id(request.request_id))
    ours = {"traceparent"} if trace[3:35] in parent else {"traceparent", "tracestate"}  # which is of a trace we know
    told = [(name, value) for name, value in told if name not in ours]
    told.append(("traceparent", trace))
    if request.length:
        told.append(("content-length", str(request.length)))
    return told


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _trace_id(request_id: str) -> UUID:
    """Of a trace that begins here: by the request's id where that is one of ours."""
    return UUID(request_id if _HEX_ID.fullmatch(request_id) and int(request_id, 16) else os.urandom(16).hex())


def _nobody(shut_until: Collection[datetime]) -> Unavailable:
    if not shut_until:
        return _unreached()
    wait = min(shut_until) - datetime.now(UTC)
    return _unreached(min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT))


def _unreached(retry_after: timedelta = _SHORTEST_WAIT) -> Unavailable:
    return Unavailable("no instance of the service can be reached just now", code=UNAVAILABLE, retry_after=retry_after)


def _too_slow() -> TimedOut:
    return TimedOut("the service gave no answer in time: it may still be at it", code=TIMEOUT)
