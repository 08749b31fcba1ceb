"""Logs: one line an event, and no traceback that shows what stood in the variables."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from cli.logs import BugHandler, noting_bugs, processors
from cli.stacks import AGAIN_SECONDS, Sparing
from domain.bugs import Bug

PASSWORD = "correct horse battery staple"


def line_of(*, people: bool) -> str:
    """An event with a traceback through somebody's password, as it would be written."""

    def sign_in(password: str) -> None:
        raise RuntimeError(f"of {len(password)} characters")

    written = io.StringIO()
    log = structlog.wrap_logger(structlog.PrintLogger(written), processors=processors(people=people))
    try:
        sign_in(PASSWORD)
    except RuntimeError:
        log.exception("unforeseen")
    return written.getvalue()


@pytest.mark.parametrize("people", [True, False], ids=["a terminal", "a file"])
def test_a_traceback_shows_no_variables(people: bool) -> None:
    line = line_of(people=people)
    assert "RuntimeError: of 28 characters" in line
    assert "correct horse" not in line


def test_a_files_line_is_json() -> None:
    decoded: dict[str, Any] = json.loads(line_of(people=False))
    assert {"event", "level", "timestamp", "exception"} == set(decoded)


def met_by(tell: Callable[[Any], object]) -> list[Bug]:
    """What is noted as bugs while `tell` logs."""
    met: list[Bug] = []
    tell(structlog.wrap_logger(structlog.ReturnLogger(), processors=[noting_bugs(met.append)]))
    return met


def test_an_error_with_a_stack_is_a_bug_of_which_no_text_is_kept() -> None:
    def tell(log: Any) -> None:
        try:
            raise KeyError(PASSWORD)
        except KeyError:
            log.exception("adapter failed", request_id="0198")

    (bug,) = met_by(tell)
    assert (bug.type, bug.what, bug.trace) == ("KeyError", "adapter failed", "0198")
    assert PASSWORD not in repr(bug)


def test_an_error_that_was_handed_in_is_one_too_and_its_trace_id_comes_first() -> None:
    (bug,) = met_by(lambda log: log.error("unforeseen", exc_info=RuntimeError("x"), trace_id="t", request_id="r"))
    assert (bug.type, bug.trace) == ("RuntimeError", "t")


def test_a_bug_whose_text_may_be_a_strangers_is_told_by_its_kind_and_place() -> None:
    (bug,) = met_by(lambda log: log.error("it broke", bug="ValueError", place="vendors/acme/adapter.py:4"))
    assert (bug.type, bug.place) == ("ValueError", "vendors/acme/adapter.py:4")


def test_what_was_foreseen_is_no_bug() -> None:
    def tell(log: Any) -> None:
        log.error("webhook quarantined", reason="odd")
        log.warning("redis is away", exc_info=ConnectionError("x"))
        log.info("swept", place="x", bug="y")

    assert met_by(tell) == []


def test_what_a_library_logs_of_our_code_is_a_bug_too() -> None:
    met: list[Bug] = []
    logger = logging.getLogger("a library")
    logger.addHandler(BugHandler(met.append))
    logger.propagate = False
    try:
        raise LookupError(PASSWORD)
    except LookupError:
        logger.exception("Exception in ASGI application %s", PASSWORD)
    logger.error("no stack")
    (bug,) = met
    assert (bug.type, bug.what) == ("LookupError", "told by a library")
    assert PASSWORD not in repr(bug)


def test_of_ten_thousand_alike_one_stack_is_written_and_each_trace_id() -> None:
    def storm(log: Any) -> None:
        for number in range(10_000):
            try:
                raise RuntimeError(f"of {number}")
            except RuntimeError:
                log.exception("unforeseen", trace_id=f"t{number}")

    met: list[Bug] = []
    written = io.StringIO()
    told = [noting_bugs(met.append), *processors(people=False)]
    storm(structlog.wrap_logger(structlog.PrintLogger(written), processors=told))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert ["exception" in line for line in lines] == [True] + [False] * 9_999
    assert [line["trace_id"] for line in lines] == [f"t{number}" for number in range(10_000)]
    assert (len(met), lines[-1]["bug"], lines[-1]["place"].split(":")[0]) == (10_000, "RuntimeError", "test_logs.py")
    assert len(written.getvalue()) < 3_000_000


def test_a_stack_is_told_again_after_a_while_and_another_at_once() -> None:
    now = 100.0
    spare = Sparing(lambda: now)

    def raised(*, deeper: bool) -> bool:
        """Whether the stack was left in its event."""

        def raise_it() -> None:
            raise KeyError("x")

        try:
            if deeper:
                raise_it()
            raise KeyError("x")
        except KeyError as fault:
            return "exc_info" in spare(None, "error", {"exc_info": fault})

    assert [raised(deeper=True), raised(deeper=False), raised(deeper=True)] == [True, True, False]
    now += AGAIN_SECONDS
    assert raised(deeper=True)
