"""A request's body on its way to an instance."""

import asyncio
from collections.abc import AsyncIterator


class Upload:
    """
    Passes the pieces on as they are asked for. The `clock` of the call stands still while a client is waited for:
    what an instance is given time for is its own part.

    `begun`: a piece was asked for, so that the body cannot be sent to another instance. `fault` is what it raised.
    """

    def __init__(self, body: AsyncIterator[bytes], seconds: float) -> None:
        self.begun = False
        self.fault: Exception | None = None
        self._body = body
        self._seconds = seconds
        self._clock: asyncio.Timeout | None = None

    def timed_by(self, clock: asyncio.Timeout | None) -> None:
        self._clock = clock

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.begun = True
        self._set(None)
        try:
            return await anext(self._body)
        except StopAsyncIteration:
            raise
        except Exception as fault:
            self.fault = fault
            raise
        finally:
            self._set(asyncio.get_running_loop().time() + self._seconds)

    def _set(self, when: float | None) -> None:
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(when)
