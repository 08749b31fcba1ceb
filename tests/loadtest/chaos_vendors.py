"""The chaos vendors in the loop of a test, with a client for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from loadtest.chaos.journal import read_journal
from loadtest.chaos.records import AnyRecord
from loadtest.chaos.vendor import ChaosVendors
from loadtest.chaos.vendor_faults import Faults
from loadtest.vendors.signing import fresh_id

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGVzZSB0ZXN0cw=="


@dataclass(frozen=True)
class Running:
    url: str
    journal: Path
    http: httpx.AsyncClient

    async def call(self, vendor: str, job: str = "", generation: int = 1) -> httpx.Response:
        job = job or fresh_id("job")
        headers = {"Idempotency-Key": f"{job}:call:{generation}", "X-Request-ID": job}
        return await self.http.post(f"{self.url}/{vendor}", content=b'{"n":1}', headers=headers)

    async def control(self, word: str, **said: object) -> httpx.Response:
        return await self.http.put(f"{self.url}/control/{word}", json=said)

    def records(self) -> list[AnyRecord]:
        return list(read_journal(self.journal))


@asynccontextmanager
async def chaos_vendors(
    journal: Path, *, webhooks: str = "http://127.0.0.1:9", calm: bool = True, faults: Faults | None = None
) -> AsyncIterator[Running]:
    """`webhooks` leads nowhere by default."""
    vendors = ChaosVendors(journal, faults or Faults(1), secret=SECRET, webhooks=[webhooks])
    port = await vendors.open("127.0.0.1", 0)
    async with httpx.AsyncClient() as http:
        running = Running(f"http://127.0.0.1:{port}", journal, http)
        try:
            if calm:
                await running.control("calm")
            yield running
        finally:
            await vendors.close()
