"""Cancel, retry and delete over HTTP: the answers, and what is refused before anything is done."""

from collections.abc import Callable

import pytest
from httpx import AsyncClient

from domain.jobs import Attempt, Job, Status
from tests.api.samples import BODY, ended, failed, pending_job
from tests.fakes import FakeJobs

ACTIONS = [("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")]


@pytest.fixture(params=ACTIONS, ids=["cancel", "retry", "delete"])
def action(request: pytest.FixtureRequest) -> tuple[str, str]:
    method, tail = request.param
    return method, tail


async def test_a_cancelled_job_is_shown_as_it_stands(client: AsyncClient, jobs: FakeJobs) -> None:
    job = pending_job()
    await jobs.put(job)
    answer = await client.post(f"/jobs/{job.id}/cancel")
    assert answer.status_code == 202
    assert answer.json() == (await client.get(f"/jobs/{job.id}")).json()
    assert (answer.json()["request_id"], answer.json()["status"]) == (str(job.id), "cancelled")
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert "retry-after" not in answer.headers


async def test_a_retried_job_is_pending_again(client: AsyncClient, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    answer = await client.post(f"/jobs/{job.id}/retry")
    assert (answer.status_code, answer.json()["status"], answer.headers["retry-after"]) == (202, "pending", "1")
    assert "error" not in answer.json()


async def test_a_deleted_job_is_gone_and_a_second_delete_finds_none(client: AsyncClient, jobs: FakeJobs) -> None:
    job = ended(pending_job())
    await jobs.put(job)
    answer = await client.delete(f"/jobs/{job.id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(f"/jobs/{job.id}")).status_code == 404
    assert (await client.get("/jobs")).json()["items"] == []
    assert (await client.delete(f"/jobs/{job.id}")).status_code == 404


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "wait=5"}], ids=["at-once", "waiting"])
async def test_repeating_the_key_of_a_deleted_job_runs_nothing(
    client: AsyncClient, jobs: FakeJobs, prefer: dict[str, str]
) -> None:
    headers = {"Idempotency-Key": "k"}
    request_id = (await client.post("/jobs", json=BODY, headers=headers)).json()["request_id"]
    await client.post(f"/jobs/{request_id}/cancel")
    assert (await client.delete(f"/jobs/{request_id}")).status_code == 204
    answer = await client.post("/jobs", json=BODY, headers={**headers, **prefer})
    assert (answer.status_code, answer.json()["request_id"]) == (202, request_id)
    assert answer.headers["idempotency-replayed"] == "true"
    assert len(jobs.stored) == 1


async def test_a_deleted_jobs_key_with_another_body_is_still_refused(client: AsyncClient, jobs: FakeJobs) -> None:
    headers = {"Idempotency-Key": "k"}
    request_id = (await client.post("/jobs", json=BODY, headers=headers)).json()["request_id"]
    await client.post(f"/jobs/{request_id}/cancel")
    await client.delete(f"/jobs/{request_id}")
    answer = await client.post("/jobs", json={**BODY, "priority": "low"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("job", "refused"),
    [
        (pending_job(), {"/retry", ""}),
        (ended(pending_job()), {"/cancel", "/retry"}),
        (failed(pending_job()), {"/cancel"}),
    ],
    ids=["pending", "complete", "failed"],
)
async def test_what_the_state_forbids_is_a_409_that_names_it(
    client: AsyncClient, jobs: FakeJobs, job: Job, refused: set[str]
) -> None:
    for method, tail in ACTIONS:
        if tail in refused:
            await jobs.put(job)
            answer = await client.request(method, f"/jobs/{job.id}{tail}")
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
            assert job.status.value in answer.json()["detail"]


async def test_a_call_under_way_has_a_code_of_its_own(client: AsyncClient, jobs: FakeJobs) -> None:
    begun = Attempt(number=1, started_at=pending_job().created_at, worker="w", key="k")
    job = pending_job(status=Status.PROCESSING, attempts=[begun])
    await jobs.put(job)
    assert (await client.post(f"/jobs/{job.id}/cancel")).status_code == 202
    answer = await client.post(f"/jobs/{job.id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "call-under-way")


@pytest.mark.parametrize("request_id", ["01a1fc8b-aff3-7000-9ccb-cf8d041a81d2", "no-uuid", "%00"])
async def test_an_unknown_job_is_not_found(client: AsyncClient, action: tuple[str, str], request_id: str) -> None:
    method, tail = action
    answer = await client.request(method, f"/jobs/{request_id}{tail}")
    assert (answer.status_code, answer.json()["message"]) == (404, "Job not found")


async def test_only_its_owner_or_an_admin_may(
    client_of: Callable[[str | None], AsyncClient], jobs: FakeJobs, action: tuple[str, str]
) -> None:
    method, tail = action
    job = pending_job() if tail == "/cancel" else failed(pending_job())
    await jobs.put(job)
    for token, status in ((None, 401), ("globex", 404)):
        async with client_of(token) as other:
            assert (await other.request(method, f"/jobs/{job.id}{tail}")).status_code == status
    assert jobs.stored[job.id] == job
    async with client_of("root") as admin:
        assert (await admin.request(method, f"/jobs/{job.id}{tail}")).is_success


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", None, 202),
        (b"{}", "application/json", 202),
        (b'{"reason": "dear"}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"{", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"x" * 1_048_577, "application/json", 413),
    ],
    ids=["nothing", "empty", "a-field", "a-list", "no-json", "text", "large"],
)
async def test_no_body_is_taken(
    client: AsyncClient, jobs: FakeJobs, content: bytes, kind: str | None, status: int
) -> None:
    job = pending_job()
    await jobs.put(job)
    headers = {} if kind is None else {"Content-Type": kind}
    answer = await client.post(f"/jobs/{job.id}/cancel", content=content, headers=headers)
    assert answer.status_code == status
    if status == 422 and b"reason" in content:
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/reason"]
    assert jobs.stored[job.id].ended is (status == 202)


async def test_a_query_is_refused(client: AsyncClient, jobs: FakeJobs, action: tuple[str, str]) -> None:
    method, tail = action
    job = failed(pending_job())
    await jobs.put(job)
    answer = await client.request(method, f"/jobs/{job.id}{tail}?force=1")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/force")
    assert jobs.stored[job.id] == job


async def test_a_store_that_is_down_is_a_503(client: AsyncClient, jobs: FakeJobs, action: tuple[str, str]) -> None:
    method, tail = action
    jobs.down = True
    answer = await client.request(method, f"/jobs/{pending_job().id}{tail}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
