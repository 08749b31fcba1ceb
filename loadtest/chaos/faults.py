"""How each fault is done and undone, by real signals and the servers' own commands, and what it took to get over it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import assert_never

import httpx

from loadtest.chaos.fleet import Fleet
from loadtest.chaos.programs import MEMBERS, Site
from loadtest.chaos.recovery import Probes, taken_over
from loadtest.chaos.schedule import (
    APIS,
    MONGO_ALL,
    MONGO_PRIMARY,
    MONGO_SECONDARY,
    REDIS,
    VENDOR,
    WORKERS,
    Fault,
    Kind,
)
from loadtest.chaos.servers import Books, MongoSet, RedisServer

FIND_SECONDS = 10.0
TAIL_BYTES_A_SECOND = 50_000  # that the log of a busy Redis grows by: what it loses is of the last second or two


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was done. Times are of the clock that all processes of this machine share."""

    fault: Fault
    names: tuple[str, ...]  # of the processes that it hit; none, where there was none to hit
    began: float
    healed: float
    recovered: float | None  # when the gateway was itself again, if that was seen

    @property
    def counted_from(self) -> float:
        """As `loadtest.chaos.recovery` says."""
        return self.began if self.fault.target in WORKERS else self.healed


@dataclass(frozen=True, slots=True)
class Faults:
    site: Site
    fleet: Fleet
    redis: RedisServer
    mongo: MongoSet
    books: Books
    probes: Probes

    async def strike(self, fault: Fault) -> Struck:
        """Returns when the gateway has got over it."""
        names = await self._hit_by(fault)
        async with AsyncExitStack() as turns:
            for name in names:
                await turns.enter_async_context(self.fleet.turn(name))
            began = time.monotonic()
            takeover = self._watch(fault, began)
            if names:
                await self._hurt(fault, names)
        if names[:1] == (REDIS,):
            await self.redis.ready()
        healed = time.monotonic()
        recovered = await takeover if takeover else await self._probed(fault)
        return Struck(fault, names, began, healed, recovered)

    def _watch(self, fault: Fault, began: float) -> asyncio.Task[float | None] | None:
        if fault.target not in WORKERS:
            return None
        return asyncio.create_task(taken_over(fault.target, began, self.books))

    async def _probed(self, fault: Fault) -> float | None:
        hurt = self.site.url(fault.target) if fault.target in APIS else None
        return await self.probes.completed(hurt)

    async def _hit_by(self, fault: Fault) -> tuple[str, ...]:
        if fault.target == MONGO_PRIMARY:
            return await _found(self.mongo.primary)
        if fault.target == MONGO_SECONDARY:
            return await _found(self.mongo.secondary)
        return MEMBERS if fault.target == MONGO_ALL else (fault.target,)

    async def _hurt(self, fault: Fault, names: Iterable[str]) -> None:
        name = next(iter(names))
        match fault.kind:
            case Kind.KILL:
                await self.fleet.kill(names, fault.seconds)
            case Kind.FREEZE:
                await self.fleet.freeze(name, fault.seconds)
            case Kind.RESTART:
                await self.fleet.restart(name, fault.seconds)
            case Kind.LOSE_TAIL:
                size = int(fault.seconds * TAIL_BYTES_A_SECOND)
                await self.fleet.kill(names, fault.seconds, lambda: self.redis.cut_log(size))
            case Kind.FLUSH:
                await self._tell_redis("FLUSHALL")
            case Kind.CUT:
                await self._tell_redis("CLIENT KILL TYPE pubsub", "CLIENT KILL TYPE normal")
            case Kind.STEP_DOWN:
                await self.mongo.step_down()
            case Kind.OUTAGE:
                await self._outage(fault.seconds)
            case unreachable:
                assert_never(unreachable)

    async def _tell_redis(self, *commands: str) -> None:
        for command in commands:
            with suppress(OSError, TimeoutError):  # CLIENT KILL may end our own connection
                await self.redis.command(command)

    async def _outage(self, seconds: float) -> None:
        """Every other one refuses connections; the rest take them and cut them."""
        refuse = int(seconds * 1000) % 2 == 0
        await self.fleet.listening((VENDOR,))  # the fault before this one may have killed it
        async with httpx.AsyncClient(timeout=5) as http:
            answer = await http.put(
                f"{self.site.url(VENDOR)}/control/outage", json={"seconds": seconds, "refuse": refuse}
            )
            answer.raise_for_status()
        await asyncio.sleep(seconds)


async def _found(ask: Callable[[], Awaitable[str | None]]) -> tuple[str, ...]:
    """The member in that part, as soon as there is one; none where another fault keeps the set from electing."""
    give_up_at = time.monotonic() + FIND_SECONDS
    while (name := await ask()) is None and time.monotonic() < give_up_at:
        await asyncio.sleep(0.2)
    return () if name is None else (name,)
