"""A name server on a real socket, over UDP, and over TCP for whoever is told that UDP has no room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rrset
from dns.asyncresolver import Resolver
from dns.rcode import Rcode


@dataclass
class DnsDouble(asyncio.DatagramProtocol):
    """Answers every SRV question with `records` (`priority weight port target`), or as the rest says."""

    records: list[str] = field(default_factory=list)
    ttl: int = 60
    rcode: Rcode = Rcode.NOERROR
    rubbish: bool = False
    truncated: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(b"rubbish" if self.rubbish else self._answer(data, self.truncated), addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2))
        answer = self._answer(await reader.readexactly(length), truncated=False)
        writer.write(len(answer).to_bytes(2) + answer)
        writer.close()
        await writer.wait_closed()

    def resolver(self) -> Resolver:
        resolver = Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.port
        resolver.lifetime = 20.0 if not self.rubbish else 0.2
        return resolver

    def _answer(self, query: bytes, truncated: bool) -> bytes:
        question = dns.message.from_wire(query)
        [asked] = question.question
        self.asked.append(asked.to_text())
        reply = dns.message.make_response(question)
        reply.set_rcode(self.rcode)
        if truncated:
            reply.flags |= dns.flags.TC
        elif self.records and self.rcode == Rcode.NOERROR:
            reply.answer.append(dns.rrset.from_text(asked.name, self.ttl, "IN", "SRV", *self.records))
        return reply.to_wire()


@asynccontextmanager
async def name_server(*records: str) -> AsyncIterator[DnsDouble]:
    double = DnsDouble(list(records))
    server = await asyncio.start_server(double.serve, "127.0.0.1", 0)
    double.port = server.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: double, local_addr=("127.0.0.1", double.port)
    )
    try:
        yield double
    finally:
        transport.close()
        server.close()
        await server.wait_closed()
