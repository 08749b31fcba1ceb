"""
Fixtures for everybody, and a loud word on skips.

A skip hides what does not work. Where `GATEWAY_STRICT_SKIPS` is set (continuous integration),
one that `tests/skips.txt` does not name fails the run.
"""

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("faults")  # three times as many examples of the machines in `tests/worker`
pytest_plugins = [
    "tests.leaks.plugin",
    "tests.servers",
    "tests.stores",
    "tests.account_stores",
    "tests.commerce_stores",
    "tests.payment_stores",
]

_skipped: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note_skip(report)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput") and _unlisted() and os.environ.get("GATEWAY_STRICT_SKIPS"):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped:
        terminalreporter.section("skipped", sep="!", yellow=True, bold=True)
    for name, reason in sorted(_skipped.items()):
        word = "NOT IN tests/skips.txt" if name in _unlisted() else "listed"
        terminalreporter.line(f"{name}: {reason} [{word}]")


def _note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped[report.nodeid] = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def _unlisted() -> set[str]:
    lines = Path(__file__).with_name("skips.txt").read_text().splitlines()
    patterns = [line.split("#")[0].strip() for line in lines]
    return {name for name in _skipped if not any(fnmatchcase(name, pattern) for pattern in patterns if pattern)}
