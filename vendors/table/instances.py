"""
A table vendor that is reached at several addresses: calls take turns, and who fails is left alone for a while, by this
process (`domain.balancing.ejection`) and, tried by one call at a time, by the fleet (`domain.breakers`).

Its instances are one vendor: they share its limit, its keys, its webhooks and what it knows of a job. So a poll takes
its turn like a call, and does not look for the instance that took the job: no worker would know it after a restart, and
that one may be the one that is down. A poll that met an instance which does not know the job means to go on waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import httpx

from domain.balancing.balancer import Balancer
from domain.balancing.instances import Instance
from domain.balancing.turns import NobodyLeft, Turn, next_turn
from domain.breakers import Admission, CallOutcome
from domain.errors import OutcomeUnknown
from domain.outcomes import Outcome, Retry
from domain.vendor_trouble import said_by
from domain.vendors import Call, instance_breaker
from vendors.errors import NotSent

CONNECT_SECONDS = 5.0  # at one that is not the last to be asked
LONGEST_OUT_SECONDS = 30.0  # by this process alone: who stays away for longer is the fleet's breaker's affair

Send = Callable[[Call, httpx.URL], Awaitable[Outcome]]

_UNGUARDED = Admission(allowed=False)  # by no breaker, so none is told


class Turns:
    """Sends each call to the instance whose turn it is; without instances to the URL as it is."""

    def __init__(self, vendor: str, instances: Sequence[Instance], balancer: Balancer | None = None) -> None:
        self._vendor = vendor
        self._balancer = balancer or Balancer(longest_out_seconds=LONGEST_OUT_SECONDS)
        self._balancer.follow(instances)
        self._many = len(instances)

    async def take(self, call: Call, url: httpx.URL, send: Send) -> Outcome:
        """
        Send one call, once. Who cannot be reached is passed over: nothing was sent, so the next one gets the same call.

        Another try is the worker's to make, and meets whoever is next then.
        """
        if not self._many:
            return await send(call, url)
        time, unreached = asyncio.get_running_loop().time, dict[str, Outcome]()
        ends = time() + call.timeout.total_seconds()
        while (turn := await self._choose(call, unreached)) is not None:
            left = timedelta(seconds=max(ends - time(), 0.0))
            patience = CONNECT_SECONDS if len(unreached) < self._many - 1 else None
            came_of_it = await self._ask(turn, replace(call, timeout=min(call.timeout, left)), url, send, patience)
            if not isinstance(came_of_it, Retry) or came_of_it.code != NotSent.code or time() >= ends:
                return came_of_it
            unreached[turn.instance.url] = came_of_it
        return [*unreached.values()][-1] if unreached else await send(call, url)

    async def _choose(self, call: Call, without: Collection[str]) -> Turn | None:
        """None where nobody is left. Where the breakers of all are open, all are used: the vendor's own holds them."""
        if call.guards is not None:
            try:
                return await next_turn(self._balancer, call.guards, self._key_of, call.timeout, without)
            except NobodyLeft:
                pass
        instance = self._balancer.pick(without)
        if instance is None:
            return None
        self._balancer.begun(instance)
        return Turn(instance, _UNGUARDED)

    async def _ask(self, turn: Turn, call: Call, url: httpx.URL, send: Send, patience: float | None) -> Outcome:
        outcome = CallOutcome.IGNORED  # cancelled, or refused by its gate
        try:
            came_of_it = await _reach(call, _at(turn.instance, url), send, patience)
            outcome = said_by(came_of_it)
        except OutcomeUnknown as unknown:
            outcome = CallOutcome.FAILED if unknown.trouble else CallOutcome.IGNORED
            raise
        finally:
            self._balancer.ended(turn.instance, outcome)
            if call.guards is not None and turn.admission.allowed:
                await call.guards.report(self._key_of(turn.instance), turn.admission, outcome)
        return came_of_it

    def _key_of(self, instance: Instance) -> str:
        return instance_breaker(self._vendor, instance.url)


async def _reach(call: Call, url: httpx.URL, send: Send, patience: float | None) -> Outcome:
    """What a call comes to that is given so long until its connection is there: its gate is asked then."""
    connecting = asyncio.timeout(patience)

    async def gate() -> None:
        connecting.reschedule(None)
        if call.gate is not None:
            await call.gate()

    try:
        async with connecting:
            return await send(replace(call, gate=gate), url)
    except TimeoutError:
        if not connecting.expired():
            raise
        return Retry(NotSent.code, f"No connection to the vendor within {patience:g} s; nothing was sent.")


def _at(instance: Instance, url: httpx.URL) -> httpx.URL:
    """The same place at this instance."""
    return httpx.URL(instance.url + url.raw_path.decode("ascii"))
