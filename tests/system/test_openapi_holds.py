"""
The served OpenAPI document is true of the running gateway: schemathesis asks every route what nobody would.

It runs as a command of its own, so that it and its plugins meet no other test. No answer may be a 5xx; every status,
type, header and body must be described; what breaks the schema must be refused, and what keeps it taken.
Slow: some hundreds of requests, and the command's own start.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.system.running import Gateway

COMMAND = Path(sys.executable).with_name("schemathesis")
SETTINGS = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
PAUSED = "resting"  # the vendor whose switches and whose control are tried

pytestmark = pytest.mark.system


def said_of(gateway: Gateway, *options: str, token: str | None) -> subprocess.CompletedProcess[str]:
    """What the command says of the document as it is served, as somebody with this key or with none."""
    credentials = ["--header", f"Authorization: Bearer {token}"] if token else []
    told = subprocess.run(
        [
            COMMAND,
            "--config-file",
            SETTINGS,
            "run",
            f"{gateway.url}/openapi.json",
            "--no-color",
            *credentials,
            *options,
        ],
        cwd=gateway.home,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
        capture_output=True,
        text=True,
        check=False,
    )
    _put_back(gateway)
    return told


def _put_back(gateway: Gateway) -> None:
    """Others call this vendor too."""
    headers = {"Authorization": f"Bearer {key_of(gateway)}", "If-Match": "*"}
    table = dict.fromkeys(("limit", "concurrency", "timeout_seconds", "attempts"))
    url = f"{gateway.url}/vendors/{PAUSED}"
    for answer in (httpx.post(f"{url}/resume", headers=headers), httpx.patch(url, json=table, headers=headers)):
        assert answer.status_code == 200


def key_of(gateway: Gateway) -> str:
    """The admin's, which `gateway up` shows once."""
    return next(word for word in gateway.said().split() if word.startswith("gwk_"))


@pytest.mark.parametrize("as_admin", [True, False], ids=["admin", "anonymous"])
def test_every_answer_is_as_described(gateway: Gateway, as_admin: bool) -> None:
    """Of most routes nobody gets further than the door without a token: there the examples do."""
    token = key_of(gateway) if as_admin else None
    phases = "examples,coverage,stateful" if as_admin else "examples,stateful"
    told = said_of(gateway, "--phases", phases, "--max-examples", "3", token=token)
    assert told.returncode == 0, told.stdout


@pytest.mark.faults
@pytest.mark.parametrize("as_admin", [True, False], ids=["admin", "anonymous"])
def test_every_answer_to_noise_is_as_described(gateway: Gateway, as_admin: bool) -> None:
    """Slow: twenty seconds of made-up requests."""
    token = key_of(gateway) if as_admin else None
    told = said_of(gateway, "--phases", "fuzzing,stateful", "--max-examples", "100", "--max-time", "20", token=token)
    assert told.returncode == 0, told.stdout
