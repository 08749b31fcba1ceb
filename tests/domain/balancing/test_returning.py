"""Who was ejected comes back with the fleet's breaker."""

import asyncio
from collections.abc import Sequence

import pytest

from domain.balancing.balancer import Balancer
from domain.balancing.instances import Instance
from domain.balancing.returning import keep_letting_in, let_in
from domain.breakers import BreakerLook, BreakerState, CallOutcome
from tests.domain.balancing.clocks import HandClock

A, B = Instance("http://a"), Instance("http://b")
OPEN, HALF_OPEN, CLOSED = (
    BreakerLook(state) for state in (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)
)


class FakeLooks:
    def __init__(self, *says: BreakerLook) -> None:
        self.says = list(says)
        self.asked: list[Sequence[str]] = []

    async def __call__(self, keys: Sequence[str]) -> Sequence[BreakerLook]:
        self.asked.append(keys)
        return [self.says.pop(0) for _ in keys]


@pytest.fixture
def balancer() -> Balancer:
    """It has ejected A."""
    balancer = Balancer(clock=HandClock())
    balancer.follow([A, B])
    fail(balancer, 5)
    assert balancer.ejected() == [A.url]
    return balancer


def fail(balancer: Balancer, times: int) -> None:
    for _ in range(times):
        balancer.begun(A)
        balancer.ended(A, CallOutcome.FAILED)


def key_of(url: str) -> str:
    return f"service:user:{url}"


async def look(balancer: Balancer, looks: FakeLooks, times: int) -> None:
    barred = frozenset[str]()
    for _ in range(times):
        barred = await let_in(balancer, looks, key_of, barred)


@pytest.mark.parametrize("later", [HALF_OPEN, CLOSED])
async def test_who_may_be_tried_again_is_let_in(balancer: Balancer, later: BreakerLook) -> None:
    looks = FakeLooks(OPEN, OPEN, later)
    await look(balancer, looks, 2)
    assert balancer.ejected() == [A.url]
    await look(balancer, FakeLooks(OPEN, later), 2)
    assert balancer.ejected() == []
    assert looks.asked == [["service:user:http://a"]] * 2


async def test_it_is_not_forgiven(balancer: Balancer) -> None:
    await look(balancer, FakeLooks(OPEN, HALF_OPEN), 2)
    fail(balancer, 1)
    assert balancer.ejected() == [A.url]


async def test_who_fails_here_alone_stays_out(balancer: Balancer) -> None:
    await look(balancer, FakeLooks(CLOSED, HALF_OPEN, CLOSED), 3)
    assert balancer.ejected() == [A.url]


async def test_while_nobody_is_ejected_nobody_is_asked() -> None:
    balancer, looks, pauses = Balancer(), FakeLooks(), list[float]()
    balancer.follow([A, B])

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_letting_in(balancer, looks, key_of, sleep=sleep)
    assert (pauses, looks.asked) == ([1, 1, 1], [])
