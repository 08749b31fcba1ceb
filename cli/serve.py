"""The HTTP process: the API, the webhook receiver, or both in one server."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import uvicorn
import uvloop
from litestar.types import ASGIApp

import api.app
import webhooks.app
from api.brakes import Pace
from api.ports import ApiPorts
from cli.accounts import open_accounts, open_callers
from cli.commerce import commerce_ports
from cli.credentials import cursor_secret, ensure_bootstrap_key
from cli.garbage import settle_memory
from cli.home import Home
from cli.limits import browser_rules, request_limits
from cli.local_inbox import with_local_inbox
from cli.logs import start_logging
from cli.notices import notice_ports, short_link_ports
from cli.orders import order_ports
from cli.payments import payment_ports, payment_readers
from cli.processes import REQUESTS_SECONDS
from cli.server import StoppingServer
from cli.settings import Settings
from cli.settings_facts import API_KIND
from cli.settings_told import settings_told
from cli.stores import Stores, open_stores, tell_of_clock
from cli.watching import Receiving, files_of, live_vendors, watched
from domain.backpressure import Ceilings
from domain.commerce.kept_payments import KeepsPayments
from domain.edge.malformed import ProblemProtocol
from domain.edge.split import SplitByPath
from domain.errors import ConfigurationError
from domain.infra.failure_limit import WindowedFailureLimit
from domain.infra.follow_ups import open_follow_ups
from domain.infra.inbox import open_inbox
from domain.infra.intake import open_intake
from domain.infra.job_control import open_job_control
from domain.infra.job_reader import open_job_reader
from domain.infra.mongo import MongoHealth
from domain.infra.queue import Queue
from domain.infra.redis import RedisHealth
from domain.infra.vendor_states import open_vendor_states
from vendors.http import VendorHttp
from vendors.live import LiveVendors
from webhooks.ports import WebhookPorts

WEBHOOKS = "webhooks"
BACKLOG = 2048  # connections that wait to be accepted: a burst of clients is no reason to refuse any


def run(settings: Settings, parts: frozenset[str]) -> None:
    """Serve until SIGINT or SIGTERM."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # read again once it runs; until then it reads for the first time
    start_logging(settings.log_level)
    with _bind(settings) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, parts, listener))


async def _serve(settings: Settings, parts: frozenset[str], listener: socket.socket) -> None:
    async with AsyncExitStack() as stack:
        stopping = asyncio.Event()
        app = await stack.enter_async_context(_open_app(settings, parts, stopping))
        config = uvicorn.Config(
            app,
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
async def _open_app(settings: Settings, parts: frozenset[str], stopping: asyncio.Event) -> AsyncIterator[ASGIApp]:
    async with open_stores(settings) as stores, _open_vendors(settings, stores, parts) as vendors:
        await tell_of_clock(stores.redis)
        health = (MongoHealth(stores.database), RedisHealth(stores.redis))
        async with AsyncExitStack() as stack:
            receiver = await stack.enter_async_context(_open_receiver(settings, stores, vendors, health))
            if parts == {WEBHOOKS}:
                yield receiver
                return
            main = await stack.enter_async_context(_open_api(settings, stores, vendors, health, stopping))
            main = with_local_inbox(settings, main)
            yield SplitByPath(webhooks.app.PREFIX, receiver, main) if WEBHOOKS in parts else main


@asynccontextmanager
async def _open_receiver(
    settings: Settings, stores: Stores, vendors: LiveVendors, health: tuple[MongoHealth, RedisHealth]
) -> AsyncIterator[ASGIApp]:
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    async with open_inbox(stores.database, queue) as inbox:
        ports = WebhookPorts(
            readers=vendors.webhooks,
            inbox=inbox,
            failures=WindowedFailureLimit(),
            trusted_hops=settings.trusted_hops,
            health=health,
        )
        yield webhooks.app.build_app(ports)


@asynccontextmanager
async def _open_vendors(settings: Settings, stores: Stores, parts: frozenset[str]) -> AsyncIterator[LiveVendors]:
    """The vendors by name, policy and webhooks: nobody here calls one. The receiver alone need not know the secrets."""
    async with VendorHttp() as http, AsyncExitStack() as stack:
        receiving = Receiving(Home.at(settings.home), payment_readers(settings))
        vendors = live_vendors(settings, http, receiving=receiving)
        reload: Callable[[], object] = vendors.reload
        if parts != {WEBHOOKS}:
            told = await stack.enter_async_context(settings_told(settings, stores, vendors, API_KIND))
            reload = told.after(vendors.reload)
        async with watched(files_of(settings), reload):
            yield vendors


@asynccontextmanager
async def _open_api(
    settings: Settings,
    stores: Stores,
    vendors: LiveVendors,
    health: tuple[MongoHealth, RedisHealth],
    stopping: asyncio.Event,
) -> AsyncIterator[ASGIApp]:
    home = Home.at(settings.home)
    key = ensure_bootstrap_key(home)
    if key is not None:
        print(f"bootstrap admin key, shown this once: {key}", flush=True)
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    ceilings = Ceilings(settings.vendor_backlog, settings.client_backlog)
    async with (
        open_vendor_states(stores.database, queue, vendors.policies) as vendor_states,
        open_intake(stores.database, queue, ceilings=ceilings, states=vendor_states) as intake,
        open_job_reader(stores.database, stores.redis, stopping=stopping) as jobs,
        open_follow_ups(stores.database, queue, settings.public_base) as follow_ups,
        open_job_control(stores.database, stores.redis, queue, follow_ups, retention=settings.retention) as control,
        open_accounts(settings, stores, intake) as accounts,
        open_callers(settings, accounts) as callers,
    ):
        yield api.app.build_app(
            ApiPorts(
                intake=intake,
                jobs=jobs,
                control=KeepsPayments(control, jobs),
                vendors=vendors,
                vendor_states=vendor_states,
                callers=callers,
                anonymous_allowed=settings.anonymous,
                cursor_secret=cursor_secret(home),
                health=health,
                accounts=accounts,
                commerce=commerce_ports(settings, stores),
                orders=order_ports(settings, stores, accounts.post, queue),
                notices=notice_ports(settings, stores, accounts),
                payments=payment_ports(settings, stores, queue),
                short_links=short_link_ports(settings, stores),
                limits=request_limits(settings, stores.redis),
                brake=Pace().wait,
                browsers=browser_rules(settings),
                callbacks_anywhere=settings.env == "development",
                stopping=stopping,
            )
        )


def _bind(settings: Settings) -> socket.socket:
    """A socket of our own; shared by several HTTP processes only, else a second gateway here would go unseen."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, settings.api_processes > 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as fault:
        listener.close()
        raise ConfigurationError(
            f"GATEWAY_PORT: cannot listen on {settings.host}:{settings.port} ({fault.strerror}); "
            "choose another GATEWAY_HOST or GATEWAY_PORT"
        ) from None
    return listener
