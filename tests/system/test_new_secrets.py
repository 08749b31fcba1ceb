"""A vendor's webhook secret changes while the gateway runs: the new one is good at once, the former for a while."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.system.client import Jobs, VendorControl, client_of, until
from tests.system.running import TABLES, Gateway

pytestmark = pytest.mark.system

FORMER, NEW, STRANGERS = "whsec_Zm9ybWVyIHNlY3JldA==", "whsec_bmV3IHNlY3JldA==", "whsec_c3RyYW5nZXJzIHNlY3JldA=="
TOLD = {"turned-by-api": "api", "turned-by-up": "up", "turned": None}  # vendors, and who is told of the new secret
TABLE = """
[vendors.NAME]
mode = "async"
url = "${GATEWAY_DEMO_VENDORS_URL}/async"
repeatable = true
body = { "/callback" = "${GATEWAY_PUBLIC_URL}/webhooks/NAME", "/metadata/job" = "${job.request_id}" }
reply = { reference = "/id" }

[vendors.NAME.webhook]
secret = "SECRET"
request_id = "/metadata/job"
"""


def part_of(name: str, secret: str) -> str:
    return TABLE.replace("NAME", name).replace("SECRET", secret)


def turn(table: Path, name: str) -> None:
    table.write_text(table.read_text().replace(part_of(name, FORMER), part_of(name, NEW)))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("table") / "turning.toml"
    file.write_text("".join(part_of(name, FORMER) for name in TOLD))
    return file


@pytest.fixture(scope="module")
def turning_gateway(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("turning") / "home"
    gateway = Gateway(home, {"workers": 1, "vendors_file": f"{TABLES}:{table}"})
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


async def answered(jobs: Jobs, control: VendorControl, vendor: str, secret: str) -> int:
    """What the webhook of a new job of the vendor is answered that is signed with `secret`."""
    (await control.http.put("/control/webhooks/secret", json={"secret": secret})).raise_for_status()
    [answer] = await control.told(await jobs.submit({}, vendor=vendor))
    return int(answer)


async def told_changes(gateway: Gateway, jobs: Jobs, awaited: str) -> list[dict[str, str]]:
    """The changes of settings that are on record, once the awaited is: the newest first, each without who saw it."""
    headers = {"Authorization": f"Bearer {gateway.key}"}

    async def entries() -> list[dict[str, Any]]:
        answer = await jobs.http.get("/audit", params={"act": "settings.changed"}, headers=headers)
        found = list(answer.raise_for_status().json()["items"])
        return found if any(awaited in entry["detail"] for entry in found) else []

    details = [entry["detail"] for entry in await until(entries)]
    assert all(detail.pop("host") == socket.gethostname() for detail in details)
    assert all(detail.pop("process") in {"http", "worker"} for detail in details)
    return details


@pytest.mark.parametrize("name", list(TOLD))
async def test_a_new_secret_is_good_at_once_and_the_former_still_is(
    turning_gateway: Gateway, table: Path, turning_jobs: Jobs, control: VendorControl, name: str
) -> None:
    """Slow: starts everything, and looks until the change was noticed."""
    answer = partial(answered, turning_jobs, control, name)
    assert await answer(FORMER) == 202
    assert await answer(NEW) == 401
    turn(table, name)
    if (told := TOLD[name]) is not None:
        os.kill(turning_gateway.pid(told), signal.SIGHUP)

    async def taken() -> bool:
        return await answer(NEW) == 202

    await until(taken)
    assert await answer(FORMER) == 202
    assert await answer(STRANGERS) == 401
    changed = f"vendors.{name}.webhook.secret"
    latest, *earlier = await told_changes(turning_gateway, turning_jobs, changed)
    assert latest == {changed: "(changed)"}
    assert latest not in earlier
    assert "ended by signal" not in turning_gateway.said()
