"""Logs to stderr: lines for people on a terminal, JSON lines otherwise. Never a payload or a secret in one."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from structlog.typing import EventDict, Processor

from cli.stacks import Sparing, fault_in
from domain.bugs import Bug, place_of

OF_LIBRARIES = "%(levelname)s %(name)s %(message)s"
TELL_OF_BUGS = ("asyncio", "uvicorn.error")  # libraries that run our code, and log what it raises

NoteBug = Callable[[Bug], None]


def start_logging(level: str, note_bug: NoteBug | None = None) -> None:
    """
    Configure structlog and the standard library alike; libraries speak from warnings up.

    `note_bug` is told of every bug that is logged, by any thread.
    """
    noting: list[Processor] = [] if note_bug is None else [noting_bugs(note_bug)]
    structlog.configure(
        processors=[*noting, *processors(people=sys.stderr.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=OF_LIBRARIES)
    if note_bug is not None:
        for name in TELL_OF_BUGS:
            logging.getLogger(name).addHandler(BugHandler(note_bug))


def processors(*, people: bool) -> list[Processor]:
    """From an event to its line. No traceback shows locals, as structlog has it where Rich is: they hold passwords."""
    lines: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return [
        Sparing(),
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *lines,
    ]


def noting_bugs(note_bug: NoteBug) -> Processor:
    """
    Tells of bugs: what is logged as an error with a stack is one.

    Where a stranger's text may stand in the exception, it is logged by its kind and place instead: `bug=, place=`.
    """

    def note(_logger: object, method: str, event: EventDict) -> EventDict:
        if method in {"error", "exception", "critical"}:
            fault = fault_in(event.get("exc_info"))
            trace = str(event.get("trace_id") or event.get("request_id") or event.get("event_id") or "")
            if fault is not None:
                note_bug(_bug(type(fault).__name__, place_of(fault), str(event.get("event", "")), trace))
            elif "bug" in event and "place" in event:
                note_bug(_bug(str(event["bug"]), str(event["place"]), str(event.get("event", "")), trace))
        return event

    return note


class BugHandler(logging.Handler):
    """The same of a library's logger. Its message is left out: it may hold anything."""

    def __init__(self, note_bug: NoteBug) -> None:
        super().__init__(logging.ERROR)
        self._note_bug = note_bug

    def emit(self, record: logging.LogRecord) -> None:
        fault = fault_in(record.exc_info)
        if fault is not None:
            self._note_bug(_bug(type(fault).__name__, place_of(fault), f"told by {record.name}", ""))


def _bug(kind: str, place: str, what: str, trace: str) -> Bug:
    return Bug(datetime.now(UTC), "", kind, place, what, trace)
