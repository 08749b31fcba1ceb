"""Central configuration as a service and an operator live with it, on a running gateway."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.system.client import client_of
from tests.system.running import GATEWAY, ROOT, Gateway

SCRIPT = ROOT / "deploy" / "fetch-config"

pytestmark = pytest.mark.system


def environment(gateway: Gateway, key: str) -> dict[str, str]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GATEWAY_")}
    return {**clean, "GATEWAY_PUBLIC_URL": gateway.url, "GATEWAY_API_KEY": key}


def operate(gateway: Gateway, *args: str, stdin: str = "") -> str:
    """What the command says to the admin who types it."""
    return subprocess.run(
        [GATEWAY, "config", *args], env=environment(gateway, gateway.key), cwd=gateway.home, input=stdin,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def fetch(gateway: Gateway, key: str, service: str, out: Path) -> None:
    subprocess.run(
        [sys.executable, SCRIPT, "--service", service, "--out", out], env=environment(gateway, key), check=True
    )


async def key_of_service(http: httpx.AsyncClient, gateway: Gateway, name: str) -> str:
    wish = {"name": name, "role": "service", "scopes": ["config:read"]}
    made = await http.post("/api-keys", json=wish, headers={"Authorization": f"Bearer {gateway.key}"})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


async def test_a_service_starts_with_its_configuration_and_hears_of_a_change_within_a_second(
    gateway: Gateway, tmp_path: Path
) -> None:
    name, out = f"orders-{os.getpid()}", tmp_path / "config.json"
    assert operate(gateway, "put", name, "-", "--version", "0", stdin='{"level": "info"}') == "version 1\n"
    async with client_of(gateway.url) as http:
        key = await key_of_service(http, gateway, name)
        fetch(gateway, key, name, out)
        assert out.read_text() == '{"level": "info"}'

        http.headers["Authorization"] = f"Bearer {key}"
        wait = {"If-None-Match": '"1"', "Prefer": "wait=25"}
        waiting = asyncio.create_task(http.get(f"/config/{name}", headers=wait))
        await asyncio.sleep(0.2)  # so that it waits; where it does not yet, it is answered all the same
        admin = {"Authorization": f"Bearer {gateway.key}", "If-Match": '"1"'}
        changed = await http.put(f"/config/{name}", json={"level": "debug"}, headers=admin)
        changed_at = time.monotonic()
        answer = await waiting
        assert (changed.status_code, answer.status_code, answer.headers["ETag"]) == (200, 200, '"2"')
        assert answer.json() == {"level": "debug"}
        assert time.monotonic() - changed_at < 5  # a second where nobody else uses the machine; the wait is for 25
        assert (await http.get("/config/somebody-else")).status_code == 404

    history = [json.loads(line) for line in operate(gateway, "history", name, "--json").splitlines()]
    assert [(one["version"], one["changed_by"]) for one in history] == [(2, "admin"), (1, "admin")]
    old = operate(gateway, "get", name, "--version", "1")
    assert operate(gateway, "put", name, "-", "--version", "2", stdin=old) == "version 3\n"
    assert operate(gateway, "get", name) == '{"level": "info"}'
