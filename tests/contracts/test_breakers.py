"""The fleet's circuit breakers: the script does what the rules say, over processes, deaths and outages."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from structlog.testing import capture_logs

from domain.breakers import UNTRIED, Admission, BreakerRules, BreakerState, CallOutcome
from domain.infra import breakers as breakers_module
from domain.infra.breakers import RedisBreakers, open_breakers
from domain.infra.queue import WAKE_CHANNEL
from domain.infra.redis import open_redis
from domain.infra.ticks import seconds_since_boot
from tests.contracts.test_limits import TimedRedis
from tests.fakes_breakers import FakeBreakers

OK, FAILED, IGNORED = CallOutcome.OK, CallOutcome.FAILED, CallOutcome.IGNORED
RULES = BreakerRules(in_a_row=3, percent=50, at_least=6, window_ms=3_000, first_ms=1_000, longest_ms=8_000)
LASTS = timedelta(seconds=2)
KEY = "service:user:http://127.0.0.1:9001"
STORED = "gateway:breaker:service:user:http:%2F%2F127.0.0.1:9001"
PLAIN = Admission(allowed=True)
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def timed_breakers(url: str) -> AsyncIterator[tuple[RedisBreakers, TimedRedis]]:
    async with TimedRedis.from_url(url) as redis, open_breakers(redis, RULES, probe_margin=timedelta(0)) as breakers:
        yield breakers, redis


async def set_clock(redis: Redis, ms: int) -> None:
    await redis.mset({"test:seconds": ms // 1000, "test:micros": ms % 1000 * 1000})


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["fail", "well", "ask"]), st.integers(1, 4)),
        st.tuples(st.just("fail late"), st.sampled_from([1, 400, 2_500, 9_000])),
        st.tuples(st.sampled_from([OK, FAILED, IGNORED]), st.integers(0, 3)),
        st.tuples(st.just("move"), st.one_of(st.integers(0, 400), st.sampled_from([799, 1_000, 1_300, 2_500, 10_000]))),
    ),
    max_size=30,
)


OPENED = [("fail", 3), ("move", 1_300), ("ask", 2)]  # and a probe under way
SECOND_PROBE = [*OPENED, ("move", 2_500), ("ask", 1)]  # since the first is taken for dead


@given(steps=steps)
@example(steps=[*SECOND_PROBE, (OK, 1), ("ask", 1)])
@example(steps=[*SECOND_PROBE, (OK, 2), (FAILED, 2), ("well", 1), ("fail", 3), (OK, 0)])
@example(steps=[*SECOND_PROBE, (IGNORED, 0), ("ask", 1), (FAILED, 0), ("move", 2_500), ("ask", 1)])
@example(steps=[*OPENED, (OK, 1), ("move", 10), *[("fail late", 400), ("fail late", 9)] * 3])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_the_script_does_what_the_rules_say(redis_database_url: str, steps: list[tuple[str, int]]) -> None:
    """Slow: some thousand scripts."""
    model = FakeBreakers(RULES)
    async with timed_breakers(redis_database_url) as (breakers, redis):
        await redis.flushdb()
        await set_clock(redis, model.now)
        given_out: list[tuple[Admission, Admission]] = [(PLAIN, PLAIN)]
        for what, number in steps:
            breakers._known.clear()  # what a process remembers goes by real time
            if what == "move":
                model.now += number
                await set_clock(redis, model.now)
            elif what == "ask":
                for _ in range(number):
                    expected, found = await model.admit(KEY, LASTS), await breakers.admit(KEY, LASTS)
                    breakers._known.clear()
                    assert (found.allowed, found.probe, found.until) == (
                        expected.allowed,
                        expected.probe,
                        expected.until,
                    )
                    given_out.append((expected, found))
            elif what in ("fail", "well"):
                for _ in range(number):
                    await model.report(KEY, PLAIN, FAILED if what == "fail" else OK)
                    await breakers.report(KEY, PLAIN, FAILED if what == "fail" else OK)
            elif what == "fail late":
                model.fail_late(KEY, number)
                await breakers._put(breakers_module._Entry(KEY, FAILED.value, age_ms=number))
            else:
                expected, found = given_out[-1 - number % len(given_out)]
                await model.report(KEY, expected, CallOutcome(what))
                await breakers.report(KEY, found, CallOutcome(what))
            assert await breakers.looks([KEY]) == await model.looks([KEY])


class Caller:
    """One process of `tests.contracts.breaker_caller`."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    def ask(self, callers: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{callers}\n".encode())


@asynccontextmanager
async def callers(how_many: int, url: str, key: str, lease_seconds: float) -> AsyncIterator[list[Caller]]:
    words = ("-P", "-m", "tests.contracts.breaker_caller", url, key, str(lease_seconds))
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(how_many):
            process = await asyncio.create_subprocess_exec(
                sys.executable, *words, stdin=PIPE, stdout=PIPE, cwd=ROOT, env=environment
            )
            stack.push_async_callback(_ended, process)
            found.append(Caller(process))
        assert {await caller.line() for caller in found} == {"ready"}
        yield found


