"""
Stripe dies over what it does, until nobody asks it any more; then it recovers: each payment is charged once, each
refund made once, and nothing failed meanwhile, whoever resumes it by hand.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.system.client import until
from tests.system.paying import VISA, Json, Shop, shop_of
from tests.system.running import Gateway

pytestmark = pytest.mark.system

AMOUNT, BACK = 10_000, 4_000
ACTED = {"mode": "api_error", "when": "after"}  # a 500, which is all that its key says from then on
HANGS = {"mode": "slow", "seconds": 60}  # it was done, and nobody is told


@asynccontextmanager
async def hurried(shop: Shop, seconds: float) -> AsyncIterator[None]:
    """Nobody waits for Stripe any longer than that."""

    async def change(patience: float | None) -> None:
        seen = await shop.till.http.get("/vendors/payments")
        body = {"timeout_seconds": patience}
        headers = {"If-Match": seen.headers["etag"]}
        (await shop.till.http.patch("/vendors/payments", json=body, headers=headers)).raise_for_status()

    await change(seconds)
    try:
        yield
    finally:
        await change(None)


async def breaker(shop: Shop) -> Json:
    return dict((await shop.till.http.get("/vendors/payments")).raise_for_status().json()["breaker"])


async def opened(shop: Shop, after: Any = None) -> Json:
    """The breaker, open; until another moment than `after`."""

    async def look() -> Json | None:
        found = await breaker(shop)
        return found if found["state"] == "open" and found["until"] != after else None

    return await until(look) or {}


async def resume(shop: Shop) -> None:
    (await shop.till.http.post("/vendors/payments/resume")).raise_for_status()


async def all_wait(shop: Shop, tried: Sequence[str], refunded: Sequence[str]) -> None:
    """What is in doubt has neither failed nor ended."""
    assert {(await shop.till.show(payment))["status"] for payment in tried} == {"processing"}
    for payment in refunded:
        shown = await shop.till.show(payment)
        assert (shown["refunding"], [refund["status"] for refund in shown["refunds"]]) == (BACK, ["pending"])


@pytest.mark.parametrize(("trouble", "seconds"), [(ACTED, 10.0), (HANGS, 1.0)], ids=["500", "hangs"])
async def test_what_is_in_doubt_while_stripe_is_left_alone_is_done_once_when_it_is_back(
    gateway: Gateway, trouble: Json, seconds: float
) -> None:
    """Slow: an opening lasts for four seconds, and the next for twice as long."""
    async with shop_of(gateway) as shop, hurried(shop, seconds):
        name = f"circuit-{trouble['mode']}"
        tried = [await shop.till.make(AMOUNT, f"{name}-{number}") for number in range(6)]
        refunded = [await shop.till.paid(AMOUNT, f"{name}-back-{number}") for number in range(3)]
        await shop.stripe.fault("*", trouble)
        begun = await asyncio.gather(*(shop.till.process(payment, VISA) for payment in tried))
        back = await asyncio.gather(*(shop.till.refunded(payment, "circuit", BACK) for payment in refunded))
        first = await opened(shop)
        jobs = [each["request_id"] for each in begun]
        await asyncio.gather(*(shop.jobs.seen(job, lambda job: job["stage"] == "circuit_open") for job in jobs))
        await all_wait(shop, tried, refunded)
        await resume(shop)
        second = await opened(shop, first["until"])
        await all_wait(shop, tried, refunded)
        await shop.stripe.be_well()
        await resume(shop)
        ends = await shop.jobs.all_ended([*jobs, *back])
        assert {end["status"] for end in ends} == {"complete"}
        assert second["until"] is not None
        left = [await shop.balanced(payment) for payment in (*tried, *refunded)]
        books = [await shop.stripe.books(payment) for payment in (*tried, *refunded)]
    assert left == [AMOUNT] * 6 + [AMOUNT - BACK] * 3
    assert [(each.charges, each.refunded) for each in books] == [(1, 0)] * 6 + [(1, BACK)] * 3
