"""
`GET /jobs/{request_id}/events`: the job now and whenever it changes, as server-sent events.

An event is the job as `GET` shows it, under its version: a client that comes back with `Last-Event-ID` is told
only what it has not seen.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
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
from api.event_streams import HEADERS, HEARTBEAT, HEARTBEAT_SECONDS, LOOK_AGAIN_SECONDS, next_news
from api.headers import header
from api.ports import ApiPorts
from api.provided import Ports
from api.standings import find_standing
from api.views import view_of
from domain.edge.answers import AnyRequest
from domain.errors import NotFound, Unauthenticated
from domain.jobs import Job


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
        news = self.ports.jobs.wait_for_change(job, self.heartbeat_seconds)
        return await next_news(news, self.ask_again, self.ports.stopping, self.look_again_seconds)

    async def _event(self, job: Job) -> bytes:
        now = datetime.now(UTC)
        standing = await find_standing(job, self.ports.vendor_states, now)
        shown = msgspec.json.encode(view_of(job, now, standing=standing, with_attempts=self.with_attempts))
        # A vendor's result may hold line breaks between its tokens: each line is sent as data of its own.
        data = b"\n".join(b"data: " + line for line in shown.splitlines())
        return b"event: state\nid: %d\n%b\n\n" % (job.epoch, data)
