"""The limits of the API side on a real Redis: over the whole fleet, by its clock, and while it is away."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from redis.exceptions import RedisError

from domain.callers import Caller, Role
from domain.infra.api_limits import FleetAddressLimit, FleetCallerLimit, FleetSignInLimit
from domain.infra.limits import read_windows
from domain.infra.moving_windows import Count, MovingWindows
from domain.infra.redis import RedisClient, open_redis

NOBODY_LISTENS = "redis://127.0.0.1:1"
HOME = "192.0.2.1"
KEY = UUID(int=7)


class Clock:
    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def redis(redis_database_url: str) -> AsyncIterator[RedisClient]:
    async with open_redis(redis_database_url) as client:
        yield client


@pytest.fixture
async def dead_redis() -> AsyncIterator[RedisClient]:
    async with open_redis(NOBODY_LISTENS) as client:
        yield client


async def let_pass(redis: Any, **time: float) -> None:
    """What was taken is so much older."""
    micros = round(timedelta(**time).total_seconds() * 1_000_000)
    for key in await redis.keys("gateway:limits:*"):
        moments = [int(moment) - micros for moment in await redis.lrange(key, 0, -1)]
        await redis.delete(key)
        await redis.rpush(key, *moments)


async def guess(limit: FleetSignInLimit, account: str, address: str = HOME) -> timedelta | None:
    """One wrong password; None when it was looked at."""
    wait = await limit.wait(account, address)
    if wait is None:
        await limit.failed(account, address)
    return wait


async def guesses(limit: FleetSignInLimit, number: int, account: str = "ann", address: str = HOME) -> int:
    """How many of so many wrong passwords, one after the other, were looked at."""
    return [await guess(limit, account, address) for _ in range(number)].count(None)


async def test_of_fifty_guesses_at_once_five_are_looked_at(redis: RedisClient) -> None:
    limits = [FleetSignInLimit(redis, patience_seconds=30) for _ in range(2)]
    looked_at = 0

    async def try_one(number: int) -> None:
        nonlocal looked_at
        limit = limits[number % 2]
        if await limit.wait("ann", f"198.51.100.{number}") is None:
            looked_at += 1
            await asyncio.sleep(0)  # as slow as a password is
            await limit.failed("ann", f"198.51.100.{number}")

    await asyncio.gather(*(try_one(number) for number in range(50)))
    assert looked_at == 5


async def test_after_five_failures_an_account_waits_and_another_does_not(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    assert await guesses(limit, 6) == 5
    wait = await limit.wait("ann", HOME)
    assert wait is not None
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)
    assert await limit.wait("bob", HOME) is None


async def test_after_twenty_failures_an_address_waits_whatever_the_account(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    waits = [await guess(limit, f"account {number}") for number in range(25)]
    assert waits.count(None) == 20
    assert await guess(limit, "account 30", "192.0.2.2") is None


async def test_neighbours_in_one_ipv6_network_are_one_address(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    waits = [await guess(limit, f"account {number}", f"2001:db8::{number:x}") for number in range(25)]
    assert waits.count(None) == 20
    assert await guess(limit, "account 30", "2001:db8:0:1::1") is None


async def test_a_guess_that_was_refused_does_not_count_anywhere(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    await guesses(limit, 40)  # of which the address had five
    assert await guesses(limit, 20, account="bob") == 5
    await let_pass(redis, minutes=15, seconds=1)
    assert await guesses(limit, 6) == 5


async def test_the_window_moves_on_with_each_failure(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    await guesses(limit, 3)
    await let_pass(redis, minutes=10)
    assert await guesses(limit, 3) == 2
    wait = await limit.wait("ann", HOME)
    assert wait is not None
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
    await let_pass(redis, minutes=5, seconds=1)
    assert await guesses(limit, 4) == 3


async def test_who_signs_in_starts_anew_and_the_address_keeps_its_failures(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    await guesses(limit, 4)
    assert await limit.wait("ann", HOME) is None
    await limit.succeeded("ann", HOME)
    assert await guesses(limit, 6) == 5  # the account's own five again
    waits = [await guess(limit, f"account {number}") for number in range(25)]
    assert waits.count(None) == 20 - 4 - 5


async def test_signing_in_ever_so_often_is_no_failure(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    for _ in range(50):
        assert await limit.wait("ann", HOME) is None
        await limit.succeeded("ann", HOME)


async def test_a_password_that_could_not_be_looked_at_is_no_failure(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis)
    await guesses(limit, 4)
    for _ in range(50):
        assert await limit.wait("ann", HOME) is None
        await limit.let_go("ann", HOME)
    assert await guesses(limit, 2) == 1


async def test_what_was_typed_stands_in_no_key(redis: RedisClient) -> None:
    await guesses(FleetSignInLimit(redis), 1, account="ann@example.org" * 1_000)
    keys = await redis.keys("*")
    assert len(keys) == 2
    assert not any(b"ann" in key or HOME.encode() in key or len(key) > 100 for key in keys)


async def test_every_count_is_forgotten_with_its_window(redis: RedisClient) -> None:
    await guesses(FleetSignInLimit(redis), 1)
    lives = [await redis.pttl(key) for key in await redis.keys("*")]
    assert all(14 * 60_000 < life <= 15 * 60_000 for life in lives)


async def test_an_address_has_its_hundred_requests_and_is_told_how_many_are_left(redis: RedisClient) -> None:
    limit = FleetAddressLimit(redis, "100/15minutes")
    verdicts = [await limit.take(HOME) for _ in range(101)]
    assert [verdict.standings[0].left for verdict in verdicts] == [*range(99, -1, -1), 0]
    assert [verdict.wait_seconds > 0 for verdict in verdicts] == [False] * 100 + [True]
    assert 890 < verdicts[-1].wait_seconds <= 900
    assert verdicts[-1].wait_seconds == pytest.approx(verdicts[-1].standings[0].more_in_seconds)
    assert (await limit.take("192.0.2.2")).standings[0].left == 99


async def test_the_wrong_clocks_of_two_processes_change_nothing(redis: RedisClient) -> None:
    slow, fast = (FleetAddressLimit(redis, "3/minute", clock=Clock(now)) for now in (0.0, 600.0))
    verdicts = [await limit.take(HOME) for limit in (slow, fast, slow, fast, slow)]
    assert [verdict.wait_seconds > 0 for verdict in verdicts] == [False, False, False, True, True]
    assert all(50 < verdict.wait_seconds <= 60 for verdict in verdicts[3:])


async def test_a_rate_of_several_windows_takes_of_each_or_of_none(redis: RedisClient) -> None:
    limit = FleetCallerLimit(redis, "2/minute; 3/hour")
    acme = Caller("acme", Role.USER)
    verdicts = [taken for _ in range(3) if (taken := await limit.take(acme))]
    assert [[standing.left for standing in verdict.standings] for verdict in verdicts] == [[1, 2], [0, 1], [0, 1]]
    assert 50 < verdicts[-1].wait_seconds <= 60
    await let_pass(redis, minutes=1, seconds=1)
    verdicts = [taken for _ in range(2) if (taken := await limit.take(acme))]
    assert [[standing.left for standing in verdict.standings] for verdict in verdicts] == [[1, 0], [1, 0]]
    assert 3_500 < verdicts[-1].wait_seconds <= 3_600 - 61


async def test_a_key_with_a_rate_of_its_own_is_counted_by_itself(redis: RedisClient) -> None:
    limit = FleetCallerLimit(redis, "2/minute")
    usual = Caller("acme", Role.USER)
    keyed = Caller("acme", Role.USER, key=KEY, rate="2/minute")
    assert [taken.standings[0].left for _ in range(3) if (taken := await limit.take(usual))] == [1, 0, 0]
    assert [taken.standings[0].left for _ in range(3) if (taken := await limit.take(keyed))] == [1, 0, 0]
    other = Caller("acme", Role.USER, key=UUID(int=8), rate="2/minute")
    assert [taken.standings[0].left for _ in range(1) if (taken := await limit.take(other))] == [1]
    other = Caller("globex", Role.USER)
    assert [taken.standings[0].left for _ in range(1) if (taken := await limit.take(other))] == [1]


async def test_of_who_has_no_limit_redis_is_asked_nothing(redis: RedisClient) -> None:
    await redis.config_resetstat()
    assert await FleetCallerLimit(redis, None).take(Caller("acme", Role.ADMIN)) is None
    assert not [name for name in await redis.info("commandstats") if "eval" in name]


async def test_the_windows_hold_for_any_sequence(redis: RedisClient) -> None:
    """Against a list of moments: with a seed of its own, since Redis' clock moves on between two examples."""
    play = random.Random(5)
    windows = MovingWindows(redis, "law")
    short, long = (Count("s", window) for window in read_windows("4/40seconds; 9/3minutes"))
    taken: list[int] = []  # ages in seconds, by tens; real time adds less
    for _ in range(150):
        passed = play.choice([0, 0, 0, 10, 20, 50])
        await let_pass(redis, seconds=passed)
        taken = [age + passed for age in taken]
        used = [sum(age < seconds for age in taken) for seconds in (40, 180)]
        verdict = await windows.take(short, long)
        allowed = used[0] < 4 and used[1] < 9
        assert (verdict.wait_seconds == 0) == allowed
        taken = [0, *taken] if allowed else taken
        assert [standing.left for standing in verdict.standings] == [4 - used[0] - allowed, 9 - used[1] - allowed]


