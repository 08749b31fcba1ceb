"""
Instances from DNS: SRV records (RFC 2782), asked again when their time to live is over.

A weight of 0 is a very small one beside others, and the same for all where all have it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.rdtypes.IN.SRV import SRV
from dns.resolver import NXDOMAIN, NoAnswer

from domain.balancing.instances import Instance
from vendors.discovery.addresses import instance_url
from vendors.discovery.keeping import Found, RegistryAway, Sleep, keep_asking

SHORTEST_PAUSE_SECONDS = 1.0  # a time to live of 0 means: do not keep it, not: ask without end
LONGEST_PAUSE_SECONDS = 300.0


class DnsSrv:
    """
    A `Discovery`. `name` is like `_http._tcp.user.example`.

    `resolver` is the system's own (`/etc/resolv.conf`) unless given; it remembers nothing by itself.
    """

    def __init__(
        self, name: str, resolver: Resolver | None = None, *, scheme: str = "http", sleep: Sleep = asyncio.sleep
    ) -> None:
        self._name = name
        self._resolver = resolver
        self._scheme = scheme
        self._sleep = sleep

    def watch(self) -> AsyncIterator[Sequence[Instance]]:
        return keep_asking(self._ask, self._name, self._sleep)

    async def _ask(self) -> Found:
        try:
            self._resolver = self._resolver or Resolver()
            answer = await self._resolver.resolve(self._name, "SRV", search=False)
        except (NXDOMAIN, NoAnswer):
            raise RegistryAway("there is no such SRV record") from None
        except (DNSException, OSError, ValueError) as error:  # ValueError: dnspython's, of what it cannot read
            raise RegistryAway(type(error).__name__) from None
        records = [record for record in answer if isinstance(record, SRV)]
        ttl = 0 if answer.rrset is None else answer.rrset.ttl
        pause = min(max(float(ttl), SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        return Found(_read(records, self._scheme), pause)


def _read(records: Sequence[SRV], scheme: str) -> list[Instance]:
    return [instance for record in records if (instance := _instance(record, scheme)) is not None]


def _instance(record: SRV, scheme: str) -> Instance | None:
    """None for what is no address, such as ".", which says that nobody is there: it does not hide the others."""
    try:
        url = instance_url(scheme, record.target.to_text(omit_final_dot=True), record.port)
    except ValueError:
        return None
    return Instance(url, max(1, record.weight), record.priority)
