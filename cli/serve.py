"""The HTTP process: the API, the webhook receiver, or both in one server."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

import uvicorn
import uvloop
from litestar.types import ASGIApp

import webhooks.app
from cli.api_process import Behind, open_api
from cli.exposition import served
from cli.figures import Figures, shown
from cli.fleet_figures import instances_up
from cli.garbage import settle_memory
from cli.home import Home
from cli.listener import bind
from cli.local_inbox import with_local_inbox
from cli.logs import start_logging
from cli.payments import payment_readers
from cli.processes import REQUESTS_SECONDS
from cli.server import StoppingServer
from cli.services import open_live_services
from cli.settings import Settings
from cli.settings_facts import API_KIND
from cli.settings_told import settings_told
from cli.stores import Stores, open_stores, tell_of_clock
from cli.watching import Receiving, files_of, live_vendors, watched
from domain.breakers import OF_SERVICES
from domain.counted_calls import CountedBreakers
from domain.edge.malformed import ProblemProtocol
from domain.edge.split import SplitByPath
from domain.edge.unforeseen import Net
from domain.infra.breakers import open_breakers
from domain.infra.bug_record import RedisBugRecord
from domain.infra.failure_limit import WindowedFailureLimit
from domain.infra.inbox import open_inbox
from domain.infra.mongo import MongoHealth
from domain.infra.queue import Queue
from domain.infra.redis import RedisHealth
from vendors.http import VendorHttp
from vendors.live import LiveVendors
from vendors.services.live import LiveServices
from webhooks.ports import WebhookPorts

WEBHOOKS = "webhooks"
BACKLOG = 2048  # connections that wait to be accepted: a burst of clients is no reason to refuse any


def run(settings: Settings, parts: frozenset[str], name: str | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    figures = Figures.of("serve" if len(parts) > 1 else "".join(parts), name)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # read again once it runs; until then it reads for the first time
    start_logging(settings.log_level, figures.note_bug)
    with (
        bind(settings) as listener,
        served(settings.metrics_port, settings.metrics_host, Home.at(settings.home).metrics),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(settings, parts, listener, figures))


async def _serve(settings: Settings, parts: frozenset[str], listener: socket.socket, figures: Figures) -> None:
    async with AsyncExitStack() as stack:
        stopping = asyncio.Event()
        app = await stack.enter_async_context(_open_app(settings, parts, stopping, figures))
        config = uvicorn.Config(
            Net(app),
            http=ProblemProtocol,
            ws="none",
            proxy_headers=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            backlog=BACKLOG,
            timeout_graceful_shutdown=REQUESTS_SECONDS,
        )
        settle_memory()
        await StoppingServer(config, stopping).serve(sockets=[listener])


@asynccontextmanager
async def _open_app(
    settings: Settings, parts: frozenset[str], stopping: asyncio.Event, figures: Figures
) -> AsyncIterator[ASGIApp]:
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings))
        record = RedisBugRecord(stores.redis)
        await stack.enter_async_context(shown(figures, Home.at(settings.home).metrics, record))
        breakers = await stack.enter_async_context(open_breakers(stores.redis, OF_SERVICES))
        services = None
        if parts != {WEBHOOKS}:
            counted = CountedBreakers(breakers, figures.counts)
            services = await stack.enter_async_context(open_live_services(settings, counted, breakers.looks))
            figures.readings.append(partial(instances_up, services))
        vendors = await stack.enter_async_context(_open_vendors(settings, stores, services))
        await tell_of_clock(stores.redis)
        health = (MongoHealth(stores.database), RedisHealth(stores.redis))
        receiver = await stack.enter_async_context(_open_receiver(settings, stores, vendors, health, figures))
        if services is None:
            yield receiver
            return
        behind = Behind(stores, vendors, services, breakers, health, figures)
        main = await stack.enter_async_context(open_api(settings, behind, stopping))
        main = with_local_inbox(settings, main)
        yield SplitByPath(webhooks.app.PREFIX, receiver, main) if WEBHOOKS in parts else main


@asynccontextmanager
async def _open_receiver(
    settings: Settings,
    stores: Stores,
    vendors: LiveVendors,
    health: tuple[MongoHealth, RedisHealth],
    figures: Figures,
) -> AsyncIterator[ASGIApp]:
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    async with open_inbox(stores.database, queue) as inbox:
        ports = WebhookPorts(
            readers=vendors.webhooks,
            inbox=inbox,
            failures=WindowedFailureLimit(),
            trusted_hops=settings.trusted_hops,
            health=health,
            counts=figures.counts,
        )
        yield webhooks.app.build_app(ports)


@asynccontextmanager
async def _open_vendors(
    settings: Settings, stores: Stores, services: LiveServices | None
) -> AsyncIterator[LiveVendors]:
    """
    The vendors by name, policy and webhooks: nobody here calls one. The receiver alone need not know the secrets.

    The services are read again with them.
    """
    async with VendorHttp() as http, AsyncExitStack() as stack:
        receiving = Receiving(Home.at(settings.home), payment_readers(settings))
        vendors = live_vendors(settings, http, receiving=receiving)
        reload: Callable[[], object] = vendors.reload
        if services is not None:
            told = await stack.enter_async_context(settings_told(settings, stores, vendors, API_KIND))
            reload = _all_of(told.after(vendors.reload), services.reload)
        async with watched(files_of(settings), reload):
            yield vendors


def _all_of(*reloads: Callable[[], object]) -> Callable[[], None]:
    def reload() -> None:
        for one in reloads:
            one()

    return reload
