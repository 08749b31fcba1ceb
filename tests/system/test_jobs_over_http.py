"""What a client can ask for: one job for many repetitions, a time, a deadline, an answer that waits, lists."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.system.client import Jobs, Json, VendorControl

pytestmark = pytest.mark.system


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def a_body(**payload: object) -> Json:
    return {"vendorType": "sync", "vendorPayload": payload}


async def test_fifty_repetitions_at_once_make_one_job_and_one_call(jobs: Jobs, vendor: VendorControl) -> None:
    answers = await asyncio.gather(*(jobs.post(a_body(a=1), Idempotency_Key="fifty") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    [request_id] = {answer.json()["request_id"] for answer in answers}
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert sorted(replayed, key=str) == [None, *["true"] * 49]
    await jobs.ended(request_id)
    assert len(await vendor.calls(request_id)) == 1


async def test_a_repetition_may_be_spelled_otherwise_and_tells_the_jobs_status(jobs: Jobs) -> None:
    first = await jobs.post(b'{"vendorType":"sync","vendorPayload":{"a":1,"b":2}}', Idempotency_Key="spelled")
    await jobs.ended(first.json()["request_id"])
    again = await jobs.post(b'{ "vendorPayload": {"b": 2, "a": 1}, "vendorType": "sync" }', Idempotency_Key="spelled")
    assert again.json() == {**first.json(), "status": "complete"}


async def test_a_key_that_comes_with_another_body_is_refused_and_stores_nothing(
    jobs: Jobs, vendor: VendorControl
) -> None:
    first = await jobs.post(a_body(a=1), Idempotency_Key="reused")
    other = await jobs.post(a_body(a=1.0), Idempotency_Key="reused")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert other.headers["Content-Type"] == "application/problem+json"
    await jobs.ended(first.json()["request_id"])
    assert len(await vendor.calls(first.json()["request_id"])) == 1


async def test_a_job_starts_at_its_time_and_not_before(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: waits for a time that lies a second ahead."""
    run_at = soon(1)
    request_id = await jobs.submit(run_at=run_at.isoformat())
    scheduled = await jobs.show(request_id)
    assert (scheduled["status"], scheduled["stage"]) == ("pending", "scheduled")
    assert abs(datetime.fromisoformat(scheduled["waiting_until"]) - run_at) <= timedelta(milliseconds=1)
    assert (await jobs.ended(request_id))["status"] == "complete"
    [call] = await vendor.calls(request_id)
    # It is kept to the millisecond; late is a busy machine's, early nobody's.
    assert -0.001 <= call["at"] - run_at.timestamp() < 5


async def test_a_job_whose_vendor_does_not_answer_fails_at_its_deadline(jobs: Jobs) -> None:
    """Slow: waits for a deadline that lies a second ahead."""
    deadline = soon(1)
    request_id = await jobs.submit({"simulate": {"mode": "hang"}}, deadline=deadline.isoformat())
    job = await jobs.ended(request_id)
    assert (job["status"], job["error_detail"]["code"]) == ("failed", "deadline")
    assert abs(datetime.fromisoformat(job["updated_at"]) - deadline) < timedelta(seconds=5)


async def test_a_client_that_prefers_to_wait_gets_the_finished_job(jobs: Jobs) -> None:
    answer = await jobs.post(a_body(productId=7), Prefer="wait=20")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=20")
    assert answer.json()["result"]["data"] == "Processed sync data for 7"


async def test_a_job_that_takes_longer_than_its_client_waits_is_accepted(jobs: Jobs) -> None:
    """Slow: a second is the least that a client can wait."""
    answer = await jobs.post(a_body(simulate={"mode": "slow", "seconds": 2}), Prefer="wait=1")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")
    held = await jobs.show(answer.json()["request_id"], Prefer="wait=20")
    assert held["status"] == "complete"


async def test_what_has_not_changed_is_not_sent_again(jobs: Jobs) -> None:
    request_id = await jobs.submit()
    await jobs.ended(request_id)
    shown = await jobs.http.get(f"/jobs/{request_id}")
    again = await jobs.http.get(f"/jobs/{request_id}", headers={"If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_cursor_leads_through_a_list_that_grows_meanwhile(jobs: Jobs) -> None:
    ids = await jobs.submit_many(45, vendor="listed")
    pages: list[list[str]] = []
    link: str | None = "/jobs?vendor=listed&limit=20"
    while link:
        page = await jobs.http.get(link)
        pages.append([job["request_id"] for job in page.json()["items"]])
        await jobs.submit(vendor="listed")
        link = page.links.get("next", {}).get("url")
        assert (link is None) == (page.json()["next_cursor"] is None)
    assert [len(page) for page in pages] == [20, 20, 5]
    assert [request_id for page in pages for request_id in page] == sorted(ids, reverse=True)


async def test_a_tampered_cursor_is_refused(jobs: Jobs) -> None:
    await jobs.submit_many(2, vendor="listed")
    cursor = (await jobs.http.get("/jobs?vendor=listed&limit=1")).json()["next_cursor"]
    for query in ({"cursor": cursor[:-2] + "AA"}, {"cursor": cursor, "status": "failed"}):
        answer = await jobs.http.get("/jobs", params={"vendor": "listed", "limit": 1, **query})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/cursor")


async def test_jobs_are_listed_by_their_ids_in_that_order(jobs: Jobs) -> None:
    first, second = await jobs.submit_many(2)
    unknown = "01980000-0000-7000-8000-000000000000"
    listed = (await jobs.http.get("/jobs", params={"ids": f"{second},{unknown},{first}"})).json()
    assert [job and job["request_id"] for job in listed["items"]] == [second, None, first]
    assert listed["next_cursor"] is None


async def test_the_description_and_its_page_come_from_this_machine(jobs: Jobs) -> None:
    document, page = await jobs.http.get("/openapi.json"), await jobs.http.get("/docs")
    assert document.json()["openapi"].startswith("3.1")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")


async def test_a_body_that_is_too_large_is_refused_while_it_streams(jobs: Jobs) -> None:
    async def two_megabytes() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 32 * 1024

    headers = {"Content-Type": "application/json"}
    answer = await jobs.http.post("/jobs", content=two_megabytes(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
