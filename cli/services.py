"""The services behind the gateway, as their tables want them: how their instances are found, checked and guarded."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

import httpx

from api.ports import ServicePorts
from cli.settings import Settings
from cli.watching import table_environment
from domain.balancing.balancer import Balancer
from domain.balancing.checking import keep_checking, keep_following
from domain.balancing.ports import Breakers, Discovery
from domain.balancing.returning import Looks, keep_letting_in
from domain.services import Services, breaker_key
from vendors.discovery.consul import Consul
from vendors.discovery.dns_srv import DnsSrv
from vendors.discovery.listed import Listed
from vendors.discovery.pings import HttpPings
from vendors.services.live import Begin, LiveServices, open_services
from vendors.services.reading import read_services
from vendors.services.settings import ServiceTable


@asynccontextmanager
async def open_live_services(settings: Settings, breakers: Breakers, looks: Looks) -> AsyncIterator[LiveServices]:
    """`looks` are at the same breakers. Raises `ConfigurationError` for a table that is wrong."""
    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=None)) as http:
        read = partial(_read, settings)
        async with open_services(read, partial(_looked_after, http, looks), breakers) as services:
            yield services


def service_ports(settings: Settings, services: Services) -> ServicePorts:
    return ServicePorts(services, settings.trusted_hops)


def _read(settings: Settings) -> dict[str, ServiceTable]:
    return read_services(settings.vendors_files, table_environment(settings))


def _looked_after(
    http: httpx.AsyncClient, looks: Looks, name: str, table: ServiceTable, balancer: Balancer
) -> Iterable[Begin]:
    yield partial(keep_following, balancer, _discovery(http, table))
    yield partial(keep_letting_in, balancer, looks, partial(breaker_key, name))
    if table.health is not None:
        pings = HttpPings(http, table.health.path)
        yield partial(keep_checking, balancer, pings, table.health.every_seconds)


def _discovery(http: httpx.AsyncClient, table: ServiceTable) -> Discovery:
    if table.srv is not None:
        return DnsSrv(table.srv, scheme=table.scheme)
    if table.consul is not None:
        token = None if table.consul_token is None else table.consul_token.get_secret_value()
        return Consul(table.consul_url, table.consul, http, token=token, scheme=table.scheme)
    return Listed(table.instances)
