"""A vendor that dies and comes back, over all processes: it is left alone, tried by one call, and nothing fails."""

from datetime import UTC, datetime

import pytest

from tests.system.client import Jobs, VendorControl

pytestmark = pytest.mark.system

PROBE_SECONDS = 0.5


async def test_a_dying_vendor_is_left_alone_then_tried_by_one_call_and_all_jobs_complete(
    jobs: Jobs, vendor: VendorControl
) -> None:
    """Slow: an opening lasts for four seconds."""
    await vendor.tell({"mode": "fail", "status": 500})
    try:
        first = await jobs.submit_many(30, vendor="ailing")
        held = await jobs.seen(first[0], lambda job: job["stage"] == "circuit_open" and "waiting_until" in job)
        opened_until = datetime.fromisoformat(held["waiting_until"])
        shown = (await jobs.http.get("/vendors/ailing")).json()
        assert shown["breaker"]["state"] == "open"
        assert datetime.fromisoformat(shown["breaker"]["until"]) == opened_until
        later = await jobs.submit_many(10, vendor="ailing")
    finally:
        await vendor.tell({"mode": "slow", "seconds": PROBE_SECONDS, "times": 1})
    ended = await jobs.all_ended([*first, *later])
    assert {job["status"] for job in ended} == {"complete"}
    calls = await vendor.calls_of([*first, *later])
    probe, *others = [call for call in calls if call.get("effect")]
    assert datetime.fromtimestamp(probe["at"], UTC) >= opened_until
    assert all(call["at"] >= probe["at"] + PROBE_SECONDS for call in others)
    assert len(others) == 39
    tried = [call for call in calls if opened_until.timestamp() <= call["at"] < probe["at"]]
    assert len(tried) <= 2  # none, unless the test was too slow to have the vendor recover before the opening's end
    assert (await jobs.http.get("/vendors/sync")).json()["breaker"]["state"] == "closed"
