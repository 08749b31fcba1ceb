"""What a vendor can do to a job, and what comes of it. Each job's payload tells the simulated vendor how to behave."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.system.client import Jobs, VendorControl

pytestmark = pytest.mark.system

NEVER = 3600  # seconds: as long as a simulated vendor can be told to take


def simulate(mode: str, **fields: Any) -> dict[str, Any]:
    return {"simulate": {"mode": mode, **fields}}


def outcomes(job: dict[str, Any]) -> list[Any]:
    return [attempt["outcome"] for attempt in job["attempts"]]


async def test_two_failures_and_a_success_are_three_attempts_with_one_key(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(simulate("fail", status=503, times=2), vendor="brisk")
    job = await jobs.ended(request_id)
    assert job["status"] == "complete"
    assert [(attempt["outcome"], attempt["vendor_status"]) for attempt in job["attempts"]] == [
        ("retry", 503),
        ("retry", 503),
        ("done", 200),
    ]
    calls = await vendor.calls(request_id)
    assert {call["idempotency_key"] for call in calls} == {f"{request_id}:call:1"}
    assert len({call["traceparent"].split("-")[1] for call in calls}) == 1


async def test_the_last_attempts_failure_is_the_jobs(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(simulate("fail", status=500), vendor="brisk")
    job = await jobs.ended(request_id)
    assert job["status"] == "failed"
    assert job["error_detail"] == {
        "code": "vendor_unavailable",
        "vendor_status": 500,
        "attempts": 3,
        "retryable": True,
    }
    assert len(await vendor.calls(request_id)) == 3


async def test_a_refusal_fails_the_job_at_once(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(simulate("fail", status=400))
    job = await jobs.ended(request_id)
    assert (job["status"], outcomes(job)) == ("failed", ["failed"])
    assert job["error"]
    assert job["error_detail"] == {"code": "vendor_rejected", "vendor_status": 400, "attempts": 1, "retryable": True}
    assert len(await vendor.calls(request_id)) == 1


async def test_a_throttling_vendor_is_left_alone_for_as_long_as_it_says(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: the vendor asks for two seconds."""
    throttled = await jobs.submit(simulate("throttle", retry_after=2, times=1), vendor="throttling")
    waiting = await jobs.seen(throttled, lambda job: "waiting_until" in job)
    other = await jobs.submit(vendor="throttling")
    assert (waiting["status"], waiting["stage"]) == ("pending", "rate_limited")
    assert [(attempt["outcome"], attempt["counted"]) for attempt in waiting["attempts"]] == [("throttled", False)]

    job, _ = await jobs.all_ended([throttled, other])
    assert (job["status"], [attempt["counted"] for attempt in job["attempts"]]) == ("complete", [False, True])
    first, *later = await vendor.calls_of([throttled, other])
    assert len(later) == 2
    assert all(call["at"] - first["at"] >= 2 for call in later)
    opened = datetime.fromisoformat(waiting["waiting_until"])
    assert all(datetime.fromtimestamp(call["at"], UTC) >= opened for call in later)


async def test_a_call_that_broke_after_the_vendor_acted_is_repeated_and_has_one_effect(
    jobs: Jobs, vendor: VendorControl
) -> None:
    request_id = await jobs.submit(simulate("drop_after", times=1), vendor="brisk")
    job = await jobs.ended(request_id)
    assert (job["status"], outcomes(job)) == ("complete", ["outcome_unknown", "done"])
    first, second = await vendor.calls(request_id)
    assert first["idempotency_key"] == second["idempotency_key"]
    assert (first["answered"], second["replayed"]) == ("cut", True)
    assert await vendor.effects([request_id]) == [1]


async def test_a_broken_call_to_a_vendor_without_keys_is_never_repeated(jobs: Jobs, vendor: VendorControl) -> None:
    for mode in ("drop_after", "drop_midway", "hang"):
        request_id = await jobs.submit(simulate(mode), vendor="once")
        job = await jobs.ended(request_id)
        assert (job["status"], job["error_detail"]["code"]) == ("failed", "outcome_unknown")
        assert len(await vendor.calls(request_id)) == 1


