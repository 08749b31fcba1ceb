"""
The limits of the API side, over the whole fleet: sign-ins, requests without a caller, requests of each client.

An address stands for its network: see `network_of`. What was typed as a name is hashed, and so short and nobody's.
"""

import time
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256

from limits import RateLimitItemPerMinute

from domain.callers import Caller
from domain.infra.failure_limit import Clock
from domain.infra.limits import Window, read_windows
from domain.infra.moving_windows import PATIENCE_SECONDS, Count, MovingWindows
from domain.infra.redis import RedisClient
from domain.networks import network_of
from domain.quotas import Verdict

FAILURES_OF_ACCOUNT = Window.of(RateLimitItemPerMinute(5, 15))
FAILURES_OF_ADDRESS = Window.of(RateLimitItemPerMinute(20, 15))


class FleetSignInLimit:
    """
    A `SignInLimit`.

    A failure that is counted in advance is in the same windows as any other, so that a process that dies in between
    has counted it, and `failed` has nothing to add.
    """

    def __init__(
        self, redis: RedisClient, *, clock: Clock = time.monotonic, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._windows = MovingWindows(redis, "sign-ins", clock=clock, patience_seconds=patience_seconds)

    async def wait(self, account: str, address: str) -> timedelta | None:
        verdict = await self._windows.take(_of_account(account), _of_address(address))
        return timedelta(seconds=verdict.wait_seconds) if verdict.wait_seconds else None

    async def failed(self, account: str, address: str) -> None:
        pass

    async def succeeded(self, account: str, address: str) -> None:
        await self._windows.give_back(_of_address(address), forgotten=[_of_account(account)])

    async def let_go(self, account: str, address: str) -> None:
        await self._windows.give_back(_of_account(account), _of_address(address))


class FleetAddressLimit:
    """An `AddressLimit`. Raises `ValueError` for what is no rate."""

    def __init__(self, redis: RedisClient, rate: str, *, clock: Clock = time.monotonic) -> None:
        self._rate = read_windows(rate)
        self._windows = MovingWindows(redis, "addresses", clock=clock)

    async def take(self, address: str) -> Verdict:
        network = network_of(address)
        return await self._windows.take(*(Count(network, window) for window in self._rate))


class FleetCallerLimit:
    """
    A `CallerLimit`: the `usual` rate, one for all that comes in a client's name.

    A key with a rate of its own is counted by itself. Redis is asked nothing about who has no limit.
    """

    def __init__(self, redis: RedisClient, usual: str | None, *, clock: Clock = time.monotonic) -> None:
        self._usual = usual
        self._windows = MovingWindows(redis, "clients", clock=clock)

    async def take(self, caller: Caller) -> Verdict | None:
        rate = caller.rate or self._usual
        if rate is None:
            return None
        subject = f"key:{caller.key}" if caller.rate and caller.key else f"client:{caller.client}"
        return await self._windows.take(*(Count(subject, window) for window in _read(rate)))


@lru_cache(1024)
def _read(rate: str) -> tuple[Window, ...]:
    return read_windows(rate)


def _of_account(account: str) -> Count:
    return Count("account:" + _short(account), FAILURES_OF_ACCOUNT)


def _of_address(address: str) -> Count:
    return Count("address:" + _short(network_of(address)), FAILURES_OF_ADDRESS)


def _short(sent: str) -> str:
    return sha256(sent.encode()).hexdigest()[:32]
