"""`GET /jobs`: pages that neither skip nor repeat, filters, cursors that cannot be moved elsewhere, and ids."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx import AsyncClient
from litestar.types import ASGIApp

from domain.ports import LARGEST_PAGE
from domain.request_ids import new_request_id
from tests.api.samples import ended, pending_job
from tests.api.streams import opened
from tests.fakes import FakeJobs


async def test_pages_follow_each_other_without_gap_or_repeat(client: AsyncClient, jobs: FakeJobs) -> None:
    stored = [pending_job() for _ in range(7)]
    for job in stored:
        await jobs.put(job)
    pages = await _pages(client, "/jobs?limit=3&vendor=sync")
    assert [request_id for page in pages for request_id in page] == [str(job.id) for job in reversed(stored)]


async def test_an_empty_list_has_no_next_page(client: AsyncClient) -> None:
    answer = await client.get("/jobs")
    assert answer.json() == {"items": [], "next_cursor": None}
    assert "link" not in answer.headers


async def test_a_page_that_is_just_full_is_the_last(client: AsyncClient, jobs: FakeJobs) -> None:
    for _ in range(20):
        await jobs.put(pending_job())
    answer = await client.get("/jobs")
    assert len(answer.json()["items"]) == 20
    assert answer.json()["next_cursor"] is None


async def test_filters_narrow_the_list(client: AsyncClient, jobs: FakeJobs) -> None:
    old = pending_job(vendor="acme")
    old = old.model_copy(update={"created_at": old.created_at - timedelta(days=1)})
    done, other = ended(pending_job()), pending_job(client="globex")
    for job in (old, done, other):
        await jobs.put(job)
    since = (done.created_at - timedelta(hours=1)).isoformat().replace("+", "%2B")

    async def listed(query: str) -> list[str]:
        return [item["request_id"] for item in (await client.get(f"/jobs?{query}")).json()["items"]]

    assert await listed("vendor=acme") == [str(old.id)]
    assert await listed("status=complete") == [str(done.id)]
    assert await listed(f"created_after={since}") == [str(done.id)]
    assert await listed("vendor=nobody") == []


async def test_ids_are_answered_in_their_order_with_null_for_unknown(client: AsyncClient, jobs: FakeJobs) -> None:
    one, two, foreign = pending_job(), pending_job(), pending_job(client="globex")
    for job in (one, two, foreign):
        await jobs.put(job)
    asked = [str(two.id), "no-uuid", str(foreign.id), str(one.id), str(new_request_id()), str(two.id)]
    answer = (await client.get(f"/jobs?ids={','.join(asked)}")).json()
    found = [item and item["request_id"] for item in answer["items"]]
    assert found == [asked[0], None, None, asked[3], None, asked[5]]
    assert answer["next_cursor"] is None


async def test_no_ids_are_no_jobs(client: AsyncClient) -> None:
    assert (await client.get("/jobs?ids=")).json() == {"items": [], "next_cursor": None}


async def test_ids_are_answered_group_by_group(app: ASGIApp, jobs: FakeJobs) -> None:
    """The fake hands the first job out alone."""
    held = [pending_job() for _ in range(3)]
    for job in held:
        await jobs.put(job)
    ids = ",".join(str(job.id) for job in held)
    async with opened(app, f"/jobs?ids={ids}", {"Authorization": "Bearer acme"}) as stream:
        assert (await stream.head())[0] == 200
        pieces = [piece async for piece in stream.pieces()]
    assert [piece.count(b"request_id") for piece in pieces] == [1, 2, 0]
    assert [item["request_id"] for item in json.loads(b"".join(pieces))["items"]] == ids.split(",")


async def test_a_store_that_is_down_is_told_before_the_first_group(client: AsyncClient, jobs: FakeJobs) -> None:
    jobs.down = True
    assert (await client.get(f"/jobs?ids={new_request_id()}")).status_code == 503


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=101", "/query/limit"),
        ("limit=ten", "/query/limit"),
        ("limit=%D9%A3", "/query/limit"),
        ("limit=" + "9" * 5_000, "/query/limit"),
        ("limit=5&limit=5", "/query/limit"),
        ("status=done", "/query/status"),
        ("created_after=yesterday", "/query/created_after"),
        ("created_after=2026-11-21T00:00:00", "/query/created_after"),
        ("created_after=0001-01-01T00:00:00%2B12:00", "/query/created_after"),
        ("colour=red", "/query/colour"),
        ("cursor=", "/query/cursor"),
        ("cursor=%00", "/query/cursor"),
        ("cursor=" + "A" * 43, "/query/cursor"),
        ("cursor=" + "é" * 43, "/query/cursor"),
        ("ids=" + ",".join(["a"] * 101), "/query/ids"),
        ("ids=a&limit=5", "/query/limit"),
    ],
)
async def test_a_query_with_a_fault_names_the_parameter(client: AsyncClient, query: str, pointer: str) -> None:
    answer = await client.get(f"/jobs?{query}")
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def _cursor(client: AsyncClient, jobs: FakeJobs) -> str:
    for _ in range(3):
        await jobs.put(pending_job())
    cursor: str = (await client.get("/jobs?limit=2&vendor=sync")).json()["next_cursor"]
    assert (await client.get(f"/jobs?vendor=sync&cursor={cursor}")).status_code == 200
    return cursor


async def test_a_cursor_with_any_character_changed_is_refused(client: AsyncClient, jobs: FakeJobs) -> None:
    cursor = await _cursor(client, jobs)
    for at, character in enumerate(cursor):
        forged = cursor[:at] + ("B" if character != "B" else "C") + cursor[at + 1 :]
        assert (await client.get(f"/jobs?vendor=sync&cursor={forged}")).status_code == 422


@pytest.mark.parametrize("filters", ["", "vendor=acme", "vendor=sync&status=pending"])
async def test_a_cursor_with_other_filters_is_refused(client: AsyncClient, jobs: FakeJobs, filters: str) -> None:
    cursor = await _cursor(client, jobs)
    assert (await client.get(f"/jobs?{filters}&cursor={cursor}")).status_code == 422


@pytest.mark.parametrize("token", ["globex", "root"])
async def test_another_clients_cursor_is_refused(
    client: AsyncClient, client_of: Callable[[str | None], AsyncClient], jobs: FakeJobs, token: str
) -> None:
    cursor = await _cursor(client, jobs)
    async with client_of(token) as other:
        assert (await other.get(f"/jobs?vendor=sync&cursor={cursor}")).status_code == 422


async def test_a_page_of_large_results_ends_early_and_goes_on_by_cursor(client: AsyncClient, jobs: FakeJobs) -> None:
    large = '"' + "x" * (LARGEST_PAGE // 2) + '"'
    stored = [ended(pending_job(), large) for _ in range(3)]
    for job in stored:
        await jobs.put(job)
    assert await _pages(client, "/jobs") == [[str(job.id)] for job in reversed(stored)]


async def _pages(client: AsyncClient, url: str) -> list[list[str]]:
    """The ids of every page from `url` on, by the links; a link and a cursor come together or not at all."""
    pages: list[list[str]] = []
    following: str | None = url
    while following:
        answer = await client.get(following)
        pages.append([item["request_id"] for item in answer.json()["items"]])
        assert ("next" in answer.links) == (answer.json()["next_cursor"] is not None)
        following = answer.links["next"]["url"] if "next" in answer.links else None
    return pages