async def test_while_redis_is_away_each_process_counts_for_itself(dead_redis: RedisClient) -> None:
    clock = Clock()
    one, two = (FleetAddressLimit(dead_redis, "2/minute", clock=clock) for _ in range(2))
    assert [(await one.take(HOME)).wait_seconds for _ in range(3)] == [0, 0, 60]
    assert [(await two.take(HOME)).standings[0].left for _ in range(2)] == [1, 0]
    clock.now += 60
    assert (await one.take(HOME)).wait_seconds == 0


async def test_while_redis_is_away_sign_ins_are_counted_too(dead_redis: RedisClient) -> None:
    limit = FleetSignInLimit(dead_redis, clock=Clock())
    waits = await asyncio.gather(*(guess(limit, "ann", f"198.51.100.{number}") for number in range(50)))
    assert waits.count(None) == 5
    assert await limit.wait("bob", HOME) is None
    await limit.let_go("bob", HOME)
    assert await guesses(limit, 4, account="bob") == 4
    assert await limit.wait("bob", HOME) is None
    await limit.succeeded("bob", HOME)
    assert await guesses(limit, 6, account="bob") == 5


async def test_when_redis_goes_away_a_process_goes_on_from_what_it_let_through(redis: RedisClient) -> None:
    limit = FleetSignInLimit(redis, clock=Clock())
    await guesses(limit, 4)
    await redis.config_set("maxmemory", 1)  # it answers, and takes nothing more
    try:
        with pytest.raises(RedisError):
            await redis.set("x", 1)
        assert await guesses(limit, 6) == 1
    finally:
        await redis.config_set("maxmemory", 0)


