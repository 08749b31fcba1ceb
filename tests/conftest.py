"""
Fixtures for everybody, who runs beside whom, and a loud word on skips.

A skip hides what does not work. Where `GATEWAY_STRICT_SKIPS` is set (continuous integration),
one that `tests/skips.txt` does not name fails the run.
"""

import ast
import os
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
SYSTEM = "tests/system/"
SHARED = {  # gateways of tests/system/conftest.py, and the fixtures that lead to them
    "fortress": {"fortress"},
    "hurt gateway": {"victim", "victims_jobs", "victims_vendor"},
    "gateway": {"gateway", "jobs"},
}

# No test fails because a machine was slow: neither by an example's time nor by that of making one up.
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("usual")
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no process is left alone with them."""
    items.sort(key=lambda item: not item.nodeid.startswith(SYSTEM))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return Groups(config, log)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """A file runs in one process, and so do all files that share a running gateway, which is then started once."""

    def _split_scope(self, nodeid: str) -> str:
        return _group_of(nodeid.partition("::")[0])


@cache
def _group_of(file: str) -> str:
    asked = _asked_for((ROOT / file).read_text()) if file.startswith(SYSTEM) else set()
    return next((group for group, names in SHARED.items() if names & asked), file)


def _asked_for(source: str) -> set[str]:
    """The fixtures that the tests and fixtures of a file ask for, without those that it has itself."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    fixtures = [each for each in functions if any("fixture" in ast.dump(mark) for mark in each.decorator_list)]
    tests = [each for each in functions if each.name.startswith("test_")]
    asked = {argument.arg for each in (*fixtures, *tests) for argument in each.args.args}
    return asked - {each.name for each in fixtures}


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
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped[report.nodeid] = reason


def _unlisted() -> set[str]:
    lines = Path(__file__).with_name("skips.txt").read_text().splitlines()
    patterns = [line.split("#")[0].strip() for line in lines]
    return {name for name in _skipped if not any(fnmatchcase(name, pattern) for pattern in patterns if pattern)}