async def test_a_vendor_that_says_nothing_in_time_is_asked_again(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(simulate("hang", times=1), vendor="hasty")
    job = await jobs.ended(request_id)
    assert (job["status"], outcomes(job)) == ("complete", ["outcome_unknown", "done"])
    assert 400 <= job["attempts"][0]["latency_ms"] < 5000
    assert (await vendor.calls(request_id))[0]["answered"] == "client gone"


async def test_a_body_that_drips_past_the_timeout_is_cut_too(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(simulate("slow_body", seconds=NEVER, drips=1000, times=1), vendor="hasty")
    job = await jobs.ended(request_id)
    assert (job["status"], outcomes(job)) == ("complete", ["outcome_unknown", "done"])
    assert await vendor.effects([request_id]) == [1]


async def test_rubbish_that_calls_itself_json_fails_the_job(jobs: Jobs, vendor: VendorControl) -> None:
    await assert_fails_at_once(jobs, vendor, "rubbish", "reply_not_json")


async def test_fifty_megabytes_are_not_read_and_fail_the_job(jobs: Jobs, vendor: VendorControl) -> None:
    await assert_fails_at_once(jobs, vendor, "big", "reply_too_large", declared=True)
    await assert_fails_at_once(jobs, vendor, "big", "reply_too_large")


async def test_a_redirect_is_not_followed_and_fails_the_job(jobs: Jobs, vendor: VendorControl) -> None:
    await assert_fails_at_once(jobs, vendor, "redirect", "vendor_redirected", location="/sync")


async def test_text_is_kept_with_its_type(jobs: Jobs) -> None:
    job = await jobs.ended(await jobs.submit(simulate("text", body="Processed.")))
    assert job["result"] == {"content_type": "text/plain; charset=utf-8", "text": "Processed."}


async def test_a_vendor_that_is_not_there_is_tried_as_often_as_its_table_says(jobs: Jobs) -> None:
    job = await jobs.ended(await jobs.submit(vendor="gone"))
    assert (job["status"], outcomes(job)) == ("failed", ["retry", "retry"])
    assert (job["error_detail"]["code"], job["error_detail"]["vendor_status"]) == ("vendor_unreachable", None)


async def test_a_payload_reaches_the_vendor_and_comes_back_byte_for_byte(jobs: Jobs, vendor: VendorControl) -> None:
    payload = (
        b'{ "$where":"1", "a.b" : {"$set":{}},"big":-123456789012345678901234567890, "exact": 1.0, "exp":1E+2,'
        b'"again":1,"again":2,"\\u0000":"\\u0000", "":"",'
        b'"raw":"\xc3\xa9\xf0\x9f\x98\x80","escaped":"\\u00e9\\ud83d\\ude00" }'
    )
    answer = await jobs.post(b'{"vendorType": "sync", "vendorPayload": ' + payload + b"}")
    request_id = answer.json()["request_id"]
    await jobs.ended(request_id)
    assert await vendor.body(request_id) == payload
    assert b'"originalPayload":' + payload + b"}" in (await jobs.http.get(f"/jobs/{request_id}")).content


async def test_the_largest_body_reaches_the_vendor_whole(jobs: Jobs, vendor: VendorControl) -> None:
    head, tail = b'{"vendorType":"sync","vendorPayload":"', b'"}'
    body = head + b"x" * (1024 * 1024 - len(head) - len(tail)) + tail
    request_id = (await jobs.post(body)).json()["request_id"]
    assert (await jobs.ended(request_id))["status"] == "complete"
    assert await vendor.body(request_id) == body[len(head) - 1 : -1]


async def assert_fails_at_once(jobs: Jobs, vendor: VendorControl, mode: str, code: str, **fields: Any) -> None:
    request_id = await jobs.submit(simulate(mode, **fields))
    job = await jobs.ended(request_id)
    assert (job["status"], job["error_detail"]["code"], outcomes(job)) == ("failed", code, ["failed"])
    assert len(await vendor.calls(request_id)) == 1
