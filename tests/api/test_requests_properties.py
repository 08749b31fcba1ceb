"""No request makes a 500: bodies, queries, headers, cursors and ids of any bytes are answered as the contract says."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_from_bytes
from uuid import UUID

import pytest
from httpx import AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.cursors import Cursors
from api.job_lists import listed_of
from domain.errors import Invalid
from domain.jobs import Status
from domain.ports import JobFilter
from tests.api.samples import BODY, ended, pending_job
from tests.domain.test_json_text import VALUES
from tests.fakes import FakeJobs

few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
JSON = {"Content-Type": "application/json"}
BYTES = st.binary(max_size=60)
FIELD_BYTES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
JSON_BODIES = st.dictionaries(st.text(max_size=6), VALUES, max_size=3).map(lambda value: json.dumps(value).encode())
BODIES = BYTES | JSON_BODIES | st.just(b"{}") | st.just(b"[" * 5_000)


@pytest.fixture
async def admin(client_of: Callable[[str | None], AsyncClient]) -> AsyncIterator[AsyncClient]:
    async with client_of("root") as client:
        yield client


@few
@given(query=BYTES | st.text("vendorstatuslimitcursorids=&%0a1,+é", max_size=50).map(str.encode))
async def test_any_query_is_read_or_refused(client: AsyncClient, query: bytes) -> None:
    answer = await client.get("/jobs?" + quote_from_bytes(query, safe="=&%+,"))
    assert answer.status_code in {200, 422}


NAMES = st.sampled_from(["vendor", "status", "created_after", "limit", "cursor", "ids"])
WORDS = FIELD_BYTES | st.sampled_from(
    ["failed", "1", "100", "0", "-1", "1e2", "٣", "9" * 5_000, "2026-01-31T09:00:00Z", "0001-01-01T00:00:00+23:59"]
)


@few
@given(query=st.dictionaries(NAMES, WORDS, min_size=1, max_size=3))
async def test_any_parameter_is_read_or_refused(client: AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get("/jobs", params=query)
    assert answer.status_code in {200, 422}
    if answer.status_code == 422:
        assert {fault["pointer"].split("/")[2] for fault in answer.json()["errors"]} <= set(query)


FILTERS = st.builds(
    JobFilter,
    owner=st.none() | st.text(max_size=5),
    vendor=st.none() | st.text(max_size=5),
    status=st.none() | st.sampled_from(Status),
    created_after=st.none() | st.datetimes(timezones=st.just(UTC)),
    limit=st.integers(1, 100),
)


@given(st.uuids(), FILTERS, FILTERS)
def test_a_cursor_leads_back_into_its_own_list_and_no_other(last: UUID, which: JobFilter, other: JobFilter) -> None:
    cursors = Cursors(b"s" * 32)
    cursor = cursors.write(last, listed_of(which))
    assert cursors.read(cursor, listed_of(which)) == last
    if listed_of(which) != listed_of(other):
        with pytest.raises(Invalid):
            cursors.read(cursor, listed_of(other))


@given(st.uuids(), st.integers(0, 42), st.sampled_from("AZaz09-_=+/ é\x00"))
def test_a_cursor_that_was_changed_is_none(last: UUID, place: int, put: str) -> None:
    cursors, which = Cursors(b"s" * 32), ["users"]
    cursor = cursors.write(last, which)
    changed = cursor[:place] + put + cursor[place + 1 :]
    if changed != cursor:
        with pytest.raises(Invalid):
            cursors.read(changed, which)


@given(st.text(max_size=60))
def test_any_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Cursors(b"s" * 32).read(text, ["users"])


PREFERENCES = ["Idempotency-Key", "Prefer", "If-None-Match", "Last-Event-ID", "X-Request-ID", "traceparent", "Expect"]
FRAMING = ["Content-Type", "Content-Encoding", "Content-Length", "Authorization", "X-Forwarded-For", "Accept", "Cookie"]
HEADERS = st.sampled_from(PREFERENCES + FRAMING)
SPELLINGS = FIELD_BYTES | st.sampled_from(
    [
        "*",
        '"',
        'W/"a"',
        "wait=0",
        'wait="1',
        "application/json;charset",
        "1, 2",
        "-1",
        "9" * 30,
        "Bearer",
        "Bearer acme",
    ]
)


@few
@given(sent=st.lists(st.tuples(HEADERS, SPELLINGS), max_size=5))
async def test_any_headers_are_read_or_refused(
    client: AsyncClient, jobs: FakeJobs, sent: list[tuple[str, str]]
) -> None:
    job = ended(pending_job())
    await jobs.put(job)
    headers = [(name.encode(), text.encode("latin-1")) for name, text in sent]
    submitted = await client.post("/jobs", json=BODY, headers=headers)
    assert submitted.status_code in {200, 202, 400, 401, 413, 415, 422}
    assert "x-request-id" in submitted.headers
    for path in (f"/jobs/{job.id}", f"/jobs/{job.id}/events", "/jobs"):
        assert (await client.get(path, headers=headers)).status_code in {200, 204, 304, 401}


@few
@given(piece=BYTES)
async def test_any_piece_of_a_path_names_something_or_nothing(
    client: AsyncClient, admin: AsyncClient, piece: bytes
) -> None:
    name = quote_from_bytes(piece, safe="")
    for method, path in (
        *(("GET", f"/jobs/{name}"), ("GET", f"/jobs/{name}/events"), ("DELETE", f"/jobs/{name}")),
        *(("POST", f"/jobs/{name}/cancel"), ("POST", f"/jobs/{name}/retry")),
        *(("POST", f"/vendors/{name}/pause"), ("GET", f"/vendors/{name}"), ("GET", f"/health/{name}")),
        ("GET", f"/docs/static/{name}"),
    ):
        answer = await admin.request(method, path)
        assert answer.status_code in {200, 404, 405}, (method, path)


@few
@given(body=BODIES)
@pytest.mark.parametrize("path", ["/jobs/batch", "/jobs/replay", "/jobs/{id}/cancel", "/jobs/{id}/retry"])
async def test_no_body_makes_a_500_anywhere(admin: AsyncClient, jobs: FakeJobs, path: str, body: bytes) -> None:
    job = pending_job()
    await jobs.put(job)
    answer = await admin.post(path.format(id=job.id), content=body, headers=JSON)
    assert answer.status_code in {200, 202, 400, 409, 422}


@few
@given(
    payload=VALUES,
    indent=st.sampled_from([None, 1, "\t"]),
    escaped=st.booleans(),
    space=st.sampled_from(["", " ", "\r\n"]),
)
async def test_a_payload_is_kept_as_it_was_sent_to_the_byte(
    client: AsyncClient, jobs: FakeJobs, payload: Any, indent: Any, escaped: bool, space: str
) -> None:
    text = json.dumps(payload, indent=indent, ensure_ascii=escaped)
    body = f'{{"vendorPayload":{space}{text}{space},{space}"vendorType": "sync"}}'
    answer = await client.post("/jobs", content=body.encode(), headers=JSON)
    assert answer.status_code == 202, answer.text
    assert jobs.stored[UUID(answer.json()["request_id"])].payload == text


@few
@given(moment=st.datetimes(timezones=st.timezones() | st.just(UTC)))
async def test_any_bounds_of_a_replay_are_read_or_refused(admin: AsyncClient, moment: datetime) -> None:
    asked = {"vendor": "sync", "status": "failed", "dry_run": True, "from": moment.isoformat()}
    assert (await admin.post("/jobs/replay", json=asked)).status_code in {200, 422}
