"""`GET /jobs`: a page of one's own jobs, newest first, or those of given ids in their order."""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.callers import caller_of
from api.cursors import Cursors, Listed
from api.pages import LARGEST_LIMIT, Query, link_to_next, read_cursor, read_limit
from api.ports import ApiPorts
from api.provided import Ports
from api.queries import query_fault, read_query, refuse
from api.standings import find_standings
from api.views import JobList, JobView, view_of
from domain.edge.answers import AnyRequest
from domain.errors import FieldError
from domain.jobs import Job, Status
from domain.ports import LARGEST_PAGE, JobFilter
from domain.request_ids import read_request_id

PARAMETERS = ("vendor", "status", "created_after", "limit", "cursor", "ids")

_NOBODYS = UUID(int=0)  # what stands for an id that is none: no job has it
_HEADERS = {"Cache-Control": "private, no-cache"}


@get("/jobs")
async def list_jobs(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List jobs: a page by filters, or exactly those of `ids`."""
    query = read_query(request.scope, *PARAMETERS)
    owner = caller_of(request).owner
    if "ids" in query:
        return await _answer_all(ports, ports.jobs.find_many(_read_ids(query), owner))
    cursors = Cursors(ports.cursor_secret)
    which = _read_filter(query, owner, cursors)
    found = await ports.jobs.list(replace(which, limit=which.limit + 1))
    page = _fitting(found[: which.limit])
    cursor = cursors.write(page[-1].id, listed_of(which)) if len(found) > len(page) else None
    return _answer(await _views(page, ports), cursor, query)


def _fitting(found: list[Job]) -> list[Job]:
    """As many of them as a page holds, and one at least: a hundred large results would be over a gigabyte."""
    sizes = itertools.accumulate(len(job.result or "") for job in found)
    return [
        job for place, (job, size) in enumerate(zip(found, sizes, strict=True)) if not place or size <= LARGEST_PAGE
    ]


def _read_ids(query: Query) -> list[UUID]:
    refuse(query_fault(name, "does not go together with ids") for name in query if name != "ids")
    texts = [text.strip() for text in query["ids"].split(",")] if query["ids"] else []
    if len(texts) > LARGEST_LIMIT:
        refuse([query_fault("ids", f"are too many: {LARGEST_LIMIT} are the most")])
    return [read_request_id(text) or _NOBODYS for text in texts]


def _read_filter(query: Query, owner: str | None, cursors: Cursors) -> JobFilter:
    faults: list[FieldError] = []
    which = JobFilter(
        owner=owner,
        limit=read_limit(query, faults),
        vendor=query.get("vendor"),
        status=_read_status(query, faults),
        created_after=_read_created_after(query, faults),
    )
    refuse(faults)
    return replace(which, before=read_cursor(query, cursors, listed_of(which)))


def listed_of(which: JobFilter) -> Listed:
    """What a cursor of this list is good for: these filters and this owner, and no other."""
    return [which.owner, which.vendor, which.status, which.created_after]


def _read_status(query: Query, faults: list[FieldError]) -> Status | None:
    text = query.get("status")
    if text is None or text in set(Status):
        return None if text is None else Status(text)
    faults.append(query_fault("status", f"must be one of {', '.join(Status)}"))
    return None


def _read_created_after(query: Query, faults: list[FieldError]) -> datetime | None:
    text = query.get("created_after")
    if text is None:
        return None
    try:
        moment = msgspec.convert(text, datetime)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        pass
    detail = "must be a time with a zone by RFC 3339, such as 2026-01-31T09:00:00Z (a + is written %2B in a query)"
    faults.append(query_fault("created_after", detail))
    return None


def _answer(views: list[JobView | None], cursor: str | None, query: Query) -> ASGIResponse:
    headers = {**_HEADERS, **link_to_next("/jobs", query, cursor)}
    return ASGIResponse(body=msgspec.json.encode(JobList(views, cursor)), headers=headers)


async def _answer_all(ports: ApiPorts, groups: AsyncIterator[list[Job | None]]) -> ASGIResponse:
    """Group by group, as `JobReader.find_many` hands them out: a hundred large results would be over a gigabyte."""
    first = await anext(groups)  # before the answer begins: what fails here is still a problem
    return ASGIStreamingResponse(iterator=_pieces(ports, first, groups), headers=_HEADERS)


async def _pieces(
    ports: ApiPorts, first: list[Job | None], groups: AsyncIterator[list[Job | None]]
) -> AsyncIterator[bytes]:
    yield b'{"items":' + msgspec.json.encode(await _views(first, ports))[:-1]
    async for group in groups:
        yield b"," + msgspec.json.encode(await _views(group, ports))[1:-1]
    yield b'],"next_cursor":null}'


async def _views(jobs: Sequence[Job | None], ports: ApiPorts) -> list[JobView | None]:
    now = datetime.now(UTC)
    standings = await find_standings(jobs, ports.vendor_states, now)
    return [
        None if job is None else view_of(job, now, standing=standing)
        for job, standing in zip(jobs, standings, strict=True)
    ]
