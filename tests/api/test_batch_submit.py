"""`POST /jobs/batch`: every job for itself, in order; only what is no batch is refused as a whole."""

import json
from typing import Any

import pytest
from httpx import AsyncClient, Response

from domain.errors import Unavailable
from domain.fingerprints import fingerprint
from domain.jobs import Job
from domain.ports import Accepted
from tests.api.samples import BODY
from tests.fakes import FakeJobs

KEYED = {**BODY, "idempotency_key": "k"}


async def send(client: AsyncClient, *items: Any) -> Response:
    return await client.post("/jobs/batch", json={"jobs": items})


async def test_jobs_are_accepted_in_their_order(client: AsyncClient, jobs: FakeJobs) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    items = [{**BODY, "vendorPayload": place} for place in range(3)]
    answer = await client.post("/jobs/batch", json={"jobs": items}, headers={"traceparent": trace})
    assert answer.status_code == 200
    stored = list(jobs.stored.values())
    assert answer.json() == {"results": [{"status": 202, "request_id": str(job.id)} for job in stored]}
    assert [(job.payload, job.client, job.traceparent) for job in stored] == [(str(n), "acme", trace) for n in range(3)]


async def test_a_bad_job_fails_alone(client: AsyncClient, jobs: FakeJobs) -> None:
    answer = await send(client, BODY, {"vendorType": "nobody", "vendorPayload": 1, "a": 1}, 7, {**BODY, "run_at": 1})
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [202, 422, 422, 422]
    assert [fault["pointer"] for fault in results[1]["problem"]["errors"]] == ["/vendorType", "/a"]
    assert [fault["pointer"] for fault in results[3]["problem"]["errors"]] == ["/run_at"]
    assert results[1]["problem"]["instance"] == "/jobs/batch"
    assert results[1]["problem"]["trace_id"] == answer.headers["x-request-id"]
    assert len(jobs.stored) == 1


async def test_jobs_of_one_key_are_one_job(client: AsyncClient, jobs: FakeJobs) -> None:
    first, again, other, free = (await send(client, KEYED, KEYED, {**KEYED, "priority": "low"}, BODY)).json()["results"]
    assert again == {**first, "replayed": True}
    assert (other["status"], other["problem"]["code"]) == (422, "idempotency-key-reused")
    assert free["request_id"] != first["request_id"]
    assert len(jobs.stored) == 2


async def test_a_key_is_the_same_in_a_batch_and_alone(client: AsyncClient, jobs: FakeJobs) -> None:
    text = '{"idempotency_key" : "k","vendorPayload":{"b":1.0,  "a":"\\u00e9"} , "vendorType":"sync"}'
    alone = '{"vendorType": "sync", "vendorPayload": {"a": "\\u00e9", "b": 1.0}}'
    kind = {"Content-Type": "application/json"}
    (batched,) = (await client.post("/jobs/batch", content=f'{{"jobs":[{text}]}}', headers=kind)).json()["results"]
    answer = await client.post("/jobs", content=alone, headers={**kind, "Idempotency-Key": "k"})
    assert (answer.json()["request_id"], answer.headers["idempotency-replayed"]) == (batched["request_id"], "true")
    assert len(jobs.stored) == 1


