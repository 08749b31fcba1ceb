"""A fake of `Services`: what it was asked is kept, and what it answers is said beforehand."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from api.ports import ServicePorts
from domain.errors import GatewayError
from domain.services import Header, ProxyRequest, ServicePolicy


@dataclass
class FakeReply:
    status: int = 200
    headers: Sequence[Header] = ((b"content-type", b"application/json"),)
    body: Sequence[bytes] = (b'{"instance": ', b'"user-1"}')
    fault: GatewayError | None = None  # after the body
    closed: int = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in self.body:
            await asyncio.sleep(0)  # as any that reads from elsewhere
            yield piece
        if self.fault is not None:
            raise self.fault

    async def close(self) -> None:
        self.closed += 1


@dataclass
class FakeServices:
    """Reads bodies whole. Its services are those of `policies`."""

    policies: dict[str, ServicePolicy] = field(default_factory=lambda: {"user": ServicePolicy()})
    reply: FakeReply = field(default_factory=FakeReply)
    fault: Exception | None = None
    asked: list[tuple[str, ProxyRequest, bytes]] = field(default_factory=list)

    def policy(self, name: str) -> ServicePolicy | None:
        return self.policies.get(name)

    async def open(self, name: str, request: ProxyRequest, body: AsyncIterator[bytes]) -> FakeReply:
        self.asked.append((name, request, b"".join([piece async for piece in body])))
        if self.fault is not None:
            raise self.fault
        return self.reply


def fake_services(*names: str) -> ServicePorts:
    return ServicePorts(FakeServices({name: ServicePolicy() for name in names or ("user",)}))
