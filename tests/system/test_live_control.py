"""A vendor that an admin slows down while two workers call it, judged at the vendor's socket; and payments, paused."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from loadtest.vendors.ledger import worst_window
from tests.system.client import Jobs, VendorControl, client_of, until
from tests.system.running import Gateway
from tests.system.test_payments_of_no_order import books_balance, made, shown, tried

pytestmark = pytest.mark.system


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """The admin's."""
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {gateway.key}"
        yield http


async def change(jobs: Jobs, gateway: Gateway, vendor: str, **values: Any) -> httpx.Response:
    """As `gateway vendors set` does."""
    admin = {"Authorization": f"Bearer {gateway.key}"}
    seen = (await jobs.http.get(f"/vendors/{vendor}", headers=admin)).headers["etag"]
    return await jobs.http.patch(f"/vendors/{vendor}", json=values, headers={**admin, "If-Match": seen})


async def times_of(vendor: VendorControl, request_ids: list[str]) -> list[float]:
    return sorted(call["at_monotonic"] for call in await vendor.calls_of(request_ids))


async def test_a_limit_that_is_changed_holds_for_both_workers_from_the_answer_on(
    gateway: Gateway, jobs: Jobs, vendor: VendorControl
) -> None:
    """Slow: a few sliding seconds have to pass."""
    request_ids = await jobs.submit_many(70, vendor="steered")  # 40 a second, by its table
    await until(lambda: _called(vendor, request_ids, 10))
    lowered = await change(jobs, gateway, "steered", limit="6/second")
    answered_at = time.monotonic()
    assert (lowered.status_code, lowered.json()["limit"], lowered.json()["table"]["limit"]) == (
        200, "6/second", "40/second",
    )  # fmt: skip
    already = len(await times_of(vendor, request_ids))
    await until(lambda: _called(vendor, request_ids, already + 8))
    raised = await change(jobs, gateway, "steered", limit=None)
    assert raised.json()["overridden"] == []
    slow_until = time.monotonic() - 0.2  # before that nothing can have been granted by the table again
    ended = await jobs.all_ended(request_ids)
    assert {job["status"] for job in ended} == {"complete"}
    times = await times_of(vendor, request_ids)
    assert len(times) == 70
    assert worst_window(times, 1.0) <= 40
    slow = [at for at in times if answered_at + 0.3 < at < slow_until]  # what was granted before starts 0.15 s later
    assert slow
    assert all(sum(end - 1.0 < at <= end for at in times) <= 6 for end in slow)


async def test_an_admin_sees_pauses_and_slows_payments_and_a_client_sees_none(gateway: Gateway, jobs: Jobs) -> None:
    admin = {"Authorization": f"Bearer {gateway.key}"}
    shown = await jobs.http.get("/vendors/payments", headers=admin)
    assert (shown.status_code, shown.json()["table"]["attempts"]) == (200, 100)
    assert (await change(jobs, gateway, "payments", concurrency=50)).json()["concurrency"] == 50
    assert (await change(jobs, gateway, "payments", concurrency=None)).json()["overridden"] == []
    assert (await jobs.http.get("/vendors/payments")).status_code == 404


async def test_payments_that_are_paused_wait_and_are_made_when_they_are_resumed(
    gateway: Gateway, http: httpx.AsyncClient
) -> None:
    assert (await http.post("/vendors/payments/pause")).json()["paused"]
    try:
        payment = await made(http)
        asked = (await tried(http, payment, "pm_card_visa")).json()

        async def held() -> bool:
            job = (await http.get(f"/jobs/{asked['request_id']}")).json()
            return (job["status"], job.get("stage")) == ("pending", "vendor_paused")

        await until(held)
        assert await books_balance(gateway, http, payment) == []
    finally:
        assert not (await http.post("/vendors/payments/resume")).json()["paused"]
    await shown(http, payment, status="completed")
    assert await books_balance(gateway, http, payment) == [2000]


async def _called(vendor: VendorControl, request_ids: list[str], least: int) -> bool:
    return len(await vendor.calls_of(request_ids)) >= least
