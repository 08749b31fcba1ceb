"""Bad input gets a 4xx problem that names the field, and nothing is stored."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.edge.bodies import LARGEST_BODY
from tests.api.samples import BODY
from tests.fakes import FakeJobs

JSON = {"Content-Type": "application/json"}
PAYLOAD = b'{"vendorType": "sync", "vendorPayload": %s}'


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def check_problem(answer: Response, status: int) -> dict[str, Any]:
    """The problem, whole: every member there, and the same id in the header."""
    problem: dict[str, Any] = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "instance", "code", "trace_id", "message", "errors"}
    assert (problem["status"], problem["message"]) == (status, problem["detail"])
    assert problem["trace_id"] == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b'{"vendorType": "sync",}',
        PAYLOAD % b"NaN",
        PAYLOAD % b"Infinity",
        PAYLOAD % b"01",
        PAYLOAD % b'"\xff"',
        PAYLOAD % b'"\xed\xa0\x80"',
        PAYLOAD % rb'"\ud800"',
        PAYLOAD % rb'"\udc00 and some more text behind it"',
        PAYLOAD % rb'{"\ud800x": 1}',
        PAYLOAD % b'"\x01"',
        b"\xef\xbb\xbf" + PAYLOAD % b"1",
    ],
)
async def test_what_is_not_json_is_a_400(client: AsyncClient, jobs: FakeJobs, body: bytes) -> None:
    problem = check_problem(await client.post("/jobs", content=body, headers=JSON), 400)
    assert [fault["pointer"] for fault in problem["errors"]] == [""]
    assert not jobs.stored


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"vendorType": "nobody"}, "/vendorType"),
        ({"vendorType": 5}, "/vendorType"),
        ({"priority": "urgent"}, "/priority"),
        ({"priority": None}, "/priority"),
        ({"run_at": "2036-11-21T00:00:00Z"}, "/run_at"),
        ({"run_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()}, "/run_at"),
        ({"run_at": "2026-11-21T00:00:00"}, "/run_at"),
        ({"run_at": 1_800_000_000}, "/run_at"),
        ({"deadline": "9999-12-31T23:59:59-12:00"}, "/deadline"),
        ({"deadline": datetime.now(UTC).isoformat()}, "/deadline"),
        ({"callback_url": "ftp://client.example/"}, "/callback_url"),
        ({"callback_url": "javascript:alert(1)"}, "/callback_url"),
        ({"callback_url": "//client.example/"}, "/callback_url"),
        ({"callback_url": "http:///path"}, "/callback_url"),
        ({"callback_url": "https://me:secret@client.example/"}, "/callback_url"),
        ({"callback_url": "https://client.example:99999/"}, "/callback_url"),
        ({"callback_url": "https://client.example/\r\nx: y"}, "/callback_url"),
        ({"callback_url": "https://client.example/" + "a" * 2_048}, "/callback_url"),
        ({"metadata": []}, "/metadata"),
        ({"metadata": {str(n): "" for n in range(51)}}, "/metadata"),
        ({"metadata": {"a": {"b": "c"}}}, "/metadata/a"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
        ({"metadata": {"a": "x" * 501}}, "/metadata/a"),
        ({"metadata": {"$where": "x"}}, "/metadata/$where"),
        ({"metadata": {"a.b": "x"}}, "/metadata/a.b"),
        ({"a/b~c": 1}, "/a~1b~0c"),
    ],
)
async def test_a_field_with_a_fault_is_named(
    client: AsyncClient, jobs: FakeJobs, change: dict[str, Any], pointer: str
) -> None:
    problem = check_problem(await client.post("/jobs", json={**BODY, **change}), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert not jobs.stored


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"x"', b"[" + PAYLOAD % b"1" + b"]"])
async def test_json_that_is_no_object_is_a_422(client: AsyncClient, jobs: FakeJobs, body: bytes) -> None:
    check_problem(await client.post("/jobs", content=body, headers=JSON), 422)
    assert not jobs.stored


async def test_missing_fields_are_told_together(client: AsyncClient) -> None:
    problem = check_problem(await client.post("/jobs", json={}), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == ["/vendorType", "/vendorPayload"]


@pytest.mark.parametrize("again", ['"vendorType"', r'"vendor\u0054ype"'])
async def test_a_field_given_twice_is_refused(client: AsyncClient, jobs: FakeJobs, again: str) -> None:
    body = f'{{"vendorType": "sync", "vendorPayload": 1, {again}: "acme"}}'
    problem = check_problem(await client.post("/jobs", content=body, headers=JSON), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == ["/vendorType"]
    assert not jobs.stored


@pytest.mark.parametrize("levels", [65, 500, 100_000])
async def test_deep_nesting_is_refused(client: AsyncClient, jobs: FakeJobs, levels: int) -> None:
    problem = check_problem(await client.post("/jobs", content=PAYLOAD % nested(levels), headers=JSON), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == ["/vendorPayload"]
    assert not jobs.stored


async def test_64_levels_are_taken(client: AsyncClient) -> None:
    assert (await client.post("/jobs", content=PAYLOAD % nested(64), headers=JSON)).status_code == 202


async def test_a_body_over_the_cap_is_refused_unread(client: AsyncClient, jobs: FakeJobs) -> None:
    body = PAYLOAD % (b'"' + b"x" * LARGEST_BODY + b'"')
    check_problem(await client.post("/jobs", content=body, headers=JSON), 413)
    assert not jobs.stored


async def test_a_streamed_body_is_read_to_the_cap_and_no_further(client: AsyncClient, jobs: FakeJobs) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    check_problem(await client.post("/jobs", content=endless(), headers=JSON), 413)
    assert sent <= LARGEST_BODY + 2 * 65_536
    assert not jobs.stored


async def test_a_body_of_exactly_the_cap_is_taken(client: AsyncClient) -> None:
    body = PAYLOAD % (b'"' + b"x" * (LARGEST_BODY - len(PAYLOAD % b'""')) + b'"')
    assert len(body) == LARGEST_BODY
    assert (await client.post("/jobs", content=body, headers=JSON)).status_code == 202


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
async def test_another_type_than_json_is_a_415(client: AsyncClient, jobs: FakeJobs, kind: str) -> None:
    answer = await client.post("/jobs", content=PAYLOAD % b"1", headers={"Content-Type": kind} if kind else {})
    problem = check_problem(answer, 415)
    assert problem["errors"][0]["pointer"] == "/headers/Content-Type"
    assert not jobs.stored


@pytest.mark.parametrize("key", ["", "a\tb", "a\x7fb", "ключ".encode(), "x" * 256])
async def test_an_odd_idempotency_key_is_a_400(client: AsyncClient, jobs: FakeJobs, key: str | bytes) -> None:
    raw = key if isinstance(key, bytes) else key.encode()
    problem = check_problem(await client.post("/jobs", json=BODY, headers=[(b"Idempotency-Key", raw)]), 400)
    assert problem["errors"][0]["pointer"] == "/headers/Idempotency-Key"
    assert not jobs.stored


async def test_a_query_where_none_is_taken_is_a_422(client: AsyncClient, jobs: FakeJobs) -> None:
    problem = check_problem(await client.post("/jobs?dry_run=1", json=BODY), 422)
    assert problem["errors"][0]["pointer"] == "/query/dry_run"
    assert not jobs.stored


async def test_a_method_that_is_not_taken_is_a_405(client: AsyncClient) -> None:
    answer = await client.delete("/jobs")
    check_problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


async def test_an_unknown_path_is_a_404(client: AsyncClient) -> None:
    check_problem(await client.get("/nothing/here"), 404)


async def test_many_faults_make_no_endless_answer(client: AsyncClient) -> None:
    body = {**BODY, **{f"unknown{n}": n for n in range(5_000)}}
    problem = check_problem(await client.post("/jobs", json=body), 422)
    assert len(problem["errors"]) == 100


@given(body=st.binary(max_size=200))
@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
async def test_no_body_makes_a_500(client: AsyncClient, body: bytes) -> None:
    assert (await client.post("/jobs", content=body, headers=JSON)).status_code in (202, 400, 422)
