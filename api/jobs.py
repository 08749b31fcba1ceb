"""`POST /jobs` and `GET /jobs/{request_id}`: the two routes that the gateway is for, and so the lean ones."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.addressed import find_job, no_such_job, reads_attempts
from api.callers import ask_again, caller_of
from api.headers import header, known_tags, wait_asked
from api.ports import ApiPorts
from api.provided import Ports
from api.queries import read_query
from api.standings import find_standing
from api.views import accepted_view, etag_of, path_of, retry_after, view_of, weak_etag_of
from domain.callers import Caller
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import Invalid, TooMany, Unauthenticated, Unavailable
from domain.fingerprints import fingerprint
from domain.jobs import Job
from domain.ports import Accepted, JobReader
from domain.submissions import read_idempotency_key, read_submission, read_traceparent

LONG_BODY = 64 * 1024  # beyond, reading one may take tens of milliseconds: not on the event loop

_encode = msgspec.json.Encoder().encode


@post("/jobs", status_code=HTTPStatus.ACCEPTED)
async def submit_job(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Accept a job and return at once. Repeating an `Idempotency-Key` returns the first job."""
    accepted = await _take_in(request, caller_of(request), ports)
    seconds = wait_asked(request.scope)
    if seconds is None:
        return _accepted(accepted, {})
    return await _accepted_or_ended(accepted, request, ports.jobs, seconds)


@get("/jobs/{request_id:str}")
async def show_job(request: AnyRequest, request_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show a job as it stands, or as it stands when it has changed or ended, for who would rather wait."""
    look = Look(ports, known_tags(request.scope), with_attempts=reads_attempts(request))
    job = await find_job(request, request_id, ports.jobs)
    seconds = wait_asked(request.scope)
    if seconds is None:
        return look.answer(await look.see(job), None)
    sight = await look.wait(job, caller_of(request).owner, seconds)
    await ask_again(request)  # a lock, a logout or a revocation does not wait for who waits
    return look.answer(sight, seconds)


@dataclass(frozen=True, slots=True)
class Sight:
    """A job as a client is shown it. Two sights with one tag are the same to it."""

    body: bytes
    tag: str
    retry_after: str | None


class Look:
    """One client's look at a job: what it has seen already, and how much it wants to see."""

    def __init__(self, ports: ApiPorts, tags: frozenset[str], *, with_attempts: bool) -> None:
        self._jobs = ports.jobs
        self._vendor_states = ports.vendor_states
        self._stopping = ports.stopping
        self._tags = tags
        self._with_attempts = with_attempts

    async def see(self, job: Job) -> Sight:
        now = _now()
        standing = await find_standing(job, self._vendor_states, now)
        view = view_of(job, now, standing=standing, with_attempts=self._with_attempts)
        body = _encode(view)
        if standing is None:
            return Sight(body, etag_of(body), None)
        moves = standing.moves or standing.estimated_start is not None
        tag = weak_etag_of(view, standing) if moves else etag_of(body)
        return Sight(body, tag, retry_after(job, now, standing))

    async def wait(self, job: Job, owner: str | None, seconds: float) -> Sight:
        """The job when it has ended or, for a client that has seen it, when it differs; at last after `seconds`."""
        if not self._tags and not job.ended:
            ended = await self._jobs.wait_until_ended(job.id, owner, seconds)
            if ended is None:
                raise no_such_job()
            return await self.see(ended)
        ends = time.monotonic() + seconds
        sight = await self.see(job)
        while self._may_differ(job, sight) and (left := ends - time.monotonic()) > 0:
            job = await self._jobs.wait_for_change(job, left)
            sight = await self.see(job)
        return sight

    def answer(self, sight: Sight, waited: int | None) -> ASGIResponse:
        headers = {"ETag": sight.tag, "Cache-Control": "private, no-cache", **_applied(waited)}
        if sight.retry_after is not None:
            headers["Retry-After"] = sight.retry_after
        if self._has_seen(sight):
            return ASGIResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return ASGIResponse(body=sight.body, headers=headers)

    def _may_differ(self, job: Job, sight: Sight) -> bool:
        """Whether waiting may show the client something new; a process that stops keeps nobody waiting."""
        return self._has_seen(sight) and not job.ended and not self._stopping.is_set()

    def _has_seen(self, sight: Sight) -> bool:
        """Tags are compared weakly, as RFC 9110, section 13.1.2, wants it of If-None-Match."""
        return bool(self._tags) and ("*" in self._tags or sight.tag.removeprefix("W/") in self._tags)


async def _take_in(request: AnyRequest, caller: Caller, ports: ApiPorts) -> Accepted:
    """Read the submission and store its job. Raises what is wrong with it."""
    scope = request.scope
    read_query(scope)
    require_json(scope)
    sent_key = header(scope, b"idempotency-key")
    key = None if sent_key is None else read_idempotency_key(sent_key)
    traceparent = read_traceparent(header(scope, b"traceparent"))
    body = await read_body(scope, request.receive)

    def read() -> Job:
        now = _now()
        submission = read_submission(body, now=now, vendors=ports.vendors, callbacks_anywhere=ports.callbacks_anywhere)
        return submission.job(caller, key=key, now=now, traceparent=traceparent)

    try:
        job = read() if len(body) <= LONG_BODY else await asyncio.to_thread(read)
    except Invalid:
        # What was accepted once may be refused by now (its `run_at` has passed): a repeat is still a repeat.
        earlier = None if key is None else await ports.intake.replay(caller.client, key, fingerprint(body.decode()))
        if earlier is None:
            raise
        return earlier
    return await ports.intake.take_in(job)


async def _accepted_or_ended(accepted: Accepted, request: AnyRequest, jobs: JobReader, seconds: int) -> ASGIResponse:
    job = accepted.job
    with suppress(Unavailable):  # it is stored, whatever else fails now: the answer must not invite a second one
        job = await jobs.wait_until_ended(job.id, job.client, seconds) or job
    # Of a deleted one nothing is left to be shown, and to who was shut out meanwhile nothing may be.
    if not job.ended or job.deleted or not await _is_still_in(request):
        return _accepted(Accepted(job, accepted.replayed), _applied(seconds))
    headers = {"Location": path_of(job), **_replayed(accepted), **_applied(seconds)}
    return ASGIResponse(body=_encode(view_of(job, _now())), status_code=HTTPStatus.OK, headers=headers)


async def _is_still_in(request: AnyRequest) -> bool:
    """Raises nothing: the job is stored, and a refusal by now would have it submitted once more."""
    try:
        await ask_again(request)
    except (Unauthenticated, TooMany, Unavailable):
        return False
    return True


def _accepted(accepted: Accepted, headers: dict[str, str]) -> ASGIResponse:
    job = accepted.job
    headers |= {"Location": path_of(job), "Retry-After": retry_after(job, job.created_at), **_replayed(accepted)}
    return ASGIResponse(body=_encode(accepted_view(job)), status_code=HTTPStatus.ACCEPTED, headers=headers)


def _replayed(accepted: Accepted) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if accepted.replayed else {}


def _applied(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Preference-Applied": f"wait={seconds}"}


def _now() -> datetime:
    return datetime.now(UTC)
