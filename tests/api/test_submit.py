"""`POST /jobs`: accepted once, told where to look, and waited for if asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient

from domain.fingerprints import fingerprint
from domain.jobs import Priority
from tests.api.samples import BODY, ended
from tests.fakes import FakeJobs


async def test_a_job_is_stored_and_its_address_told(client: AsyncClient, jobs: FakeJobs) -> None:
    answer = await client.post("/jobs", json=BODY)
    (job,) = jobs.stored.values()
    assert answer.status_code == 202
    assert answer.json() == {
        "request_id": str(job.id),
        "status": "pending",
        "links": {"self": f"/jobs/{job.id}"},
    }
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"]
    assert (job.client, job.vendor, job.priority) == ("acme", "sync", Priority.NORMAL)


async def test_every_field_reaches_the_job(client: AsyncClient, jobs: FakeJobs) -> None:
    run_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    body = {
        **BODY,
        "priority": "high",
        "run_at": run_at.isoformat(),
        "deadline": (run_at + timedelta(hours=1)).isoformat(),
        "callback_url": "https://client.example/hook?a=1",
        "metadata": {"order": "A-17"},
    }
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await client.post("/jobs", json=body, headers={"traceparent": trace})
    (job,) = jobs.stored.values()
    assert answer.headers["retry-after"] == "60"
    assert (job.priority, job.run_at, job.deadline) == (Priority.HIGH, run_at, run_at + timedelta(hours=1))
    assert (job.callback_url, job.metadata, job.traceparent) == (body["callback_url"], {"order": "A-17"}, trace)


async def test_the_payload_is_kept_byte_for_byte(client: AsyncClient, jobs: FakeJobs) -> None:
    payload = r'{"$set" : {"a.b": "\u0000"}, "a":1, "a":2, "n":1234567890123456789012345678901234567890, "f":1.0}'
    body = f'{{"vendorType":"sync","vendorPayload":  {payload} }}'
    answer = await client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    (job,) = jobs.stored.values()
    assert answer.status_code == 202
    assert job.payload == payload


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", 'application/json;charset="utf-8"', "application/x+json"]
)
async def test_json_types_are_read(client: AsyncClient, kind: str) -> None:
    body = '{"vendorType": "sync", "vendorPayload": null}'
    assert (await client.post("/jobs", content=body, headers={"Content-Type": kind})).status_code == 202


async def test_a_body_in_pieces_is_read_whole(client: AsyncClient, jobs: FakeJobs) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"vendorType": "sync", '
        yield b'"vendorPayload": 1}'

    answer = await client.post("/jobs", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202
    assert [job.payload for job in jobs.stored.values()] == ["1"]


async def test_a_long_body_is_read_too(client: AsyncClient, jobs: FakeJobs) -> None:
    body = {**BODY, "vendorPayload": ["x" * 100] * 5_000}
    assert (await client.post("/jobs", json=body, headers={"Idempotency-Key": "k"})).status_code == 202
    assert len(jobs.stored) == 1


async def test_repeating_a_key_gives_the_first_job(client: AsyncClient, jobs: FakeJobs) -> None:
    headers = {"Idempotency-Key": "order 17"}
    first = await client.post("/jobs", json=BODY, headers=headers)
    reordered = dict(reversed(BODY.items()))
    again = await client.post("/jobs", json=reordered, headers=headers)
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(jobs.stored) == 1


async def test_a_key_with_another_body_is_refused(client: AsyncClient, jobs: FakeJobs) -> None:
    headers = {"Idempotency-Key": "k"}
    await client.post("/jobs", json=BODY, headers=headers)
    answer = await client.post("/jobs", json={**BODY, "priority": "low"}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency-key-reused"
    assert len(jobs.stored) == 1


async def test_a_replay_tells_the_status_now(client: AsyncClient, jobs: FakeJobs) -> None:
    headers = {"Idempotency-Key": "k"}
    await client.post("/jobs", json=BODY, headers=headers)
    (job,) = jobs.stored.values()
    await jobs.put(ended(job))
    again = await client.post("/jobs", json=BODY, headers=headers)
    waited = await client.post("/jobs", json=BODY, headers={**headers, "Prefer": "wait=1"})
    assert (again.status_code, again.json()["status"]) == (202, "complete")
    assert (waited.status_code, waited.json()["result"]) == (200, {"status": "success"})
    assert waited.headers["idempotency-replayed"] == "true"


async def test_waiting_gives_the_ended_job(client: AsyncClient, jobs: FakeJobs) -> None:
    asking = asyncio.create_task(client.post("/jobs", json=BODY, headers={"Prefer": "respond-async, wait=99"}))
    await jobs.taken_in.wait()
    (job,) = jobs.stored.values()
    await jobs.put(ended(job))
    answer = await asking
    assert (answer.status_code, answer.json()["status"]) == (200, "complete")
    assert answer.headers["preference-applied"] == "wait=25"


async def test_waiting_in_vain_is_a_202(client: AsyncClient) -> None:
    answer = await client.post("/jobs", json=BODY, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


async def test_a_preference_that_cannot_be_read_is_none(client: AsyncClient) -> None:
    answer = await client.post("/jobs", json=BODY, headers=[(b"Prefer", b"wait=soon; ,,=;\xff")])
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


async def test_a_store_that_is_down_is_a_503(client: AsyncClient, jobs: FakeJobs) -> None:
    jobs.down = True
    answer = await client.post("/jobs", json=BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "unavailable"


async def test_a_malformed_traceparent_is_left_out(client: AsyncClient, jobs: FakeJobs) -> None:
    await client.post("/jobs", json=BODY, headers={"traceparent": "00-nonsense"})
    assert [job.traceparent for job in jobs.stored.values()] == [None]


async def test_a_repeat_is_a_repeat_even_when_its_times_have_passed(client: AsyncClient, jobs: FakeJobs) -> None:
    body = {**BODY, "run_at": (datetime.now(UTC) + timedelta(minutes=1)).isoformat()}
    first = await client.post("/jobs", json=body, headers={"Idempotency-Key": "k"})
    (job,) = jobs.stored.values()
    long_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    stale = {**BODY, "run_at": long_ago}
    sent = json.dumps(stale)
    await jobs.put(job.model_copy(update={"fingerprint": fingerprint(sent)}))  # as if it had been sent in time
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    again = await client.post("/jobs", content=sent, headers=headers)
    assert (again.status_code, again.json()["request_id"]) == (202, first.json()["request_id"])
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post("/jobs", json={**stale, "priority": "low"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    unknown = await client.post("/jobs", content=sent, headers={**headers, "Idempotency-Key": "new"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid")
    assert len(jobs.stored) == 1
