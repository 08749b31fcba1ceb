"""What can be wrong with a webhook, and what comes of it: the job ends by the good one, once."""

import asyncio
from typing import Any

import pytest

from tests.system.client import Jobs, VendorControl
from tests.system.test_async_jobs import webhooks

pytestmark = pytest.mark.system

GOOD = {"after": 0.1}
MEBIBYTE = 1024 * 1024


async def told_and_ended(jobs: Jobs, vendor: VendorControl, *plans: dict[str, Any]) -> tuple[list[Any], str]:
    """What each delivery was answered, and how the job ended."""
    request_id = await jobs.submit(webhooks(*plans), vendor="async")
    events = sum(plan.get("times", 1) * plan.get("at_once", 1) for plan in plans)
    answers = await vendor.told(request_id, events)
    job = await jobs.ended(request_id)
    assert await vendor.effects([request_id]) == [1]
    return answers, job["status"]


async def test_an_event_that_comes_twice_counts_once(jobs: Jobs, vendor: VendorControl) -> None:
    assert await told_and_ended(jobs, vendor, {"times": 2}) == ([202, 200], "complete")


async def test_an_event_that_comes_from_twenty_connections_at_once_counts_once(
    jobs: Jobs, vendor: VendorControl
) -> None:
    answers, status = await told_and_ended(jobs, vendor, {"at_once": 20})
    assert (sorted(answers), status) == ([200] * 19 + [202], "complete")


async def test_another_body_under_a_known_id_changes_nothing(jobs: Jobs, vendor: VendorControl) -> None:
    event = f"msg_{id(jobs)}"
    plans = ({"event": event}, {"event": event, "say": "failed"})
    assert await told_and_ended(jobs, vendor, *plans) == ([202, 200], "complete")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (["complete", "processing"], "complete"),
        (["processing", "queued", "processing", "complete"], "complete"),
        (["complete", "failed"], "complete"),
        (["failed", "complete"], "failed"),
    ],
)
async def test_the_first_end_that_is_told_is_the_jobs(
    jobs: Jobs, vendor: VendorControl, said: list[str], status: str
) -> None:
    plans = [{"say": word, "after": 0.1} for word in said]
    request_id = await jobs.submit(webhooks(*plans), vendor="async")
    assert await vendor.told(request_id, len(said)) == [202] * len(said)
    assert (await jobs.ended(request_id))["status"] == status
    later = await jobs.submit({}, vendor="async")  # behind them in the queue
    await jobs.ended(later)
    assert (await jobs.show(request_id))["status"] == status


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"signature": "forged"}, 401),
        ({"signature": "none"}, 401),
        ({"timestamp": -400}, 401),
        ({"timestamp": 400}, 401),
        ({"timestamp": "yesterday"}, 401),
        ({"timestamp": ""}, 401),
        ({"size": MEBIBYTE + 1, "retried": False}, 413),
        ({"body": "no JSON"}, 202),
        ({"without": ["report"]}, 202),
        ({"without": ["status"]}, 202),
        ({"without": ["id", "metadata"]}, 202),
    ],
)
async def test_a_wrong_webhook_ends_nothing_and_the_good_one_after_it_does(
    jobs: Jobs, vendor: VendorControl, wrong: dict[str, Any], answer: int
) -> None:
    request_id = await jobs.submit(webhooks(wrong, {"after": 0.5}), vendor="async")
    while True:
        status = (await jobs.show(request_id))["status"]
        if len(await vendor.deliveries(request_id)) == 2:  # the good one may have come since that look
            break
        assert status in {"pending", "processing"}
        await asyncio.sleep(0.05)
    assert await vendor.told(request_id, 2) == [answer, 202]
    assert (await jobs.ended(request_id))["status"] == "complete"


async def test_a_webhook_of_just_under_a_mebibyte_is_taken(jobs: Jobs, vendor: VendorControl) -> None:
    assert await told_and_ended(jobs, vendor, {"size": MEBIBYTE}) == ([202], "complete")


async def test_a_webhook_for_an_unknown_vendor_is_not_found(jobs: Jobs) -> None:
    assert (await jobs.http.post("/webhooks/nobody", json={})).status_code == 404
    assert (await jobs.http.post("/webhooks/sync", json={})).status_code == 404
