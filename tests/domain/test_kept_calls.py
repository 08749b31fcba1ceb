"""What vendors' last calls came to: how seldom it is read, who waits for it, and what is told when it is slow."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from domain.errors import Unavailable
from domain.infra import kept_calls
from domain.infra.kept_calls import KEPT_SECONDS, LARGEST_LOT, KeptCalls, keep_calls
from domain.vendor_states import UNTOLD, Recent

MANY = [f"vendor-{number}" for number in range(5 * LARGEST_LOT)]


@dataclass
class Source:
    """Answers how often each vendor was asked for; a lot with one of the `held` waits until it is `let` go."""

    fault: Exception | None = None
    held: set[str] = field(default_factory=set)
    let: asyncio.Event = field(default_factory=asyncio.Event)
    lots: list[tuple[str, ...]] = field(default_factory=list)
    now: float = 0.0
    at_once: int = 0
    most_at_once: int = 0

    async def read(self, vendors: Sequence[str]) -> list[Recent]:
        self.lots.append(tuple(vendors))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (self.let.wait() if self.held & {*vendors} else asyncio.sleep(0))
            if self.fault:
                raise self.fault
            return [Recent(self.asked(vendor)) for vendor in vendors]
        finally:
            self.at_once -= 1

    def asked(self, vendor: str) -> int:
        return sum(vendor in lot for lot in self.lots)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
async def calls(source: Source) -> AsyncIterator[KeptCalls]:
    async with keep_calls(source.read, lambda: source.now) as calls:
        yield calls


async def test_all_are_read_in_lots_one_after_the_other_and_once_for_all_who_ask(
    source: Source, calls: KeptCalls
) -> None:
    found = await asyncio.gather(*(calls.of(MANY) for _ in range(20)))
    assert all(each == dict.fromkeys(MANY, Recent(1)) for each in found)
    assert [len(lot) for lot in source.lots] == [LARGEST_LOT] * 5
    assert source.most_at_once == 1
    assert await calls.of(MANY[:3]) == dict.fromkeys(MANY[:3], Recent(1))
    assert len(source.lots) == 5


async def test_what_is_old_is_told_at_once_and_read_again_behind_the_answer(
    source: Source, calls: KeptCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_calls, "AWAY_SECONDS", 0.0)
    await calls.of(["sync"])
    source.now += KEPT_SECONDS + 0.1
    assert await calls.of(["sync"]) == {"sync": Recent(1)}
    async with asyncio.timeout(5):
        while await calls.of(["sync"]) != {"sync": Recent(2)}:
            await asyncio.sleep(0)


async def test_what_is_too_old_is_waited_for(source: Source, calls: KeptCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_calls, "AWAY_SECONDS", 0.0)
    await calls.of(["sync"])
    source.now += 2 * KEPT_SECONDS + 0.1
    assert await calls.of(["sync"]) == {"sync": Recent(2)}


async def test_what_is_too_old_is_not_told_while_it_cannot_be_read(
    source: Source, calls: KeptCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_calls, "AWAY_SECONDS", 0.0)
    await calls.of(["sync"])
    source.fault = Unavailable("away")
    source.now += 2 * KEPT_SECONDS + 0.1
    assert await calls.of(["sync"]) == {"sync": UNTOLD}


async def test_of_many_each_is_kept_for_longer(
    source: Source, calls: KeptCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_calls, "AWAY_SECONDS", 0.0)
    monkeypatch.setattr(kept_calls, "MOST_A_SECOND", 1)
    await calls.of(MANY)
    source.now += len(MANY) - 1
    await calls.of(MANY)
    await asyncio.sleep(0)
    assert len(source.lots) == 5


async def test_a_slow_lot_hides_only_its_own_and_is_known_when_it_is_read(
    source: Source, calls: KeptCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_calls, "PATIENCE_SECONDS", 0.05)
    source.held = {MANY[LARGEST_LOT]}
    found = await calls.of(MANY)
    assert [each is UNTOLD for each in found.values()] == [False] * LARGEST_LOT + [True] * 4 * LARGEST_LOT
    source.let.set()
    async with asyncio.timeout(5):
        while UNTOLD in (await calls.of(MANY)).values():
            await asyncio.sleep(0)
    assert max(source.asked(vendor) for vendor in MANY) == 1


async def test_who_asks_about_one_does_not_stand_behind_those_who_ask_about_all(
    source: Source, calls: KeptCalls
) -> None:
    source.held = {MANY[0]}
    listing = asyncio.create_task(calls.of(MANY))
    while not source.lots:
        await asyncio.sleep(0)
    assert await calls.of([MANY[-1]]) == {MANY[-1]: Recent(1)}
    assert not listing.done()
    source.let.set()
    await listing


@pytest.mark.parametrize("fault", [Unavailable("away"), KeyError("a bug")])
async def test_what_cannot_be_read_is_untold_and_not_asked_for_at_once_again(
    source: Source, calls: KeptCalls, fault: Exception
) -> None:
    source.fault = fault
    assert await calls.of(["sync"]) == {"sync": UNTOLD}
    assert await calls.of(["sync"]) == {"sync": UNTOLD}
    assert source.asked("sync") == 1
