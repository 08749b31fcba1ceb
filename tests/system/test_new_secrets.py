"""A vendor's webhook secret changes while the gateway runs: the new one is good at once, the former for a while."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.client import Jobs, VendorControl, client_of, until
from tests.system.running import TABLES, Gateway

pytestmark = pytest.mark.system

FORMER, NEW, STRANGERS = "whsec_Zm9ybWVyIHNlY3JldA==", "whsec_bmV3IHNlY3JldA==", "whsec_c3RyYW5nZXJzIHNlY3JldA=="
TABLE = """
[vendors.turning]
mode = "async"
url = "${GATEWAY_DEMO_VENDORS_URL}/async"
repeatable = true
body = { "/callback" = "${GATEWAY_PUBLIC_URL}/webhooks/turning", "/metadata/job" = "${job.request_id}" }
reply = { reference = "/id" }

[vendors.turning.webhook]
secret = "SECRET"
request_id = "/metadata/job"
"""


def write_table(file: Path, secret: str) -> None:
    file.write_text(TABLE.replace("SECRET", secret))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "turning.toml"
    write_table(file, FORMER)
    return file


@pytest.fixture
def turning_gateway(tmp_path: Path, table: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path / "home", {"workers": 1, "vendors_file": f"{TABLES}:{table}"})
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.end()


@pytest.fixture
async def turning_jobs(turning_gateway: Gateway) -> AsyncIterator[Jobs]:
    async with client_of(turning_gateway.url) as http:
        yield Jobs(http)


@pytest.fixture
async def control(turning_gateway: Gateway) -> AsyncIterator[VendorControl]:
    async with client_of(turning_gateway.address("GATEWAY_DEMO_VENDORS_URL")) as http:
        yield VendorControl(http)


async def answered(jobs: Jobs, control: VendorControl, secret: str) -> int:
    """What the webhook of a new job is answered that is signed with `secret`."""
    (await control.http.put("/control/webhooks/secret", json={"secret": secret})).raise_for_status()
    [answer] = await control.told(await jobs.submit({}, vendor="turning"))
    return int(answer)


async def told_changes(gateway: Gateway, jobs: Jobs) -> list[dict[str, str]]:
    """The changes of settings that are on record, each without who saw it."""
    headers = {"Authorization": f"Bearer {gateway.key}"}

    async def entries() -> list[dict[str, Any]]:
        answer = await jobs.http.get("/audit", params={"act": "settings.changed"}, headers=headers)
        return list(answer.raise_for_status().json()["items"])

    details = [entry["detail"] for entry in await until(entries)]
    assert all(detail.pop("host") == socket.gethostname() for detail in details)
    assert all(detail.pop("process") in {"http", "worker"} for detail in details)
    return details


@pytest.mark.parametrize("told", ["api", "up", None])
async def test_a_new_secret_is_good_at_once_and_the_former_still_is(
    turning_gateway: Gateway, table: Path, turning_jobs: Jobs, control: VendorControl, told: str | None
) -> None:
    """Slow: starts everything, and looks until the change was noticed."""
    assert await answered(turning_jobs, control, FORMER) == 202
    assert await answered(turning_jobs, control, NEW) == 401
    write_table(table, NEW)
    if told is not None:
        os.kill(turning_gateway.pid(told), signal.SIGHUP)

    async def taken() -> bool:
        return await answered(turning_jobs, control, NEW) == 202

    await until(taken)
    assert await answered(turning_jobs, control, FORMER) == 202
    assert await answered(turning_jobs, control, STRANGERS) == 401
    assert await told_changes(turning_gateway, turning_jobs) == [{"vendors.turning.webhook.secret": "(changed)"}]
    assert "ended by signal" not in turning_gateway.said()
