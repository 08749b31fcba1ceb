"""
`GET /jobs/{request_id}/events`: the job now and whenever it changes, as server-sent events.

An event is the job as `GET` shows it, under its version: a client that comes back with `Last-Event-ID` is told
only what it has not seen. Format: HTML, section 9.2 (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.addressed import find_job, reads_attempts
from api.callers import ask_again
from api.headers import header
from api.ports import ApiPorts
from api.provided import Ports
from api.standings import find_standing
from api.views import view_of
from domain.edge.answers import AnyRequest
from domain.errors import NotFound, TooMany, Unauthenticated, Unavailable
from domain.jobs import Job

HEARTBEAT_SECONDS = 15.0  # under the 30 s to 60 s of silence after which proxies commonly hang up
LOOK_AGAIN_SECONDS = 1.0  # when the store did not answer
HEARTBEAT = b": still here\n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


@get("/jobs/{request_id:str}/events")
async def watch_job(request: AnyRequest, request_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Tell every state of a job from now on, until it has ended."""
    with_attempts = reads_attempts(request)
    job = await find_job(request, request_id, ports.jobs)
    seen = (header(request.scope, b"last-event-id") or "").strip()
    if job.ended and seen == str(job.epoch):
        return ASGIResponse(status_code=HTTPStatus.NO_CONTENT)  # by the specification: do not come back
    watch = Watch(ports, with_attempts, partial(ask_again, request))
    return ASGIStreamingResponse(iterator=watch.tell(job, seen), headers=HEADERS)


@dataclass(frozen=True)
class Watch:
    """
    One client that watches one job. It ends with the job, and with the process: the client comes back by itself.

    It ends with the client's leave too: `ask_again` raises `Unauthenticated` once what opened it is revoked, locked or
    has run out. Nothing is told before that has been asked.
    """

    ports: ApiPorts
    with_attempts: bool
    ask_again: Callable[[], Awaitable[None]]
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    look_again_seconds: float = LOOK_AGAIN_SECONDS

    async def tell(self, job: Job, seen: str) -> AsyncGenerator[bytes, None]:
        if seen != str(job.epoch):
            yield await self._event(job)
        while not job.ended and not self.ports.stopping.is_set():
            try:
                found = await self._next(job)
            except (NotFound, Unauthenticated):  # the job is deleted or expired; the client may not know it any more
                return
            if found is None or found.epoch == job.epoch:
                yield HEARTBEAT
            else:
                job = found
                yield await self._event(job)

    async def _next(self, job: Job) -> Job | None:
        """The job when it has changed, or as it stands by the next heartbeat; None when nobody can say."""
        try:
            found = await self._unless_stopped(job)
            await self.ask_again()
        except (Unavailable, TooMany):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ports.stopping.wait(), self.look_again_seconds)
            return None
        return found

    async def _unless_stopped(self, job: Job) -> Job | None:
        change = asyncio.ensure_future(self.ports.jobs.wait_for_change(job, self.heartbeat_seconds))
        stop = asyncio.ensure_future(self.ports.stopping.wait())
        try:
            await asyncio.wait({change, stop}, return_when=asyncio.FIRST_COMPLETED)
            return change.result() if change.done() else None
        finally:
            change.cancel()
            stop.cancel()

    async def _event(self, job: Job) -> bytes:
        now = datetime.now(UTC)
        standing = await find_standing(job, self.ports.vendor_states, now)
        shown = msgspec.json.encode(view_of(job, now, standing=standing, with_attempts=self.with_attempts))
        # A vendor's result may hold line breaks between its tokens: each line is sent as data of its own.
        data = b"\n".join(b"data: " + line for line in shown.splitlines())
        return b"event: state\nid: %d\n%b\n\n" % (job.epoch, data)
