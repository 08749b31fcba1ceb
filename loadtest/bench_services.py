"""The figures of the proxy: what it costs beside less of one and none, how even it is, what a large body takes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadtest.lab import Lab, Row, compare
from loadtest.own_gateway import free_port
from loadtest.raw_http import Tally, blast, connect, request_bytes

PATH = "/services/user/profile"
LARGE = 200 * 1024 * 1024
_PIECE = 256 * 1024
_ROUNDS = 3  # each of the two in turn: a shared machine is now faster, now slower


async def measure_services(lab: Lab, calls: int = 6_000) -> list[Row]:
    """The sample instances are one process of Python, so that they bound all three."""
    instances = [each["url"] for each in (await lab.ask_vendors("GET", "/control/services"))["user"]]
    ours = request_bytes("GET", PATH, headers=f"Authorization: Bearer {lab.admin_key}\r\n")
    theirs = request_bytes("GET", PATH)
    async with baseline_proxy(lab, instances) as url:
        await blast(lab.host, 10, 100, ours)
        await lab.ask_vendors("DELETE", "/control/services")
        await _rate(lab.host, 3_000, ours)
        counted = [each["calls"] for each in (await lab.ask_vendors("GET", "/control/services"))["user"]]
        rates = [(await _rate(lab.host, calls, ours), await _rate(url, calls, theirs)) for _ in range(_ROUNDS)]
        alone = [(await blast(host, 1, 500, asked))[0] for host, asked in ((lab.host, ours), (url, theirs))]
    direct, _ = await blast(instances[0], 1, 500, request_bytes("GET", "/profile"))
    ordered = sorted(rates, key=lambda pair: pair[0] / pair[1])[_ROUNDS // 2]
    return [
        compare(f"GET {PATH} at 100 connections, a second, the median of {_ROUNDS} rounds", *ordered),
        Row("… of 3,000 calls, counted at the three instances (target: they differ by at most 1)", f"{counted}"),
        Row(
            "… one after the other, p50 / p99, ms; straight to the instance",
            _both(alone[0]),
            _both(alone[1]),
            _both(direct),
        ),
        *[await _large(lab, *way) for way in (("down", _download), ("up", _upload))],
    ]


async def _rate(host: str, calls: int, request: bytes) -> float:
    tally, took = await blast(host, 100, calls, request)
    assert set(tally.statuses) == {200}, tally.statuses  # noqa: S101 - anything else would be no measurement
    return calls / took


def _both(tally: Tally) -> str:
    return f"{tally.percentile_ms(0.5):.2f} / {tally.percentile_ms(0.99):.1f}"


@asynccontextmanager
async def baseline_proxy(lab: Lab, instances: list[str]) -> AsyncIterator[str]:
    port = free_port()
    with lab.process(str(port), ",".join(instances), module="loadtest.baseline_proxy"):
        url = f"http://127.0.0.1:{port}"
        while True:
            with suppress(OSError):
                (await connect(url)).close()
                break
            await asyncio.sleep(0.05)
        await blast(url, 10, 100, request_bytes("GET", PATH))
        yield url


async def _large(lab: Lab, what: str, pass_on: Callable[[Lab], Awaitable[None]]) -> Row:
    api = int((Path(lab.environment["GATEWAY_HOME"]) / "api.pid").read_text())
    await pass_on(lab)  # buffers and what is imported late are there
    before, peak = _resident_mib(api), 0.0
    began = asyncio.get_running_loop().time()
    task = asyncio.ensure_future(pass_on(lab))
    while not task.done():
        await asyncio.wait([task], timeout=0.02)
        peak = max(peak, _resident_mib(api))
    await task
    took = asyncio.get_running_loop().time() - began
    grown = f"{max(0.0, peak - before):.1f}; {LARGE / 1024**2 / took:,.0f}"
    return Row(f"200 MB {what}: growth of the HTTP process, MiB (target below 10); MiB/s", grown)


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


async def _download(lab: Lab) -> None:
    async with _asked(lab, f"GET /services/user/bytes/{LARGE} HTTP/1.1\r\n") as (reader, _):
        left = LARGE
        while left:
            left -= len(await reader.read(min(left, _PIECE)))


async def _upload(lab: Lab) -> None:
    piece = bytes(_PIECE)
    async with _asked(lab, f"PUT /services/user/echo HTTP/1.1\r\nContent-Length: {LARGE}\r\n", begun=False) as (
        reader,
        writer,
    ):
        for _ in range(LARGE // _PIECE):
            writer.write(piece)
            await writer.drain()
        assert b" 200 " in await reader.readline()  # noqa: S101 - it took all of it


@asynccontextmanager
async def _asked(lab: Lab, head: str, *, begun: bool = True) -> AsyncIterator[tuple[Any, Any]]:
    """A connection on which the head was sent and, with `begun`, that of a 200 was read."""
    place = urlsplit(lab.host)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(f"{head}Host: bench\r\nAuthorization: Bearer {lab.admin_key}\r\n\r\n".encode())
        if begun:
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")  # noqa: S101
        yield reader, writer
    finally:
        writer.close()
