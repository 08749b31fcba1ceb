"""
Who holds a token, over the whole fleet: a person's session, a machine's key, or the operator's bootstrap key.

What the stores said is good for `MEMORY_SECONDS`: a lock, a logout or a revocation holds in every process by then, and
a token that was good a moment ago goes on while MongoDB is away. A service's key goes on for longer then, since what
services ask for is answered without MongoDB. Whatever can be told without a store is: a forged token costs a
signature's check and nothing more, and of made-up keys few are looked for (`domain.infra.key_lookups`). The refused
are remembered apart, so that nobody pushes out the good.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from domain.accounts.key_format import PREFIX
from domain.callers import Caller, CallerDirectory, Role
from domain.errors import Unavailable
from domain.infra.background import end
from domain.infra.key_lookups import KeyLookups
from domain.infra.key_uses import KeyUses
from domain.infra.ticks import seconds_since_boot
from domain.infra.token_owners import Claim, Owner, TokenOwners

MEMORY_SECONDS = 10.0  # the contract's
OUTAGE_SECONDS = 600.0  # of MongoDB, through which a service's key goes on: an access token would live as long
PATIENCE_SECONDS = 0.5  # for stores that hang, where it may go on
REMEMBERED = 10_000  # tokens that are good, of a process: some 10 MB
REFUSED = 1_000  # tokens that were good once
LONGEST_TOKEN = 4096  # characters; ours have a tenth of it


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now` is the time of day, by which tokens run out; `seconds` never steps, and measures how old an answer is."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = seconds_since_boot


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the stores said; None: not now. Good while the clock's seconds are under `until`, in an outage `at_most`."""

    caller: Caller | None
    until: float
    at_most: float = 0.0

    def in_outage(self, seconds: float) -> "_Answer | None":
        """The same for a while longer; None where that would be too long."""
        if seconds >= self.at_most:
            return None
        return replace(self, until=min(seconds + MEMORY_SECONDS, self.at_most))


class FleetCallers:
    """A `CallerDirectory`."""

    def __init__(
        self, owners: TokenOwners, uses: KeyUses, bootstrap: CallerDirectory, clocks: Clocks | None = None
    ) -> None:
        self._owners = owners
        self._uses = uses
        self._bootstrap = bootstrap
        self._clocks = clocks or Clocks()
        self._lookups = KeyLookups(owners, self._clocks.seconds)
        self._good = _Newest(REMEMBERED)
        self._refused = _Newest(REFUSED)
        self._asking: dict[bytes, asyncio.Task[_Answer]] = {}

    async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
        if len(bearer_token) > LONGEST_TOKEN:
            return None
        caller = await self._find(bearer_token, address, begun)
        if caller is not None and caller.session is None:
            self._uses.note(caller, address, self._clocks.now())
        return caller

    async def stop(self) -> None:
        """End what is under way."""
        for task in tuple(self._asking.values()):
            await end(task)
        await self._uses.stop()

    async def _find(self, bearer_token: str, address: str, begun: datetime | None) -> Caller | None:
        name = sha256(bearer_token.encode()).digest()
        answer = self._remembered(name)
        if answer is None:
            claim = self._owners.read(bearer_token, begun or self._clocks.now())
            if claim is None:
                return await self._find_operator(bearer_token, address)
            answer = await self._ask_once(name, claim, address)
        return answer.caller

    async def _find_operator(self, bearer_token: str, address: str) -> Caller | None:
        return await self._bootstrap.find(bearer_token, address) if bearer_token.startswith(PREFIX) else None

    def _remembered(self, name: bytes) -> _Answer | None:
        answer = self._good.get(name) or self._refused.get(name)
        return answer if answer is not None and self._clocks.seconds() < answer.until else None

    async def _ask_once(self, name: bytes, claim: Claim, address: str) -> _Answer:
        """Of those who ask at the same time one asks the stores, and goes on when its own client has left."""
        asking = self._asking.get(name)
        if asking is None:
            asking = asyncio.create_task(self._ask(name, claim, address))
            self._asking[name] = asking
            asking.add_done_callback(lambda task: self._asked(name, task))
        known = self._good.get(name)
        if known is not None and self._clocks.seconds() < known.at_most:
            await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
            if not asking.done():  # what the stores say counts as soon as they say it
                return known
        return await asyncio.shield(asking)

    def _asked(self, name: bytes, task: asyncio.Task[_Answer]) -> None:
        del self._asking[name]
        if not task.cancelled():
            task.exception()  # whoever still waits is told; if nobody does, nobody need be

    async def _ask(self, name: bytes, claim: Claim, address: str) -> _Answer:
        begun, now = self._clocks.seconds(), self._clocks.now()
        try:
            owner = await self._lookups.find(claim, now, address)
        except Unavailable:
            known = self._good.get(name)
            if known is None or (answer := known.in_outage(self._clocks.seconds())) is None:
                raise
            self._good.keep(name, answer)
            return answer
        if owner is None:
            answer = _Answer(None, begun + MEMORY_SECONDS)
            self._good.forget(name)
            self._refused.keep(name, answer)
            return answer
        answer = _good(owner, begun, now)
        self._refused.forget(name)
        self._good.keep(name, answer)
        return answer


class _Newest:
    """The answers that were last asked for, so many at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()

    def get(self, name: bytes) -> _Answer | None:
        answer = self._answers.get(name)
        if answer is not None:
            self._answers.move_to_end(name)
        return answer

    def keep(self, name: bytes, answer: _Answer) -> None:
        self._answers[name] = answer
        self._answers.move_to_end(name)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def forget(self, name: bytes) -> None:
        self._answers.pop(name, None)


def _good(owner: Owner, begun: float, now: datetime) -> _Answer:
    """No answer outlives what it is about."""
    left = OUTAGE_SECONDS if owner.until is None else min(OUTAGE_SECONDS, (owner.until - now).total_seconds())
    of_service = owner.caller.role is Role.SERVICE and owner.caller.user is None
    return _Answer(owner.caller, begun + min(MEMORY_SECONDS, left), begun + left if of_service else 0.0)


@asynccontextmanager
async def open_fleet_callers(
    owners: TokenOwners, uses: KeyUses, bootstrap: CallerDirectory, clocks: Clocks | None = None
) -> AsyncIterator[FleetCallers]:
    callers = FleetCallers(owners, uses, bootstrap, clocks)
    try:
        yield callers
    finally:
        await callers.stop()
