"""
The run, from its first test to its last: what it used is noted, what it wrote is read, and a leak fails it.

Each process of `-n` looks through its own; the first process tells of all. Tests that a process runs and that write no
text where it looks say nothing: what a command prints to its user, a key that is shown once, is no log.
"""

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.leaks.births import noted
from tests.leaks.ledger import Ledger
from tests.leaks.places import answers_read, logs_read, read_files

OUTPUT = "leaks"  # under which name a process of `-n` hands on what it found

_ledger = pytest.StashKey[Ledger]()
_found = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    ledger = config.stash[_ledger] = Ledger()
    config.stash[_found] = []
    stack = ExitStack()
    config.add_cleanup(stack.close)
    stack.enter_context(noted(ledger))
    stack.enter_context(answers_read(ledger))
    stack.enter_context(logs_read(ledger))


@pytest.fixture(scope="session")
def leaks(pytestconfig: pytest.Config) -> Ledger:
    """For who opens what the run writes to, or knows a secret that nothing else would note."""
    return pytestconfig.stash[_ledger]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[_ledger].test = item.nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "teardown":
        for name, text in report.sections:
            item.config.stash[_ledger].text(text, name.lower())
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if not config.pluginmanager.hasplugin("dsession"):  # under `-n` the others have run the tests
        _look_through(config)
    if config.stash[_found]:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _look_through(config: pytest.Config) -> None:
    ledger = config.stash[_ledger]
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None and factory._basetemp is not None:  # some test wrote files
        read_files(ledger, factory.getbasetemp())
    found = [str(leak) for leak in ledger.leaks()]
    config.stash[_found] += found
    if hasattr(config, "workeroutput"):
        config.workeroutput[OUTPUT] = found


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the first process of `-n`, which has the others' findings by the end of its own session."""
    node.config.stash[_found].extend(getattr(node, "workeroutput", {}).get(OUTPUT, ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[_found]
    if found:
        terminalreporter.section(f"{len(found)} secrets where others may read them", sep="!", red=True, bold=True)
    for leak in found:
        terminalreporter.line(leak)
