"""A client of the gateway and of the simulated vendors' control routes, as a stranger would write them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

PATIENCE_SECONDS = 90.0  # far above what anything here takes, so that a busy machine fails no test
ENDED = frozenset({"complete", "failed", "cancelled"})

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True)
class Jobs:
    """`/jobs` over HTTP."""

    http: httpx.AsyncClient

    async def post(self, body: Json | bytes, **headers: str) -> httpx.Response:
        """`headers` are written with underscores."""
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if isinstance(body, bytes):
            return await self.http.post("/jobs", content=body, headers=sent)
        return await self.http.post("/jobs", json=body, headers=sent)

    async def submit(self, payload: object = None, *, vendor: str = "sync", **fields: Any) -> str:
        """The request_id of a job that was accepted."""
        answer = await self.post({"vendorType": vendor, "vendorPayload": payload, **fields})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["request_id"])

    async def submit_many(self, count: int, payload: object = None, *, vendor: str = "sync") -> list[str]:
        return await asyncio.gather(*(self.submit(payload, vendor=vendor) for _ in range(count)))

    async def insist(self, key: str, payload: object = None) -> str:
        """
        The request_id that a client gets which repeats itself under one key until it is heard.

        What it may meet meanwhile is a dead connection, or a 503 that says when to come back.
        """
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            with suppress(httpx.TransportError):
                answer = await self.post({"vendorType": "sync", "vendorPayload": payload}, Idempotency_Key=key)
                if answer.status_code == 202:
                    return str(answer.json()["request_id"])
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
                assert int(answer.headers["Retry-After"]) >= 1
            await asyncio.sleep(0.1)
        raise AssertionError("nobody listens")

    async def show(self, request_id: str, **headers: str) -> Json:
        """The job as it stands, its attempts too."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        answer = await self.http.get(f"/jobs/{request_id}", params={"expand": "attempts"}, headers=sent)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def ended(self, request_id: str) -> Json:
        return await self.seen(request_id, lambda job: job["status"] in ENDED)

    async def all_ended(self, request_ids: Sequence[str]) -> list[Json]:
        return await asyncio.gather(*(self.ended(request_id) for request_id in request_ids))

    async def seen(self, request_id: str, enough: Callable[[Json], object]) -> Json:
        """The job once it is as wanted; asked for by long polls, each of which tells the next change."""
        give_up_at, tag = time.monotonic() + PATIENCE_SECONDS, '""'
        while True:
            headers = {"Prefer": "wait=5", "If-None-Match": tag}
            answer = await self.http.get(f"/jobs/{request_id}", params={"expand": "attempts"}, headers=headers)
            if answer.status_code == 200 and enough(job := dict(answer.json())):
                return job
            assert answer.status_code in {200, 304, 503}, answer.text  # 503: a store is away, as many tests want it
            assert time.monotonic() < give_up_at, answer.text
            tag = answer.headers.get("ETag", tag)
            await asyncio.sleep(0.02)


@dataclass(frozen=True)
class VendorControl:
    """The simulated vendors' ledger and script."""

    http: httpx.AsyncClient

    async def tell(self, *script: Json, vendor: str = "sync") -> None:
        (await self.http.put(f"/control/{vendor}", json=list(script))).raise_for_status()

    async def calls(self, request_id: str | None = None) -> list[Json]:
        """In order of arrival, those in flight too."""
        params = {} if request_id is None else {"request_id": request_id}
        return list((await self.http.get("/control/calls", params=params)).raise_for_status().json()["calls"])

    async def calls_of(self, request_ids: Sequence[str]) -> list[Json]:
        wanted = set(request_ids)
        return [call for call in await self.calls() if call.get("request_id") in wanted]

    async def effects(self, request_ids: Sequence[str]) -> list[int]:
        """How often each job was really done, in the order of `request_ids`."""
        done = [call["request_id"] for call in await self.calls_of(request_ids) if call.get("effect")]
        return [done.count(request_id) for request_id in request_ids]

    async def body(self, request_id: str) -> bytes:
        """What the last call of a job brought."""
        answer = await self.http.get("/control/body", params={"request_id": request_id})
        return answer.raise_for_status().content

    async def deliveries(self, request_id: str) -> list[Json]:
        """Every webhook of a job that was sent so far, tries that failed too, in order."""
        answer = await self.http.get("/control/webhooks", params={"request_id": request_id})
        return list(answer.raise_for_status().json()["deliveries"])

    async def told(self, request_id: str, events: int = 1) -> list[Any]:
        """What each delivery was answered, once so many were taken, refused for good or given up."""

        async def over() -> list[Json] | None:
            found = await self.deliveries(request_id)
            return found if sum(delivery.get("over", False) for delivery in found) >= events else None

        return [delivery["answered"] for delivery in await until(over) or []]

    async def in_flight(self, request_ids: Sequence[str]) -> int:
        return sum("answered" not in call for call in await self.calls_of(request_ids))


def client_of(url: str) -> httpx.AsyncClient:
    # Shorter than the 5 s after which the server closes an idle connection.
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=2)
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, limits=limits, trust_env=False)


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """What `look` answers, once that is something."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := await look()):
        assert time.monotonic() < give_up_at, "waited in vain"
        await asyncio.sleep(0.02)
    return found
