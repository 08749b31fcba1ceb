"""Processes whose wall clock is wrong: libfaketime in front of the C library. The monotonic clock stays as it is."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.system.running import GATEWAY, Gateway

MINUTES = 10
VENDORS = "GATEWAY_DEMO_VENDORS_URL"


@cache
def faketime_library() -> str:
    """The path of libfaketime. Skips the test where it cannot be loaded; `tests/skips.txt` names none."""
    spec = find_spec("libfaketime")
    homes = list(spec.submodule_search_locations or ()) if spec else []
    for library in (str(found) for home in homes for found in Path(home).rglob("libfaketime.so*")):
        said = subprocess.run(
            [sys.executable, "-c", "import time; print(time.time())"],
            env=os.environ | _preloaded(library, 60 * MINUTES),
            capture_output=True,
            check=False,
        )
        if said.returncode == 0 and not said.stderr:
            return library
    pytest.skip("libfaketime cannot be loaded here")


def _preloaded(library: str, ahead_seconds: int) -> dict[str, str]:
    return {
        "LD_PRELOAD": library,
        "FAKETIME": f"{ahead_seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def with_clock(ahead_seconds: int, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose processes are so far ahead of the true time (behind it, where it is negative)."""
    return {**environment, **_preloaded(faketime_library(), ahead_seconds)}


@contextmanager
def wrong_process(gateway: Gateway, name: str, ahead_seconds: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """One more process of a gateway that runs, under a wrong clock; it logs to a file of its name in the home."""
    its_own = {"GATEWAY_ENV": "development", VENDORS: gateway.address(VENDORS)}  # as `gateway up` gives it
    environment = with_clock(ahead_seconds, gateway.environment()) | its_own
    with (gateway.home / f"{name}.log").open("wb") as output:
        process = subprocess.Popen([GATEWAY, *words], env=environment, cwd=gateway.home, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()
                process.wait()


def wrong_worker(gateway: Gateway, name: str, ahead_seconds: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return wrong_process(gateway, name, ahead_seconds, "worker", "--name", name)
