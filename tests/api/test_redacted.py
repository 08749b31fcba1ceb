"""A job whose payload, result and vendor's words were removed: its history is shown, and that they were."""

from datetime import UTC, datetime

import pytest
from httpx import AsyncClient

from domain.jobs import Job
from domain.redaction import REMOVED, redact
from tests.api.samples import BODY, ended, failed, pending_job
from tests.fakes import FakeJobs

THEN = datetime(2026, 2, 1, 9, tzinfo=UTC)


async def test_it_says_when_it_lost_its_result_and_is_another_to_who_saw_it(
    client: AsyncClient, jobs: FakeJobs
) -> None:
    job = ended(pending_job(metadata={"order": "A-17"}))
    await jobs.put(job)
    before = await client.get(f"/jobs/{job.id}")
    await jobs.put(redact(job, THEN))
    answer = await client.get(f"/jobs/{job.id}", headers={"If-None-Match": before.headers["etag"]})
    assert answer.status_code == 200
    assert answer.json() == before.json() | {"result": None, "redacted_at": "2026-02-01T09:00:00Z"}


async def test_a_failed_one_keeps_its_code_and_its_attempts(client: AsyncClient, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    before = (await client.get(f"/jobs/{job.id}?expand=attempts")).json()
    await jobs.put(redact(job, THEN))
    after = (await client.get(f"/jobs/{job.id}?expand=attempts")).json()
    assert after == before | {"error": REMOVED, "redacted_at": "2026-02-01T09:00:00Z"}


async def test_it_is_listed(client: AsyncClient, jobs: FakeJobs) -> None:
    job = redact(ended(pending_job()), THEN)
    await jobs.put(job)
    assert [item["result"] for item in (await client.get("/jobs")).json()["items"]] == [None]


async def test_it_cannot_be_run_again(client: AsyncClient, jobs: FakeJobs) -> None:
    job = redact(failed(pending_job()), THEN)
    await jobs.put(job)
    answer = await client.post(f"/jobs/{job.id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "job-redacted")


@pytest.mark.parametrize(("prefer", "status"), [({}, 202), ({"Prefer": "wait=5"}, 200)], ids=["at-once", "waiting"])
async def test_a_repeat_of_its_key_is_answered_and_runs_nothing(
    client: AsyncClient, jobs: FakeJobs, prefer: dict[str, str], status: int
) -> None:
    key = {"Idempotency-Key": "k"}
    request_id = (await client.post("/jobs", json=BODY, headers=key)).json()["request_id"]
    await jobs.put(redact(ended(_only(jobs)), THEN))
    answer = await client.post("/jobs", json=BODY, headers={**key, **prefer})
    assert (answer.status_code, answer.json()["request_id"]) == (status, request_id)
    assert answer.headers["idempotency-replayed"] == "true"
    assert len(jobs.stored) == 1


def _only(jobs: FakeJobs) -> Job:
    (job,) = jobs.stored.values()
    return job
