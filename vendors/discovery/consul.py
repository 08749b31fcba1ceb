"""
Instances from Consul: those whose checks pass, by its HTTP API with blocking queries: a change is known at once.

Docs: https://developer.hashicorp.com/consul/api-docs/features/blocking and …/api-docs/health
Quirk: its index may go backwards, after a restore; then one begins again from 0. An answer may come without a change.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

import httpx
import msgspec
from consul.exceptions import ConsulException

from domain.balancing.instances import Instance
from vendors.discovery.addresses import instance_url
from vendors.discovery.consul_agent import WAIT_SECONDS, ConsulAgent
from vendors.discovery.keeping import Found, RegistryAway, Sleep, keep_asking

_BREATH_SECONDS = 0.1  # between two answers: its index may grow without end, with nothing changed


class _Weights(msgspec.Struct, rename="pascal", frozen=True):
    passing: int = 1


class _Service(msgspec.Struct, rename="pascal", frozen=True):
    port: int
    address: str = ""
    weights: _Weights = _Weights()


class _Node(msgspec.Struct, rename="pascal", frozen=True):
    address: str


class _Entry(msgspec.Struct, rename="pascal", frozen=True):
    node: _Node
    service: _Service


class Consul:
    """
    A `Discovery`. `url` is where an agent listens, such as `http://127.0.0.1:8500`; `service` the name it knows.

    `http` belongs to whoever gives it. A `token` goes along as `X-Consul-Token`, and nowhere else.
    """

    def __init__(  # noqa: PLR0913 - the last three are for the rare and for tests
        self,
        url: str,
        service: str,
        http: httpx.AsyncClient,
        *,
        token: str | None = None,
        scheme: str = "http",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._agent = ConsulAgent(url.rstrip("/"), http, token)
        self._service = service
        self._scheme = scheme
        self._sleep = sleep
        self._index = 0

    def watch(self) -> AsyncIterator[Sequence[Instance]]:
        return keep_asking(self._ask, self._service, self._sleep)

    async def _ask(self) -> Found:
        """Blocks while nothing changes. After trouble of any kind it begins anew: Consul may be another by then."""
        before, self._index = self._index, 0
        name, wait = quote(self._service, safe=""), f"{WAIT_SECONDS}s"
        try:
            index, entries = await self._agent.health.service(name, passing=True, index=before or None, wait=wait)
        except (ConsulException, RecursionError):  # its text may hold what Consul said
            raise RegistryAway("Consul's answer cannot be read") from None
        instances = _read(entries, self._scheme)
        self._index = _next_index(index, before)
        return Found(instances, _BREATH_SECONDS)


def _next_index(text: str, before: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise RegistryAway("Consul's answer has no index")
    index = int(text)
    return 0 if index < before else max(1, index)  # at least 1, or the next query would not block


def _read(said: object, scheme: str) -> list[Instance]:
    try:
        entries = msgspec.convert(said, list[_Entry])
    except msgspec.ValidationError:
        raise RegistryAway("Consul's answer is not what it promises") from None
    return [instance for entry in entries if (instance := _instance(entry, scheme)) is not None]


def _instance(entry: _Entry, scheme: str) -> Instance | None:
    """None for one that is registered without an address: it does not hide the others."""
    try:
        url = instance_url(scheme, entry.service.address or entry.node.address, entry.service.port)
    except ValueError:
        return None
    return Instance(url, max(1, entry.service.weights.passing))
