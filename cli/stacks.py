"""Stacks in the log: a bug that is met ten thousand times is one to read, and must not fill the disk."""

import sys
import time
import traceback
from collections.abc import Callable

from structlog.typing import EventDict

from domain.bugs import place_of

AGAIN_SECONDS = 10.0
MOST_KNOWN = 1_000

Stack = tuple[str, tuple[tuple[str, int], ...]]


class Sparing:
    """
    A processor of structlog: each stack once in `AGAIN_SECONDS`, by whoever met it.

    Of the others the line stays, with its `trace_id` and in the stack's place what it was, and where.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[Stack, float] = {}

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        fault = fault_in(event.get("exc_info"))
        if fault is None or not self._was_told(_stack_of(fault)):
            return event
        kept = {key: value for key, value in event.items() if key != "exc_info"}
        return {**kept, "bug": type(fault).__name__, "place": place_of(fault), "stack": "told a moment ago"}

    def _was_told(self, stack: Stack) -> bool:
        now = self._clock()
        if now - self._told.get(stack, float("-inf")) < AGAIN_SECONDS:
            return True
        if len(self._told) >= MOST_KNOWN:
            self._told.clear()
        self._told[stack] = now
        return False


def fault_in(told: object) -> BaseException | None:
    """The exception that `exc_info` stands for, in any of its forms."""
    if told is True:
        return sys.exception()
    fault = told[1] if isinstance(told, tuple) else told
    return fault if isinstance(fault, BaseException) else None


def _stack_of(fault: BaseException) -> Stack:
    frames = traceback.walk_tb(fault.__traceback__)
    return type(fault).__name__, tuple((frame.f_code.co_filename, line) for frame, line in frames)
