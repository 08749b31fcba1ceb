"""The vendor of callbacks, as the settings want it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from cli.credentials import callback_master
from cli.home import Home
from cli.settings import Settings
from domain.infra.host_limits import HostLimits
from domain.infra.redis import RedisClient
from vendors.callback.adapter import Callback
from vendors.callback.settings import CallbackSettings
from vendors.guarded import GuardedTransport
from vendors.http import Clock, VendorHttp


def callback_settings(settings: Settings) -> CallbackSettings:
    master = settings.callback_secret or SecretStr(callback_master(Home.at(settings.home)))
    return CallbackSettings(master, allow_private=settings.env == "development", slots=settings.concurrency)


@asynccontextmanager
async def open_callback(settings: Settings, redis: RedisClient, clock: Clock) -> AsyncIterator[Callback]:
    """With connections of its own, which lead to public addresses only: in development, anywhere."""
    chosen = callback_settings(settings)
    async with VendorHttp(None if chosen.allow_private else GuardedTransport(), clock=clock) as http:
        yield Callback(http, chosen, HostLimits(redis), clock=clock)
