"""`GET /jobs`: a page of one's own jobs, newest first, or those of given ids in their order."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.enums import MediaType

from api.callers import caller_of
from api.cursors import Cursors
from api.provided import Ports
from api.queries import query_fault, read_query, refuse
from api.views import JobList, view_of
from domain.edge.answers import AnyRequest
from domain.errors import FieldError, Invalid
from domain.jobs import Job, Status
from domain.ports import LARGEST_PAGE, JobFilter, JobReader
from domain.request_ids import read_request_id

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
PARAMETERS = ("vendor", "status", "created_after", "limit", "cursor", "ids")

Query = Mapping[str, str]


@get("/jobs")
async def list_jobs(request: AnyRequest, ports: Ports) -> Response[bytes]:
    """List jobs: a page by filters, or exactly those of `ids`."""
    query = read_query(request.scope, *PARAMETERS)
    owner = caller_of(request).owner
    if "ids" in query:
        return _answer(await _find_all(query, owner, ports.jobs), None, {})
    cursors = Cursors(ports.cursor_secret)
    which = _read_filter(query, owner, cursors)
    found = await ports.jobs.list(replace(which, limit=which.limit + 1))
    page = _fitting(found[: which.limit])
    cursor = cursors.write(page[-1].id, which) if len(found) > len(page) else None
    return _answer(list(page), cursor, query)


def _fitting(found: list[Job]) -> list[Job]:
    """As many of them as a page holds, and one at least: a hundred large results would be over a gigabyte."""
    sizes = itertools.accumulate(len(job.result or "") for job in found)
    return [
        job for place, (job, size) in enumerate(zip(found, sizes, strict=True)) if not place or size <= LARGEST_PAGE
    ]


async def _find_all(query: Query, owner: str | None, jobs: JobReader) -> list[Job | None]:
    refuse(query_fault(name, "does not go together with ids") for name in query if name != "ids")
    texts = [text.strip() for text in query["ids"].split(",")] if query["ids"] else []
    if len(texts) > LARGEST_LIMIT:
        refuse([query_fault("ids", f"are too many: {LARGEST_LIMIT} are the most")])
    ids = [read_request_id(text) for text in texts]
    known = [request_id for request_id in ids if request_id is not None]
    found = iter(await jobs.find_many(known, owner))
    return [None if request_id is None else next(found) for request_id in ids]


def _read_filter(query: Query, owner: str | None, cursors: Cursors) -> JobFilter:
    faults: list[FieldError] = []
    which = JobFilter(
        owner=owner,
        limit=_read_limit(query, faults),
        vendor=query.get("vendor"),
        status=_read_status(query, faults),
        created_after=_read_created_after(query, faults),
    )
    refuse(faults)
    if "cursor" not in query:
        return which
    try:
        return replace(which, before=cursors.read(query["cursor"], which))
    except Invalid as fault:
        raise Invalid(f"cursor {fault.detail}", errors=(query_fault("cursor", fault.detail),)) from None


def _read_limit(query: Query, faults: list[FieldError]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_LIMIT:
        return int(text)
    faults.append(query_fault("limit", f"must be a number from 1 to {LARGEST_LIMIT}"))
    return DEFAULT_LIMIT


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


def _answer(jobs: list[Job | None], cursor: str | None, query: Query) -> Response[bytes]:
    now = datetime.now(UTC)
    listed = JobList([None if job is None else view_of(job, now) for job in jobs], cursor)
    headers = {"Cache-Control": "private, no-cache"}
    if cursor is not None:
        headers["Link"] = f'</jobs?{urlencode({**query, "cursor": cursor})}>; rel="next"'
    return Response(msgspec.json.encode(listed), media_type=MediaType.JSON, headers=headers)
