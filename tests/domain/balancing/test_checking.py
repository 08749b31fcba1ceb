"""Active checks, and following a discovery."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from domain.balancing.balancer import Balancer
from domain.balancing.checking import check, keep_checking, keep_following
from domain.balancing.instances import Instance

A, B = Instance("http://a"), Instance("http://b", 2)


class FakePings:
    def __init__(self, *ill: Instance) -> None:
        self.ill = set(ill)
        self.asked: list[Instance] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def ping(self, instance: Instance) -> bool:
        self.asked.append(instance)
        await self.hold.wait()
        return instance not in self.ill


class FakeDiscovery:
    """Says one list after the other, as far as it is let."""

    def __init__(self, *lists: Sequence[Instance]) -> None:
        self.lists = lists
        self.said = asyncio.Event()

    async def watch(self) -> AsyncIterator[Sequence[Instance]]:
        for instances in self.lists:
            yield instances
        self.said.set()
        await asyncio.Event().wait()


@pytest.fixture
def balancer() -> Balancer:
    balancer = Balancer()
    balancer.follow([A, B])
    return balancer


def healthy(balancer: Balancer) -> list[bool]:
    return [look.healthy for look in balancer.looks()]


async def test_each_instance_is_asked_and_what_it_says_is_noted(balancer: Balancer) -> None:
    pings = FakePings(A)
    await check(balancer, pings)
    await check(balancer, pings)
    assert healthy(balancer) == [False, True]
    assert set(pings.asked) == {A, B}


async def test_all_are_asked_at_once_so_that_one_that_hangs_delays_no_other(balancer: Balancer) -> None:
    pings = FakePings()
    pings.hold.clear()
    checking = asyncio.create_task(check(balancer, pings))
    while len(pings.asked) < 2:
        await asyncio.sleep(0)
    pings.hold.set()
    await checking


async def test_they_are_asked_again_and_again_with_a_pause(balancer: Balancer) -> None:
    pings, pauses = FakePings(B), list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_checking(balancer, pings, 5, sleep=sleep)
    assert pauses == [5, 5, 5]
    assert len(pings.asked) == 6
    assert healthy(balancer) == [True, False]


async def test_a_balancer_follows_what_its_discovery_says() -> None:
    balancer, discovery = Balancer(), FakeDiscovery([A], [A, B], [B])
    following = asyncio.create_task(keep_following(balancer, discovery))
    await discovery.said.wait()
    assert [look.url for look in balancer.looks()] == [B.url]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
