"""
`/health`: is the process alive, and do the parts answer that it needs?

`live` asks nothing of the outside, so that nobody restarts a process because MongoDB is away.
"""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from domain.errors import NotFound, Unavailable
from domain.ports import HealthCheck

PATIENCE_SECONDS = 2.5  # a check answers within 2 s; this is the net under one that does not


class PartHealth(msgspec.Struct, frozen=True, omit_defaults=True):
    status: Literal["up", "down"]
    latency_ms: float
    detail: str | None = None


class Health(msgspec.Struct, frozen=True):
    status: Literal["up", "down"]
    parts: dict[str, PartHealth]


def health_routes(checks: Sequence[HealthCheck]) -> list[HTTPRouteHandler]:
    """`/health` and `/health/ready` ask every part, `/health/{part}` asks one, `/health/live` none."""

    @get(["/health", "/health/ready"])
    async def everything() -> Response[bytes]:
        return _answer(await _ask(checks))

    @get("/health/live")
    async def alive() -> Response[bytes]:
        return _answer({})

    @get("/health/{part:str}")
    async def one_part(part: FromPath[str]) -> Response[bytes]:
        asked = [check for check in checks if check.name == part]
        if not asked:
            raise NotFound(f"there is no part of that name; there are {', '.join(check.name for check in checks)}")
        return _answer(await _ask(asked))

    return [everything, alive, one_part]


async def _ask(checks: Sequence[HealthCheck]) -> dict[str, PartHealth]:
    answers = await asyncio.gather(*(_ask_one(check) for check in checks))
    return {check.name: answer for check, answer in zip(checks, answers, strict=True)}


async def _ask_one(check: HealthCheck) -> PartHealth:
    begun = time.perf_counter()
    fault = None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check.check()
    except Unavailable as unavailable:
        fault = unavailable.detail
    except TimeoutError:
        fault = f"no answer within {PATIENCE_SECONDS} s"
    latency_ms = round((time.perf_counter() - begun) * 1_000, 1)
    return PartHealth("down" if fault else "up", latency_ms, fault)


def _answer(parts: dict[str, PartHealth]) -> Response[bytes]:
    up = all(part.status == "up" for part in parts.values())
    body = msgspec.json.encode(Health("up" if up else "down", parts))
    status = HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Cache-Control": "no-store"} if up else {"Cache-Control": "no-store", "Retry-After": "1"}
    return Response(body, status_code=status, media_type=MediaType.JSON, headers=headers)
