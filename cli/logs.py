"""Logs to stderr: lines for people on a terminal, JSON lines otherwise. Never a payload or a secret in one."""

import logging
import sys

import structlog
from structlog.typing import Processor

OF_LIBRARIES = "%(levelname)s %(name)s %(message)s"


def start_logging(level: str) -> None:
    """Configure structlog and the standard library alike; libraries speak from warnings up."""
    structlog.configure(
        processors=processors(people=sys.stderr.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=OF_LIBRARIES)


def processors(*, people: bool) -> list[Processor]:
    """From an event to its line. No traceback shows locals, as structlog has it where Rich is: they hold passwords."""
    lines: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *lines,
    ]