async def _ended(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def half_open(url: str) -> None:
    """Leave a breaker behind whose opening is over."""
    async with open_redis(url) as redis, open_breakers(redis, BreakerRules(first_ms=1)) as breakers:
        for _ in range(5):
            await breakers.report(KEY, PLAIN, FAILED)
        while (await breakers.looks([KEY]))[0].state is not BreakerState.HALF_OPEN:
            await asyncio.sleep(0.001)


async def test_of_fifty_at_once_from_each_of_three_processes_one_is_let_through(redis_database_url: str) -> None:
    """Slow: three processes start."""
    await half_open(redis_database_url)
    async with callers(3, redis_database_url, KEY, 30) as three:
        for caller in three:
            caller.ask(50)
        assert sum([int(await caller.line()) for caller in three]) == 1


async def test_a_probe_whose_process_was_killed_is_waited_for_as_long_as_its_lease(redis_database_url: str) -> None:
    """Slow: two processes start, and a lease has to end."""
    await half_open(redis_database_url)
    async with callers(2, redis_database_url, KEY, 0.5) as (one, other):
        begun = datetime.now(UTC)
        one.ask(1)
        assert await one.line() == "1"
        one.process.send_signal(signal.SIGKILL)
        await one.process.wait()
        let_through = 0
        while let_through == 0:
            other.ask(50)
            let_through = int(await other.line())
        assert let_through == 1
        assert datetime.now(UTC) - begun >= timedelta(seconds=0.5)
        other.ask(50)
        assert await other.line() == "0"


async def test_who_is_told_that_it_is_closed_asks_nothing_for_a_moment_and_what_went_well_is_told_later(
    redis_database_url: str,
) -> None:
    async with open_redis(redis_database_url) as redis, open_breakers(redis) as breakers:
        await breakers.admit(KEY, LASTS)
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        for _ in range(100):
            assert await breakers.admit(KEY, LASTS) == PLAIN
            await breakers.report(KEY, PLAIN, OK)
        after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert after == before
        while await redis.exists(STORED) == 0:  # the background tells of it by itself
            await asyncio.sleep(0.01)
        async with redis.pipeline() as pipeline:
            pipeline.hget(STORED, "window")
            [window] = await pipeline.execute()
        assert sum(int(part.split(":")[1]) for part in window.decode().split()) == 100


async def test_successes_between_failures_are_told_between_them_though_they_are_told_at_once(
    redis_database_url: str,
) -> None:
    async with open_redis(redis_database_url) as redis, open_breakers(redis) as breakers:
        failing = [FAILED, FAILED, FAILED, FAILED, OK, FAILED]
        await asyncio.gather(*(breakers.report(KEY, PLAIN, outcome) for outcome in failing))
        (look,) = await breakers.looks([KEY])
        assert (look.state, look.failures) == (BreakerState.CLOSED, 1)


async def test_who_knows_that_it_is_open_asks_nothing_until_it_ends(redis_database_url: str) -> None:
    async with open_redis(redis_database_url) as redis, open_breakers(redis, BreakerRules(first_ms=200)) as breakers:
        for _ in range(5):
            await breakers.report(KEY, PLAIN, FAILED)
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        refused = [await breakers.admit(KEY, LASTS) for _ in range(10)]
        after = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert after == before
        assert not any(admission.allowed for admission in refused)
        assert refused[0].until is not None
        while not (probe := await breakers.admit(KEY, LASTS)).allowed:
            await asyncio.sleep(0.01)
        assert (probe.probe, datetime.now(UTC) >= refused[0].until) == (True, True)
        assert await breakers.admit(KEY, LASTS) == Admission(allowed=False)
        await breakers.report(KEY, probe, OK)
        assert await breakers.admit(KEY, LASTS) == PLAIN


async def test_what_was_admitted_before_it_opened_and_fails_after_it_closed_says_nothing(
    redis_database_url: str,
) -> None:
    async with open_redis(redis_database_url) as redis, open_breakers(redis, BreakerRules(first_ms=1)) as breakers:
        early = [await breakers.admit(KEY, LASTS) for _ in range(20)]
        for _ in range(5):
            await breakers.report(KEY, PLAIN, FAILED)
        while not (probe := await breakers.admit(KEY, LASTS)).allowed:
            await asyncio.sleep(0.001)
        await breakers.report(KEY, early[0], OK)
        assert (await breakers.looks([KEY]))[0].state is BreakerState.HALF_OPEN
        await breakers.report(KEY, probe, OK)
        for admission in early[1:]:
            await breakers.report(KEY, admission, FAILED)
        assert await breakers.looks([KEY]) == [UNTRIED]


async def test_an_opening_and_its_end_are_logged_once_each(redis_database_url: str) -> None:
    with capture_logs() as logs:
        async with open_redis(redis_database_url) as redis, open_breakers(redis, BreakerRules(first_ms=1)) as breakers:
            for _ in range(20):
                await breakers.report(KEY, PLAIN, FAILED)
            while not (probe := await breakers.admit(KEY, LASTS)).allowed:
                await asyncio.sleep(0.001)
            await breakers.report(KEY, probe, OK)
            await breakers.looks([KEY, KEY])
    assert [(line["event"], line["breaker"]) for line in logs] == [
        ("a circuit breaker is open", KEY),
        ("a circuit breaker is closed", KEY),
    ]


async def test_an_opening_and_a_vendors_recovery_are_told_to_workers(redis_database_url: str) -> None:
    async with (
        open_redis(redis_database_url) as redis,
        open_breakers(redis, BreakerRules(first_ms=1)) as breakers,
        redis.pubsub(ignore_subscribe_messages=True) as subscription,
    ):
        await subscription.subscribe(WAKE_CHANNEL)
        for _ in range(5):
            await breakers.report("vendor:acme", PLAIN, FAILED)
        while not (probe := await breakers.admit("vendor:acme", LASTS)).allowed:
            await asyncio.sleep(0.001)
        await breakers.report("vendor:acme", probe, OK)
        said: list[str] = []
        while len(said) < 2:
            message = await subscription.get_message(timeout=5)
            said += [] if message is None else [message["data"].decode()]
    assert said[0].startswith("opened:vendor:acme:")
    assert said[1] == "gateway:idle:acme"


async def test_while_redis_is_away_calls_are_admitted_and_counted_and_it_is_logged_once() -> None:
    with capture_logs() as logs:
        async with open_redis("redis://127.0.0.1:1/0") as redis, open_breakers(redis) as breakers:
            for _ in range(20):
                assert await breakers.admit(KEY, LASTS) == PLAIN
                await breakers.report(KEY, PLAIN, FAILED)
            assert [look.state for look in await breakers.looks([KEY])] == [BreakerState.CLOSED]
            assert breakers.unasked == 41
    assert len([line for line in logs if "cannot be asked" in line["event"]]) == 1


async def test_a_redis_that_hangs_holds_a_call_up_for_a_moment_and_only_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(breakers_module, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(breakers_module, "AWAY_SECONDS", 3600.0)

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        async with open_redis(f"redis://127.0.0.1:{port}/0") as redis:
            breakers = RedisBreakers(redis, RULES)
            async with breakers.entries:
                async with asyncio.timeout(4):  # less than Redis' own patience
                    for _ in range(1000):
                        assert await breakers.admit(KEY, LASTS) == PLAIN


async def test_a_clock_of_redis_that_is_set_back_leaves_it_open_for_no_longer_than_it_was_to_be(
    redis_database_url: str,
) -> None:
    async with timed_breakers(redis_database_url) as (breakers, redis):
        now = 1_800_000_000_000
        await set_clock(redis, now)
        for _ in range(3):
            await breakers.report(KEY, PLAIN, FAILED)
        now -= 3_600_000
        await set_clock(redis, now)
        (look,) = await breakers.looks([KEY])
        assert look.until is not None
        left = round(look.until.timestamp() * 1000) - now
        assert 800 <= left <= 1_200
        await set_clock(redis, now + left)
        breakers._known.clear()
        probe = await breakers.admit(KEY, LASTS)
        assert probe.probe
        await breakers.report(KEY, probe, OK)
        await set_clock(redis, now - 3_600_000)  # and again: what closed it lies ahead
        for _ in range(3):
            await breakers.tell(KEY, FAILED, since=seconds_since_boot() - 1)
        assert (await breakers.looks([KEY]))[0].state is BreakerState.OPEN


async def test_no_key_is_kept_for_ever(redis_database_url: str) -> None:
    async with timed_breakers(redis_database_url) as (breakers, redis):

        async def ttl() -> int:
            return int(await redis.pttl(STORED))

        now = 1_800_000_000_000
        await set_clock(redis, now)
        await breakers.report(KEY, PLAIN, FAILED)
        assert await ttl() > 0
        for _ in range(2):
            await breakers.report(KEY, PLAIN, FAILED)
        assert await ttl() > 0
        await set_clock(redis, now + 2_000)
        breakers._known.clear()
        probe = await breakers.admit(KEY, LASTS)
        assert await ttl() > 0
        await breakers.report(KEY, probe, OK)
        assert await ttl() > 0


async def test_a_flush_closes_it_and_the_word_of_a_probe_that_was_under_way_counts_as_any_other(
    redis_database_url: str,
) -> None:
    await half_open(redis_database_url)
    async with open_redis(redis_database_url) as redis, open_breakers(redis) as breakers:
        probe = await breakers.admit(KEY, LASTS)
        assert probe.probe
        await redis.flushdb()
        await breakers.report(KEY, probe, FAILED)
        (look,) = await breakers.looks([KEY])
        assert (look.state, look.failures) == (BreakerState.CLOSED, 1)
