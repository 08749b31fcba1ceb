"""
What all streams of server-sent events have in common: their headers, their heartbeat, and how they wait for news.

Format: HTML, section 9.2 (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from domain.errors import TooMany, Unavailable

HEARTBEAT_SECONDS = 15.0  # under the 30 s to 60 s of silence after which proxies commonly hang up
LOOK_AGAIN_SECONDS = 1.0  # when the store did not answer
HEARTBEAT = b": still here\n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}

News = TypeVar("News")


async def next_news(
    news: Awaitable[News | None],
    ask_again: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
    look_again_seconds: float,
) -> News | None:
    """
    What there is to tell, once `ask_again` has let the client know it; None where the process stops, or nobody can say.

    Raises what `news` does, and `ask_again`: `Unauthenticated` once what opened the stream is revoked, locked or over.
    """
    try:
        found = await _unless_stopped(news, stopping)
        await ask_again()
    except (Unavailable, TooMany):
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), look_again_seconds)
        return None
    return found


async def _unless_stopped(news: Awaitable[News | None], stopping: asyncio.Event) -> News | None:
    told, stop = asyncio.ensure_future(news), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({told, stop}, return_when=asyncio.FIRST_COMPLETED)
        return told.result() if told.done() else None
    finally:
        told.cancel()
        stop.cancel()
