"""Claims of a vendor whose breaker is half open: one job over the fleet is let through, as the probe."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.breakers import Admission, BreakerRules, BreakerState, CallOutcome
from domain.errors import NotNow
from domain.infra.breakers import RedisBreakers, open_breakers
from domain.infra.limiter import Late, Limiter, Restored
from domain.infra.limits import UNLIMITED, CallLimits
from domain.infra.queue import Claim, Lease, Return
from domain.infra.vendor_keys import breaker_key
from domain.jobs import Priority
from domain.ports import Queued
from domain.request_ids import new_request_id
from domain.vendors import VendorPolicy
from tests.stores import LEASE, Stores

FAILED = CallOutcome.FAILED
BREAKER = "vendor:sync"


class Crew:
    """Workers of one vendor that claim; Redis has been told all that it may have forgotten."""

    def __init__(self, stores: Stores, breakers: RedisBreakers, limits: CallLimits) -> None:
        self.stores, self.breakers, self.limits = stores, breakers, limits
        self.limiter = Limiter(stores.redis, lease=LEASE)

    async def submit(self, how_many: int, priority: Priority = Priority.NORMAL, *, apart: bool = False) -> None:
        past = datetime.now(UTC) - timedelta(seconds=1)
        places = [Queued(new_request_id(), "sync", priority, past, apart=apart) for _ in range(how_many)]
        await self.stores.queue.enqueue(places)

    async def claim(self, how_many: int = 10, *, apart: bool = False) -> Claim:
        token = f"t:{new_request_id()}"
        claim = await self.stores.queue.claim("sync", how_many, token, self.limits, apart=apart)
        if not claim.notice and claim.held is not None and "restored" in claim.held.why:
            await asyncio.sleep(0.26)
            claim = await self.stores.queue.claim("sync", how_many, token, self.limits, apart=apart)
        if claim.notice:
            assert await self.limiter.restore("sync", self.limits, claim.notice, Restored())
            return await self.claim(how_many, apart=apart)
        return claim

    async def open(self) -> None:
        """And let the opening pass."""
        for _ in range(5):
            await self.breakers.tell(BREAKER, FAILED)
        while (await self.breakers.looks([BREAKER]))[0].state == "open":
            await asyncio.sleep(0.001)

    async def say(self, lease: Lease, outcome: CallOutcome) -> None:
        await self.breakers.report(BREAKER, Admission(allowed=True, probe=True, token=lease.token), outcome)


async def a_crew(stores: Stores, stack: AsyncExitStack, limits: CallLimits = UNLIMITED, first_ms: int = 1) -> Crew:
    rules = BreakerRules(first_ms=first_ms)
    crew = Crew(stores, await stack.enter_async_context(open_breakers(stores.redis, rules)), limits)
    await crew.claim()
    return crew


async def test_of_many_claims_at_once_one_gets_one_job(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack)
        await crew.submit(30)
        await crew.submit(5, apart=True)
        await crew.open()
        claims = await asyncio.gather(*(crew.claim(apart=number % 5 == 4) for number in range(50)))
        (lease,) = [lease for claim in claims for lease in claim.leases]
        assert lease.probe
        refused = [claim.held for claim in claims if not claim.leases]
        assert {held.why for held in refused if held is not None} == {"its circuit breaker is open"}
        await crew.say(lease, CallOutcome.OK)
        assert [lease.probe for lease in (await crew.claim()).leases] == [False] * 10


async def test_while_it_is_open_nothing_is_leased_and_the_claim_says_until_when(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack, first_ms=60_000)
        await crew.submit(3)
        for _ in range(4):
            await crew.breakers.tell(BREAKER, FAILED)
        until = await crew.breakers.tell(BREAKER, FAILED)
        claim = await crew.claim()
        assert (claim.leases, claim.ask_again_at) == ([], until)
        assert claim.held is not None
        assert claim.held.due == 3


async def test_who_resumes_it_has_one_call_try_at_once(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack, first_ms=60_000)
        await crew.submit(3)
        for _ in range(5):
            await crew.breakers.tell(BREAKER, FAILED)
        await stores.queue.resume_vendor("sync")
        claims = [await crew.claim(), await crew.claim()]
        assert [len(claim.leases) for claim in claims] == [1, 0]
        await stores.queue.resume_vendor("sync")
        assert (await crew.claim()).leases == []
        await crew.say(claims[0].leases[0], FAILED)
        assert (await stores.queue.looks.vendor("sync", VendorPolicy())).breaker.state is BreakerState.OPEN


async def test_a_probe_that_failed_opens_it_for_twice_as_long(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack, first_ms=40)
        await crew.submit(3)
        await crew.open()
        (lease,) = (await crew.claim()).leases
        begun = (await crew.claim()).now
        await crew.say(lease, FAILED)
        claim = await crew.claim()
        assert claim.leases == []
        assert claim.ask_again_at is not None
        assert claim.ask_again_at - begun >= timedelta(milliseconds=64)


async def test_a_probe_that_was_given_back_without_a_word_is_anothers(stores: Stores) -> None:
    """Held back by the vendor's limit, cancelled before the call, or nothing to do for it: nothing is said of any."""
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack)
        await crew.submit(2)
        await crew.open()
        (first,) = (await crew.claim()).leases
        assert (await crew.claim()).leases == []
        await stores.queue.give_back([Return(first)])
        (second,) = (await crew.claim()).leases
        assert second.probe
        await crew.say(first, CallOutcome.OK)  # too late: it is no longer the probe
        assert (await crew.claim()).leases == []


