"""The API in the HTTP process: what its routes stand on, opened and handed to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from litestar.types import ASGIApp

import api.app
from api.brakes import Pace
from api.ports import ApiPorts
from cli.accounts import open_accounts, open_callers
from cli.commerce import commerce_ports
from cli.credentials import cursor_secret, ensure_bootstrap_key
from cli.exposition import PrometheusText
from cli.figures import Figures
from cli.fleet_figures import FleetFigures
from cli.home import Home
from cli.limits import browser_rules, request_limits
from cli.notices import notice_ports, short_link_ports
from cli.orders import order_ports
from cli.own_vendors import own_policies
from cli.payments import payment_ports
from cli.services import service_ports
from cli.settings import Settings
from cli.stores import Stores
from domain.backpressure import Ceilings
from domain.commerce.kept_payments import KeepsPayments
from domain.counted import CountedIntake
from domain.counted_calls import CountedServices
from domain.infra.breakers import RedisBreakers
from domain.infra.configurations import open_configurations
from domain.infra.follow_ups import open_follow_ups
from domain.infra.intake import open_intake
from domain.infra.job_control import open_job_control
from domain.infra.job_reader import open_job_reader
from domain.infra.mongo import MongoHealth
from domain.infra.queue import Queue
from domain.infra.redis import RedisHealth
from domain.infra.vendor_controls import HeardControls, StoredControls
from domain.infra.vendor_states import open_vendor_states
from domain.vendor_states import VendorStandings
from vendors.live import LiveVendors
from vendors.services.live import LiveServices


@dataclass(frozen=True, slots=True)
class Behind:
    """What the API stands on."""

    stores: Stores
    vendors: LiveVendors
    services: LiveServices
    breakers: RedisBreakers  # of the services' instances
    health: tuple[MongoHealth, RedisHealth]
    figures: Figures


@asynccontextmanager
async def open_api(settings: Settings, behind: Behind, stopping: asyncio.Event) -> AsyncIterator[ASGIApp]:
    stores, vendors, figures = behind.stores, behind.vendors, behind.figures
    home = _home_with_key(settings)
    queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
    ceilings = Ceilings(settings.vendor_backlog, settings.client_backlog)
    tables, controls = vendors.policies_beside(own_policies(settings)), HeardControls(stores.database)
    async with (
        controls.followed(stores.redis),
        open_vendor_states(stores.database, queue, tables, controls, vendors.instances) as vendor_states,
        open_intake(stores.database, queue, ceilings=ceilings, states=vendor_states) as mongo_intake,
        open_job_reader(stores.database, stores.redis, stopping=stopping) as jobs,
        open_follow_ups(stores.database, queue, settings.public_base) as follow_ups,
        open_job_control(
            stores.database, stores.redis, queue, follow_ups, retention=settings.retention, counts=figures.counts
        ) as control,
        nullcontext(CountedIntake(mongo_intake, figures.counts)) as intake,
        open_accounts(settings, stores, intake) as accounts,
        open_callers(settings, accounts) as callers,
        open_configurations(stores.database, stores.redis, stopping=stopping) as configurations,
    ):
        yield api.app.build_app(
            ApiPorts(
                intake=intake,
                jobs=jobs,
                control=KeepsPayments(control, jobs),
                vendors=vendors,
                vendor_states=vendor_states,
                vendor_controls=StoredControls(stores.database, stores.redis, tables, controls),
                callers=callers,
                anonymous_allowed=settings.anonymous,
                cursor_secret=cursor_secret(home),
                health=behind.health,
                accounts=accounts,
                commerce=commerce_ports(settings, stores),
                orders=order_ports(settings, stores, accounts.post, queue),
                notices=notice_ports(settings, stores, accounts),
                payments=payment_ports(settings, stores, queue),
                short_links=short_link_ports(settings, stores),
                configurations=configurations,
                exposition=PrometheusText(figures, home.metrics, _fleet(behind, vendor_states)),
                counts=figures.counts,
                services=service_ports(settings, CountedServices(behind.services, figures.counts)),
                limits=request_limits(settings, stores.redis),
                brake=Pace().wait,
                browsers=browser_rules(settings),
                callbacks_anywhere=settings.env == "development",
                stopping=stopping,
            )
        )


def _home_with_key(settings: Settings) -> Home:
    home = Home.at(settings.home)
    key = ensure_bootstrap_key(home)
    if key is not None:
        print(f"bootstrap admin key, shown this once: {key}", flush=True)
    return home


def _fleet(behind: Behind, standings: VendorStandings) -> FleetFigures:
    return FleetFigures(standings, behind.health, behind.services, behind.breakers)
