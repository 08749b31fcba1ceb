"""Ceilings of what may wait: exact for one process, honest about when to come back, and no hindrance without Redis."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from redis.exceptions import ConnectionError as RedisAway

from domain.backpressure import LATEST, NOBODY_KNOWS, SOONEST, Ceilings, come_back_after
from domain.errors import Unavailable
from domain.infra.background import in_background
from domain.infra.backlogs import FRESH_SECONDS, Backlogs
from domain.jobs import Job
from domain.vendor_states import Recent, VendorState, Window
from domain.vendors import VendorPolicy
from tests.fakes import FakeVendorStates
from tests.strategies import a_job

NOW = datetime(2026, 11, 21, tzinfo=UTC)
VENDOR = VendorState("sync", VendorPolicy(), NOW)


@dataclass
class Queues:
    """A `BacklogSource`, and the clock of who looks at it. What is let in is queued at once."""

    waiting: dict[str, int] = field(default_factory=dict)
    away: bool = False
    looks: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0

    async def backlogs(self, vendors: Sequence[str], clients: Sequence[str]) -> tuple[list[int], list[int]]:
        self.looks += 1
        self.looked.set()
        if self.away:
            raise RedisAway("away")
        return [self.waiting.get(name, 0) for name in vendors], [self.waiting.get(name, 0) for name in clients]


@dataclass
class Door:
    """A gate, and how many came through it."""

    queues: Queues
    gate: Backlogs
    states: FakeVendorStates

    async def let_in(self, job: Job) -> bool:
        try:
            await self.gate.admit(job)
        except Unavailable:
            return False
        for name in (job.vendor, job.client):
            self.queues.waiting[name] = self.queues.waiting.get(name, 0) + 1
        return True

    async def let_in_of(self, tries: int, **fields: str) -> int:
        return sum([await self.let_in(a_job(**fields)) for _ in range(tries)])

    async def refusal(self) -> Unavailable:
        with pytest.raises(Unavailable) as told:
            await self.gate.admit(a_job())
        return told.value


def door(*, vendor: int = 0, client: int = 0, unqueued: int = 0) -> Door:
    queues, states = Queues(), FakeVendorStates()
    gate = Backlogs(queues, Ceilings(vendor, client), states, lambda: unqueued, clock=lambda: queues.seconds)
    return Door(queues, gate, states)


async def test_as_many_as_the_ceiling_wait_for_a_vendor_and_not_one_more() -> None:
    at = door(vendor=10)
    assert await at.let_in_of(30) == 10


async def test_what_is_long_in_coming_to_redis_counts_at_every_look() -> None:
    at = door(vendor=10, unqueued=10)
    for _ in range(10):
        await at.gate.admit(a_job())
    for _ in range(3):
        at.queues.seconds += FRESH_SECONDS
        assert not await at.let_in(a_job())


async def test_what_waited_before_counts_as_soon_as_redis_has_told_it() -> None:
    at = door(vendor=10)
    at.queues.waiting["sync"] = 6
    async with in_background(at.gate.run()):
        assert await at.let_in(a_job())
        await at.queues.looked.wait()
        assert await at.let_in_of(30) == 3


async def test_the_ceiling_of_a_client_holds_over_all_vendors_and_hinders_no_other() -> None:
    at = door(client=10)
    assert await at.let_in_of(6, vendor="sync") == 6
    assert await at.let_in_of(6, vendor="async") == 4
    assert await at.let_in_of(5, client="other") == 5


async def test_without_ceilings_everything_is_let_in_and_nothing_counted() -> None:
    at = door()
    assert await at.let_in_of(100) == 100
    assert at.queues.looks == 0


async def test_who_comes_back_when_some_have_gone_is_let_in() -> None:
    at = door(vendor=10)
    assert await at.let_in_of(20) == 10
    at.queues.waiting["sync"] = 7
    at.queues.seconds += FRESH_SECONDS
    assert await at.let_in_of(20) == 3


async def test_a_storm_of_refused_jobs_asks_redis_once_in_a_quarter_of_a_second() -> None:
    at = door(vendor=10)
    await at.let_in_of(10)
    before = at.queues.looks
    assert await at.let_in_of(200) == 0
    assert at.queues.looks == before + 1


async def test_what_is_stored_and_not_queued_yet_counts() -> None:
    at = door(vendor=10, unqueued=10)
    for _ in range(10):
        await at.gate.admit(a_job())
    assert "10 jobs" in (await at.refusal()).detail


async def test_without_redis_its_last_word_holds_and_what_was_let_in_counts() -> None:
    at = door(vendor=10)
    at.queues.away = True
    assert await at.let_in_of(30) == 10


async def test_a_refusal_says_what_is_full_and_when_to_come_back() -> None:
    at = door(vendor=10)
    at.states.states["sync"] = VendorState("sync", VendorPolicy(), NOW, due=14, recent=Recent(starts_per_second=0.5))
    await at.let_in_of(10)
    at.queues.waiting["sync"] = 14
    at.queues.seconds += FRESH_SECONDS
    told = await at.refusal()
    assert told.code == "backlog-full"
    assert "'sync'" in told.detail
    assert "14" in told.detail
    assert "10" in told.detail
    assert told.retry_after == timedelta(seconds=8)  # the fifth of them starts 8 s after the first, at one in 2 s


async def test_how_the_vendor_stands_may_be_unknown() -> None:
    at = door(vendor=10)
    at.states.down = True
    await at.let_in_of(10)
    assert (await at.refusal()).retry_after == NOBODY_KNOWS


@pytest.mark.parametrize(
    ("state", "calls", "wait"),
    [
        (None, 1, NOBODY_KNOWS),
        ({"due": 100, "paused": True, "recent": Recent(starts_per_second=10)}, 50, NOBODY_KNOWS),
        ({"due": 100}, 50, NOBODY_KNOWS),
        ({"due": 10, "recent": Recent(starts_per_second=10)}, 50, NOBODY_KNOWS),
        ({"due": 100, "recent": Recent(starts_per_second=10)}, 51, timedelta(seconds=5)),
        ({"due": 100, "recent": Recent(starts_per_second=1000)}, 2, SOONEST),
        ({"due": 10**6, "recent": Recent(starts_per_second=1)}, 10**6, LATEST),
        ({"due": 200, "windows": (Window(50, timedelta(seconds=1), 50),)}, 101, timedelta(seconds=2)),
        (
            {"due": 99, "closed_until": NOW + timedelta(seconds=30), "recent": Recent(starts_per_second=10)},
            1,
            timedelta(seconds=30),
        ),
    ],
    ids=["unread", "paused", "never-called", "due-later", "by-pace", "soon", "late", "by-limit", "closed"],
)
def test_the_wait_comes_from_how_many_wait_and_how_fast_they_go(
    state: dict[str, object] | None, calls: int, wait: timedelta
) -> None:
    vendor = None if state is None else VendorState("sync", VendorPolicy(), NOW, **state)  # type: ignore[arg-type]
    assert come_back_after(vendor, calls, NOW) == wait