async def test_a_payload_is_kept_byte_for_byte(client: AsyncClient, jobs: FakeJobs) -> None:
    payload = r'{"$set" : {"a.b": "\u0000"}, "a":1, "a":2, "n":1234567890123456789012345678901234567890, "f":1.0}'
    items = ",".join(
        f'{{{key}"vendorType":"sync","vendorPayload":  {payload} }}' for key in ("", '"idempotency_key":"k",')
    )
    answer = await client.post(
        "/jobs/batch", content=f'{{"jobs":[{items}]}}', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200
    assert [job.payload for job in jobs.stored.values()] == [payload, payload]


@pytest.mark.parametrize("key", [7, None, "", "ü", "x" * 256])
async def test_a_bad_key_is_named(client: AsyncClient, jobs: FakeJobs, key: Any) -> None:
    (result,) = (await send(client, {**BODY, "idempotency_key": key})).json()["results"]
    assert (result["status"], result["problem"]["errors"][0]["pointer"]) == (422, "/idempotency_key")
    assert jobs.stored == {}


async def test_what_was_accepted_once_is_a_repeat_though_it_would_be_refused_by_now(
    client: AsyncClient, jobs: FakeJobs
) -> None:
    late = {"vendorType": "sync", "vendorPayload": 1, "run_at": "2020-01-01T00:00:00Z"}
    headers = {"Idempotency-Key": "k"}
    await client.post("/jobs", json=BODY, headers=headers)
    (job,) = jobs.stored.values()
    await jobs.put(job.model_copy(update={"fingerprint": fingerprint(json.dumps(late))}))
    (result,) = (await send(client, {**late, "idempotency_key": "k"})).json()["results"]
    assert result == {"status": 202, "request_id": str(job.id), "replayed": True}


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ("", 400, "bad-syntax", ""),
        ('{"jobs": [}', 400, "bad-syntax", ""),
        ('{"jobs": [{"vendorType": "\\ud800"}]}', 400, "bad-syntax", ""),
        ("[]", 422, "invalid", ""),
        ("{}", 422, "invalid", ""),
        ('{"jobs": {}}', 422, "invalid", "/jobs"),
        ('{"jobs": []}', 422, "invalid", "/jobs"),
        ('{"jobs": [1], "dry_run": true}', 422, "invalid", ""),
        ('{"dry_run": true, "jobs": [1]}', 422, "invalid", ""),
        ('{"jobs": [1], "jobs": [1]}', 422, "invalid", ""),
        (json.dumps({"jobs": [1] * 1_001}), 422, "invalid", "/jobs"),
        ('{"jobs": ' + "[" * 5_000 + "]" * 5_000 + "}", 422, "too-deep", "/jobs"),
    ],
    ids=[
        "empty",
        "cut",
        "surrogate",
        "list",
        "none",
        "object",
        "no-jobs",
        "more",
        "more-first",
        "twice",
        "many",
        "deep",
    ],
)
async def test_what_is_no_batch_is_refused_as_a_whole(
    client: AsyncClient, jobs: FakeJobs, body: str, status: int, code: str, pointer: str
) -> None:
    answer = await client.post("/jobs/batch", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert jobs.stored == {}


async def test_a_key_of_the_whole_batch_is_refused(client: AsyncClient, jobs: FakeJobs) -> None:
    answer = await client.post("/jobs/batch", json={"jobs": [BODY]}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/headers/Idempotency-Key")
    assert jobs.stored == {}


async def test_a_thousand_jobs_and_more_than_a_mebibyte_are_taken(client: AsyncClient, jobs: FakeJobs) -> None:
    answer = await send(client, *[{**BODY, "vendorPayload": "x" * 2_000}] * 1_000)
    assert {result["status"] for result in answer.json()["results"]} == {202}
    assert len(jobs.stored) == 1_000


async def test_one_job_may_be_no_larger_than_alone(client: AsyncClient, jobs: FakeJobs) -> None:
    large, small = (await send(client, {**BODY, "vendorPayload": "x" * 1_048_577}, BODY)).json()["results"]
    assert (large["status"], large["problem"]["code"], small["status"]) == (413, "too-large", 202)


async def test_more_than_sixteen_mebibytes_are_not_read(client: AsyncClient) -> None:
    kind = {"Content-Type": "application/json"}
    answer = await client.post("/jobs/batch", content=b" " * (16 * 1024 * 1024 + 1), headers=kind)
    assert answer.status_code == 413


async def test_a_full_intake_refuses_what_it_cannot_store(client: AsyncClient, jobs: FakeJobs) -> None:
    take_in = jobs.take_in

    async def full(job: Job) -> Accepted:
        if job.payload == "1":
            raise Unavailable("too much is waiting to be stored")
        if job.payload == "2":
            raise RuntimeError("a bug, with a secret in it")
        return await take_in(job)

    jobs.take_in = full  # type: ignore[method-assign]
    answer = await send(client, *({**BODY, "vendorPayload": place} for place in range(3)))
    stored, refused, broken = answer.json()["results"]
    assert (stored["status"], refused["status"], refused["problem"]["code"]) == (202, 503, "unavailable")
    assert (broken["status"], broken["problem"]["code"]) == (500, "internal")
    assert "secret" not in answer.text


async def test_a_query_is_refused(client: AsyncClient) -> None:
    assert (await client.post("/jobs/batch?dry_run=1", json={"jobs": [BODY]})).status_code == 422


async def test_who_is_unknown_is_refused(stranger: AsyncClient, jobs: FakeJobs) -> None:
    assert (await stranger.post("/jobs/batch", json={"jobs": [BODY]})).status_code == 401
    assert jobs.stored == {}
