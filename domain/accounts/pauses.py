"""
Pauses before what is done behind an answer's back.

A request right behind the answer would share the process with it, and be slower where there is something to do: five
milliseconds that told who has an account, though the answer itself told nothing.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

LONGEST_SECONDS = 1.0  # two hundred times what is to be hidden; nobody waits for a mail that closely

Pause = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """None, for who measures nothing."""


async def some_time() -> None:
    """How long is chance, and nobody's to foresee."""
    await asyncio.sleep(LONGEST_SECONDS * secrets.randbelow(1_000) / 1_000)
