"""The worker process, and the child of one that runs suspects apart."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
import uvloop

from cli.apart import COMMAND, ApartCommand, orphaned
from cli.callbacks import open_callback
from cli.exposition import served
from cli.figures import Figures, shown
from cli.garbage import settle_memory
from cli.home import Home
from cli.keys import signed_tokens
from cli.logs import start_logging
from cli.mails import open_email
from cli.media import open_media
from cli.orders import OrdersHere, open_orders, orders_looked_after
from cli.payments import PaymentsHere, open_payments, payments_looked_after, payments_vendor
from cli.reconciling import books_compared
from cli.settings import Settings
from cli.settings_facts import WORKER_KIND
from cli.settings_told import settings_told
from cli.stores import open_stores
from cli.watching import files_of, live_vendors, watched
from domain.commerce.payments import is_unsettled
from domain.errors import ConfigurationError
from domain.infra.bug_record import RedisBugRecord
from domain.infra.follow_ups import open_follow_ups
from domain.infra.redactions import Redactions
from domain.vendors import Vendor
from vendors.http import VendorHttp
from vendors.live import LiveVendors
from vendors.registry import ADAPTERS, MakeVendor
from worker.clock import FleetClock
from worker.worker import Worker, WorkerSettings, open_worker, worker_name

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """Which worker this is; what it is made of, tests change."""

    vendors: tuple[str, ...] | None = None  # None: all of them
    name: str | None = None
    apart: bool = False
    adapters: Mapping[str, MakeVendor] = field(default_factory=lambda: ADAPTERS)
    apart_command: tuple[str, ...] = COMMAND

    @property
    def unique_name(self) -> str:
        return worker_name(self.name or str(os.getpid()))

    @property
    def command_of_child(self) -> tuple[str, ...]:
        chosen = () if self.vendors is None else ("--vendors", ",".join(self.vendors))
        return (*self.apart_command, "--name", f"{self.name or os.getpid()}-apart", *chosen)


def run(settings: Settings, kind: Kind) -> None:
    """Work until SIGINT or SIGTERM, then drain."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # read again once it runs; until then it reads for the first time
    figures = Figures.of("worker", kind.name)
    start_logging(settings.log_level, figures.note_bug)
    port = 0 if kind.apart else settings.metrics_port  # the parent's port shows its child too
    with (
        served(port, settings.metrics_host, Home.at(settings.home).metrics),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_work(settings, kind, figures))


async def _work(settings: Settings, kind: Kind, figures: Figures) -> None:
    clock = FleetClock()
    async with (
        VendorHttp(clock=clock.now) as http,
        open_stores(settings) as stores,
        shown(figures, Home.at(settings.home).metrics, RedisBugRecord(stores.redis)),
        open_callback(settings, stores.redis, clock.now) as callback,
        open_email(settings, signed_tokens(settings).link, clock.now) as email,
        open_media(settings, stores.database, clock.now) as media,
        open_orders(settings, stores, clock.now) as orders,
        open_payments(settings, stores, orders, clock.now) as payments,
        open_follow_ups(
            stores.database,
            orders.queue,
            settings.public_base,
            clock=clock.now,
            tellers={**orders.tellers, **payments.tellers},
        ) as follow_ups,
    ):
        paying = payments_vendor(settings, http, stores.database, orders.jobs, clock.now)
        own: list[Vendor] = [callback, email, media, paying]
        known = live_vendors(settings, http, also=own, adapters=kind.adapters)
        vendors = _chosen(known, kind.vendors)
        starter = ApartCommand(kind.command_of_child, settings)
        async with open_worker(
            stores.database,
            stores.redis,
            vendors,
            _worker_settings(settings, kind),
            follow_ups,
            redactions=Redactions(stores.database, is_unsettled),
            clock=clock,
            starter=starter,
            late_looks=payments.looks,
            counts=figures.counts,
        ) as worker:
            for signum in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(signum, worker.stop)
            settle_memory()
            async with (
                settings_told(settings, stores, known, WORKER_KIND) as told,
                watched(files_of(settings), told.after(partial(_reload, known, worker, vendors))),
                orphaned(worker.stop) if kind.apart else _looked_after(orders, payments, clock),
                books_compared(settings, orders, vendors, clock),
            ):
                await worker.run()


def _reload(known: LiveVendors, worker: Worker, vendors: Mapping[str, Vendor]) -> bool:
    """Whether the tables were taken; the worker follows them."""
    taken = known.reload()
    if taken:
        worker.follow(vendors)
    return taken


def _worker_settings(settings: Settings, kind: Kind) -> WorkerSettings:
    return WorkerSettings(
        kind.unique_name,
        concurrency=settings.concurrency,
        lease=timedelta(seconds=settings.lease_seconds),
        drain=timedelta(seconds=settings.drain_seconds),
        apart=kind.apart,
        retention=settings.retention,
    )


@asynccontextmanager
async def _looked_after(orders: OrdersHere, payments: PaymentsHere, clock: FleetClock) -> AsyncIterator[None]:
    async with orders_looked_after(orders, clock), payments_looked_after(payments, clock):
        yield


def _chosen(known: LiveVendors, wanted: tuple[str, ...] | None) -> Mapping[str, Vendor]:
    """The vendors to work for. Raises `ConfigurationError` for one that no table has."""
    for name in wanted or ():
        if name not in known:
            raise ConfigurationError(
                f"--vendors: no table names a vendor {name!r}; choose of {', '.join(sorted(known)) or 'none'}"
            )
    return known if wanted is None else known.only(wanted)
