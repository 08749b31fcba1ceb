"""`GET /jobs/{request_id}`: the job as it stands, its tag, and waiting for a change."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient

from api.ports import ApiPorts
from domain.callbacks import callback_id
from domain.jobs import Progress, Status
from tests.api.samples import ended, failed, pending_job
from tests.fakes import FakeJobs


async def test_a_pending_job_says_where_it_stands(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job(metadata={"order": "A-17"}, callback_url="https://client.example/")
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}")
    assert answer.status_code == 200
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {
        "request_id": str(job.id),
        "status": "pending",
        "vendorType": "sync",
        "priority": "normal",
        "created_at": job.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": job.created_at.isoformat().replace("+00:00", "Z"),
        "run_at": job.run_at.isoformat().replace("+00:00", "Z"),
        "deadline": job.deadline.isoformat().replace("+00:00", "Z"),
        "links": {"self": f"/jobs/{job.id}"},
        "stage": "queued",
        "callback_url": "https://client.example/",
        "metadata": {"order": "A-17"},
    }


async def test_a_scheduled_job_says_until_when(client: AsyncClient, jobs: FakeJobs) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=20)
    job = pending_job(run_at=run_at)
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}")
    assert answer.json()["stage"] == "scheduled"
    assert datetime.fromisoformat(answer.json()["waiting_until"]) == run_at
    assert 15 <= int(answer.headers["retry-after"]) <= 20


@pytest.mark.parametrize("result", ['{"a": 1,  "a":2}', "null", '"text"', "[1e400]", r'"\ud800"'])
async def test_a_result_is_shown_as_the_vendor_gave_it(client: AsyncClient, jobs: FakeJobs, result: str) -> None:
    job = ended(pending_job(), result)
    await jobs.put(job)
    answer = await client.get(f"/jobs/{job.id}")
    assert f'"result":{result}' in answer.text
    assert "retry-after" not in answer.headers
    assert "stage" not in answer.text


async def test_an_ended_job_links_to_the_job_that_tells_of_its_end(client: AsyncClient, jobs: FakeJobs) -> None:
    running, silent = pending_job(callback_url="https://client.example/"), ended(pending_job())
    told = ended(pending_job(callback_url="https://client.example/"))
    links = {}
    for job in (running, silent, told):
        await jobs.put(job)
        links[job.id] = (await client.get(f"/jobs/{job.id}")).json()["links"]
    assert links[told.id]["callback"] == f"/jobs/{callback_id(told)}"
    assert "callback" not in links[running.id] | links[silent.id]


async def test_a_failed_job_says_why(client: AsyncClient, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    shown = (await client.get(f"/jobs/{job.id}")).json()
    assert shown["error"] == "the vendor said no"
    assert shown["error_detail"] == {"code": "rejected", "vendor_status": 400, "attempts": 1, "retryable": False}
    assert "result" not in shown
    assert "attempts" not in shown


async def test_expanding_adds_the_timeline(client: AsyncClient, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    (attempt,) = (await client.get(f"/jobs/{job.id}?expand=attempts")).json()["attempts"]
    assert set(attempt) == {
        "number", "started_at", "ended_at", "worker", "outcome", "vendor_status", "latency_ms", "counted", "apart"
    }  # fmt: skip
    assert (attempt["outcome"], attempt["latency_ms"]) == ("failed", 40.0)


async def test_the_timeline_tells_what_the_vendor_said_meanwhile(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    said = Progress(at=job.created_at, status="half done")
    told = job.model_copy(update={"progress": [said]})
    await jobs.put(told)
    assert "progress" not in (await client.get(f"/jobs/{job.id}")).json()
    (line,) = (await client.get(f"/jobs/{job.id}?expand=attempts")).json()["progress"]
    assert line["status"] == "half done"
    assert set(line) == {"at", "status"}


@pytest.mark.parametrize("query", ["expand=everything", "expnd=attempts", "expand=attempts&expand=attempts"])
async def test_another_query_is_refused(client: AsyncClient, jobs: FakeJobs, query: str) -> None:
    job = pending_job()
    await jobs.put(job)
    assert (await client.get(f"/jobs/{job.id}?{query}")).status_code == 422


@pytest.mark.parametrize("request_id", ["01a1fc8b-aff3-7000-9ccb-cf8d041a81d2", "no-uuid", "0", "%00", "a" * 5_000])
async def test_an_unknown_id_is_not_found(client: AsyncClient, request_id: str) -> None:
    answer = await client.get(f"/jobs/{request_id}")
    assert (answer.status_code, answer.json()["message"]) == (404, "Job not found")


async def test_another_clients_job_is_not_found(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job(client="globex")
    await jobs.put(job)
    assert (await client.get(f"/jobs/{job.id}")).status_code == 404


async def test_an_admin_sees_everybodys(client_of: Callable[[str | None], AsyncClient], jobs: FakeJobs) -> None:
    job = pending_job(client="globex")
    await jobs.put(job)
    async with client_of("root") as admin:
        assert (await admin.get(f"/jobs/{job.id}")).status_code == 200


async def test_a_known_tag_is_a_304_until_the_job_changes(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    tag = (await client.get(f"/jobs/{job.id}")).headers["etag"]
    for sent in (tag, f'"other", W/{tag}', "*"):
        same = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": sent})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await jobs.put(ended(job))
    changed = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "complete")


async def test_waiting_answers_when_the_job_ends(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    asking = asyncio.create_task(client.get(f"/jobs/{job.id}", headers={"Prefer": "wait=20"}))
    await asyncio.sleep(0.02)
    await jobs.put(job.model_copy(update={"status": Status.PROCESSING, "epoch": 1}))
    await asyncio.sleep(0.02)
    assert not asking.done()
    await jobs.put(ended(job))
    answer = await asking
    assert answer.json()["status"] == "complete"
    assert answer.headers["preference-applied"] == "wait=20"


async def test_waiting_with_a_tag_answers_at_the_next_change(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    tag = (await client.get(f"/jobs/{job.id}")).headers["etag"]
    headers = {"If-None-Match": tag, "Prefer": "wait=20"}
    asking = asyncio.create_task(client.get(f"/jobs/{job.id}", headers=headers))
    await asyncio.sleep(0.02)
    await jobs.put(job.model_copy(update={"status": Status.PROCESSING, "epoch": 1}))
    assert (await asking).json()["status"] == "processing"


async def test_waiting_in_vain_shows_the_job_as_it_stands(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    shown = await client.get(f"/jobs/{job.id}", headers={"Prefer": "wait=0"})
    headers = {"If-None-Match": shown.headers["etag"], "Prefer": "wait=1"}
    same = await client.get(f"/jobs/{job.id}", headers=headers)
    assert (shown.status_code, same.status_code) == (200, 304)


async def test_an_ended_job_that_the_client_has_is_a_304_at_once(client: AsyncClient, jobs: FakeJobs) -> None:
    job = ended(pending_job())
    await jobs.put(job)
    tag = (await client.get(f"/jobs/{job.id}")).headers["etag"]
    async with asyncio.timeout(1):
        same = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": tag, "Prefer": "wait=25"})
    assert same.status_code == 304


async def test_a_process_that_stops_keeps_nobody_waiting(client: AsyncClient, jobs: FakeJobs, ports: ApiPorts) -> None:
    job = pending_job()
    await jobs.put(job)
    tag = (await client.get(f"/jobs/{job.id}")).headers["etag"]
    ports.stopping.set()
    async with asyncio.timeout(1):
        same = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": tag, "Prefer": "wait=25"})
    assert same.status_code == 304