async def test_a_probe_whose_worker_died_is_waited_for_as_long_as_its_lease(stores: Stores) -> None:
    """Slow: a lease has to end."""
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack)
        await crew.submit(2)
        await crew.open()
        lease, begun = (await crew.claim()).leases[0], datetime.now(UTC)
        while not (found := (await crew.claim()).leases):
            await asyncio.sleep(0.02)
        assert datetime.now(UTC) - begun >= LEASE - timedelta(milliseconds=5)
        assert (len(found), found[0].probe, found[0].token != lease.token) == (1, True, True)


async def test_where_the_limit_grants_no_call_there_is_no_probe(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack, CallLimits.of("sync", VendorPolicy(limit="1/hour")))
        await crew.submit(3)
        assert len((await crew.claim()).leases) == 1
        await crew.open()
        claim = await crew.claim()
        assert claim.leases == []
        assert claim.held is not None
        assert claim.held.why == "its limit of 1 per 1 hour"
        async with stores.redis.pipeline() as pipeline:
            pipeline.hget(breaker_key("sync"), "probe")
            assert await pipeline.execute() == [None]


async def test_a_call_that_is_late_is_held_back_unless_it_is_the_probe(stores: Stores) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack)
        await crew.submit(2)
        (early,) = (await crew.claim(1)).leases
        await crew.open()
        (probe,) = (await crew.claim()).leases
        late = [Late(lease.request_id, 0) for lease in (early, probe)]
        _, (refused, start) = await crew.limiter.reserve_again("sync", UNLIMITED, late)
        assert isinstance(refused, NotNow)
        assert (refused.detail, start) == ("held back: its circuit breaker is open", 0)


@pytest.mark.parametrize("limits", [UNLIMITED, CallLimits.of("sync", VendorPolicy(concurrency=4))])
async def test_a_look_before_anything_is_wanted_takes_no_probe(stores: Stores, limits: CallLimits) -> None:
    async with AsyncExitStack() as stack:
        crew = await a_crew(stores, stack, limits)
        await crew.submit(1)
        await crew.open()
        assert (await crew.claim(0)).leases == []
        (lease,) = (await crew.claim()).leases
        assert replace(lease, probe=False) != lease
