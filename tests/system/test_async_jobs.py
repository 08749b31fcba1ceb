"""Jobs of a vendor that answers later: it says by webhook what came of them, or it is asked."""

from typing import Any

import pytest

from tests.system.client import Jobs, VendorControl
from tests.system.running import Gateway

pytestmark = pytest.mark.system


def webhooks(*plans: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A payload whose webhooks are as `plans` say."""
    return {"productId": "A-1", "simulate": {"mode": "normal", "webhook": list(plans), **fields}}


def outcomes(job: dict[str, Any]) -> list[Any]:
    return [attempt["outcome"] for attempt in job["attempts"]]


async def waiting(jobs: Jobs, payload: object, vendor: str = "async") -> str:
    """A job that its vendor has taken."""
    request_id = await jobs.submit(payload, vendor=vendor)
    await jobs.seen(request_id, lambda job: job.get("stage") == "awaiting_webhook")
    return request_id


async def test_a_job_waits_for_its_webhook_and_ends_with_what_it_says(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await waiting(jobs, webhooks({"after": 0.5}))
    job = await jobs.show(request_id)
    assert (job["status"], outcomes(job)) == ("processing", ["waiting"])
    assert "waiting_until" in job
    job = await jobs.ended(request_id)
    assert (job["status"], outcomes(job)) == ("complete", ["waiting"])
    assert job["result"].pop("timestamp")
    assert job["result"] == {"vendor": "asyncVendor", "data": "Processed async data for A-1"}
    assert await vendor.told(request_id) == [202]
    [call] = await vendor.calls(request_id)
    assert call["idempotency_key"] == f"{request_id}:call:1"


async def test_a_client_that_waits_hears_of_the_webhooks_word(jobs: Jobs) -> None:
    answer = await jobs.post({"vendorType": "async", "vendorPayload": {}}, Prefer="wait=20")
    assert (answer.status_code, answer.json()["status"]) == (200, "complete")


async def test_many_jobs_are_each_told_of_once(jobs: Jobs, vendor: VendorControl) -> None:
    request_ids = await jobs.submit_many(100, {"productId": "many"}, vendor="async")
    ended = await jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    assert await vendor.effects(request_ids) == [1] * 100


async def test_the_vendors_no_fails_the_job_in_the_vendors_words(jobs: Jobs) -> None:
    job = await jobs.ended(await jobs.submit(webhooks({"say": "failed"}), vendor="async"))
    assert (job["status"], job["error"]) == ("failed", "told to fail")
    assert job["error_detail"] == {"code": "vendor_failed", "vendor_status": None, "attempts": 1, "retryable": True}


async def test_a_failed_job_that_is_retried_is_a_new_order_under_a_new_key(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(webhooks({"say": "failed"}), vendor="async")
    assert (await jobs.ended(request_id))["status"] == "failed"
    answer = await jobs.http.post(f"/jobs/{request_id}/retry")
    assert answer.status_code == 202
    job = await jobs.seen(request_id, lambda job: job["status"] == "failed" and len(job["attempts"]) == 2)
    assert outcomes(job) == ["waiting", "waiting"]
    keys = [call["idempotency_key"] for call in await vendor.calls(request_id)]
    assert keys == [f"{request_id}:call:1", f"{request_id}:call:2"]


async def test_a_webhook_that_is_quicker_than_its_calls_own_answer_ends_the_job(
    jobs: Jobs, vendor: VendorControl
) -> None:
    request_id = await jobs.submit(webhooks({"early": True}), vendor="async")
    assert (await jobs.ended(request_id))["status"] == "complete"
    assert await vendor.told(request_id) == [202]
    assert len(await vendor.calls(request_id)) == 1


async def test_an_early_webhook_that_names_the_vendors_id_only_is_kept_until_that_is_known(
    jobs: Jobs, vendor: VendorControl
) -> None:
    request_ids = await jobs.submit_many(30, webhooks({"early": True}), vendor="referring")
    assert {job["status"] for job in await jobs.all_ended(request_ids)} == {"complete"}
    assert await vendor.effects(request_ids) == [1] * 30


async def test_a_webhook_without_our_id_is_matched_by_the_vendors(jobs: Jobs, vendor: VendorControl) -> None:
    request_id = await jobs.submit(webhooks({"without": ["metadata"]}), vendor="async")
    assert (await jobs.ended(request_id))["status"] == "complete"
    assert await vendor.told(request_id) == [202]


async def test_a_call_whose_answer_was_lost_ends_with_the_webhook(jobs: Jobs, vendor: VendorControl) -> None:
    payload = {"simulate": {"mode": "drop_after", "times": 1, "webhook": {"after": 0.3}}}
    request_id = await jobs.submit(payload, vendor="async")
    assert (await jobs.ended(request_id))["status"] == "complete"
    assert await vendor.effects([request_id]) == [1]


async def test_a_vendor_that_does_not_say_in_time_fails_the_job(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: the vendor's table waits for a second."""
    payload = webhooks({"after": 4})
    request_id = await jobs.submit(payload, vendor="forgetful")
    job = await jobs.ended(request_id)
    assert (job["status"], job["error_detail"]["code"]) == ("failed", "webhook_deadline")
    assert await vendor.told(request_id) == [202]  # late: kept, and nothing else
    assert await jobs.show(request_id) == job


async def test_a_vendor_that_tells_nothing_is_asked(jobs: Jobs, vendor: VendorControl) -> None:
    """Slow: a poll or two."""
    done, failed = await jobs.submit({}, vendor="asked"), await jobs.submit(webhooks({"say": "failed"}), vendor="asked")
    job, other = await jobs.all_ended([done, failed])
    assert (job["status"], job["result"]["data"]) == ("complete", "Processed async data")
    assert (other["status"], other["error"]) == ("failed", "told to fail")
    posts = [call for call in await vendor.calls(done) if call["method"] == "POST"]
    assert len(posts) == 1


async def test_a_cancelled_job_stays_cancelled_whatever_the_vendor_says_later(
    jobs: Jobs, vendor: VendorControl
) -> None:
    request_id = await waiting(jobs, webhooks({"after": 1}))
    answer = await jobs.http.post(f"/jobs/{request_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert await vendor.told(request_id) == [202]
    assert (await jobs.show(request_id))["status"] == "cancelled"
    assert (await jobs.http.post(f"/jobs/{request_id}/cancel")).status_code == 409


async def test_a_payload_that_has_no_room_for_what_the_table_sets_fails_and_says_so(jobs: Jobs) -> None:
    for payload in (3, "text", [1], None, {"metadata": "mine"}):
        job = await jobs.ended(await jobs.submit(payload, vendor="async"))
        assert (job["status"], job["error_detail"]["code"]) == ("failed", "payload_unfit")


async def test_what_the_table_sets_changes_no_other_byte_of_the_payload(
    gateway: Gateway, jobs: Jobs, vendor: VendorControl
) -> None:
    payload = b'{ "big":-123456789012345678901234567890, "exact": 1.0, "again":1,"again":2,"metadata" : {"a.b":1}%b}'
    answer = await jobs.post(b'{"vendorType": "async", "vendorPayload": ' + payload % b"" + b"}")
    request_id = answer.json()["request_id"]
    await jobs.ended(request_id)
    callback = b',"callback":"%b/webhooks/async"' % gateway.url.encode()
    assert await vendor.body(request_id) == payload.replace(b"1}", b'1,"job":"%b"}' % request_id.encode()) % callback
