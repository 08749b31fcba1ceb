"""Services behind a whole gateway: its samples, three instances each, which die, hang and come back."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.client import client_of, until
from tests.system.running import Gateway

pytestmark = pytest.mark.system

CALLS = 300
LARGE = 200 * 1024 * 1024
PIECE = bytes(256 * 1024)
MOST_GROWTH_KIB = 10 * 1024


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway.url) as client:
        client.headers["Authorization"] = f"Bearer {gateway.key}"
        yield client


class Samples:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def tell(self, service: str, number: int, **wish: Any) -> None:
        (await self._http.put(f"/control/services/{service}/{number}", json=wish)).raise_for_status()

    async def calls(self, service: str) -> list[int]:
        shown = (await self._http.get("/control/services")).raise_for_status().json()
        return [each["calls"] for each in shown[service]]


@pytest.fixture
async def samples(gateway: Gateway) -> AsyncIterator[Samples]:
    """All well, and nothing counted."""
    async with client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as client:
        (await client.delete("/control/services")).raise_for_status()
        yield Samples(client)
        (await client.delete("/control/services")).raise_for_status()


async def test_calls_are_spread_evenly_over_the_instances(http: httpx.AsyncClient, samples: Samples) -> None:
    room = asyncio.Semaphore(20)

    async def ask() -> str:
        async with room:
            answer = await http.get("/product/list")
            assert answer.status_code == 200, answer.text
            return str(answer.json()["instance"])

    told = await asyncio.gather(*(ask() for _ in range(CALLS)))
    assert {name: told.count(name) for name in set(told)} == {f"product-{number}": CALLS // 3 for number in (1, 2, 3)}
    assert await samples.calls("product") == [CALLS // 3] * 3


async def test_nobody_notices_an_instance_that_dies_and_it_comes_back(
    http: httpx.AsyncClient, samples: Samples
) -> None:
    await samples.tell("user", 2, mode="dead")
    for _ in range(10):
        answer = await http.get("/user/profile")
        assert (answer.status_code, answer.json()["instance"] == "user-2") == (200, False)
    await samples.tell("user", 2)

    async def answers_again() -> bool:
        return str((await http.get("/user/profile")).json().get("instance")) == "user-2"

    await until(answers_again)


async def test_who_asks_is_told_to_the_instance_and_nobody_comes_in_unknown(
    gateway: Gateway, http: httpx.AsyncClient, samples: Samples
) -> None:
    answer = await http.get("/services/user/echo?x=%2e", headers={"X-Gateway-Client": "mallory"})
    told = answer.json()
    assert (told["client"], told["target"]) == ("admin", "/echo?x=%2e")
    assert "authorization" not in told["headers"]
    before = await samples.calls("user")
    async with client_of(gateway.url) as stranger:
        assert (await stranger.get("/user/profile")).status_code == 401
    assert await samples.calls("user") == before


async def test_200_mb_up_and_down_leave_no_trace_in_memory(
    gateway: Gateway, http: httpx.AsyncClient, samples: Samples
) -> None:
    """Slow: so many bytes through four sockets on one machine."""
    pid = gateway.pid("api")
    await upload(http, 4 * len(PIECE))  # connections, and whatever is made once
    await download(http, 4 * len(PIECE))
    before = highest_kib(pid, anew=True)
    await upload(http, LARGE)
    await download(http, LARGE)
    assert highest_kib(pid) - before < MOST_GROWTH_KIB


async def upload(http: httpx.AsyncClient, size: int) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(PIECE)):
            yield PIECE

    answer = await http.put("/services/user/echo", content=pieces())
    assert (answer.status_code, answer.json()["body_bytes"]) == (200, size)


async def download(http: httpx.AsyncClient, size: int) -> None:
    came = 0
    async with http.stream("GET", f"/services/user/bytes/{size}") as answer:
        async for piece in answer.aiter_raw():
            came += len(piece)
    assert came == size


def highest_kib(pid: int, *, anew: bool = False) -> int:
    """The most memory that a process held, or since it was asked last."""
    if anew:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])
