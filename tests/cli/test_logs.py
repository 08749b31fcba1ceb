"""Logs: one line an event, and no traceback that shows what stood in the variables."""

import io
import json
from typing import Any

import pytest
import structlog

from cli.logs import processors

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