async def test_a_redis_that_hangs_holds_up_nobody_for_long(silent: RedisClient) -> None:
    limit = FleetAddressLimit(silent, "1000/minute")
    begun = time.monotonic()
    verdicts = [await limit.take(HOME) for _ in range(50)]
    assert [verdict.standings[0].left for verdict in verdicts] == list(range(999, 949, -1))
    assert time.monotonic() - begun < 10  # patience once or twice, not fifty times


async def test_a_redis_that_is_back_counts_again(redis: RedisClient) -> None:
    clock = Clock()
    limit = FleetAddressLimit(redis, "1000/minute", clock=clock)
    await redis.config_set("maxmemory", 1)
    try:
        await limit.take(HOME)
    finally:
        await redis.config_set("maxmemory", 0)
    await limit.take(HOME)
    assert not await redis.keys("gateway:limits:*")  # it is left alone for a moment
    clock.now += 1
    assert (await limit.take(HOME)).standings[0].left == 999


@pytest.fixture
async def silent() -> AsyncIterator[RedisClient]:
    """A Redis that takes every connection and answers none."""
    hung: list[asyncio.StreamWriter] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hung.append(writer)
        await reader.read()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    try:
        async with open_redis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            yield client
    finally:
        for writer in hung:
            writer.close()
        server.close()
