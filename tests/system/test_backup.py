"""The walk-through of docs/backup.md: backed up under way, destroyed, restored into a new home, and gone on with."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loadtest.vendors.signing import Signer
from tests.system.client import Jobs, VendorControl, client_of
from tests.system.running import GATEWAY, Gateway

pytestmark = pytest.mark.system

AN_HOUR = timedelta(hours=1)
PAUSED = ("resting", "once")  # the first honours keys, the second does not
FAILS = {"simulate": {"mode": "fail", "status": 400}}
SILENT = {"simulate": {"mode": "normal", "webhook": []}}  # the test says for the vendor what came of it, and when


@pytest.fixture
def doomed(gateway: Gateway, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with vendors that outlive it: those of another."""
    settings = {
        "demo_vendors": 0,
        "demo_vendors_url": gateway.address("GATEWAY_DEMO_VENDORS_URL"),
        "demo_webhook_secret": (gateway.home / "demo-webhook.secret").read_text().strip(),
        "workers": 1,
    }
    mine = Gateway(tmp_path / "home", settings)
    try:
        mine.start()
        yield mine
    finally:
        mine.end()


def run(gateway: Gateway, *command: str, code: int = 0) -> str:
    done = subprocess.run(
        [GATEWAY, *command], env=gateway.environment(), cwd=gateway.home, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@asynccontextmanager
async def admin_of(gateway: Gateway, key: str) -> AsyncIterator[Jobs]:
    async with client_of(gateway.url) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        yield Jobs(http)


async def submit_every_kind(jobs: Jobs) -> dict[str, str]:
    """A job in each state that one can be in, by its name."""
    for vendor in PAUSED:
        (await jobs.http.post(f"/vendors/{vendor}/pause")).raise_for_status()
    later = (datetime.now(UTC) + AN_HOUR).isoformat()
    kinds = {
        "complete": await jobs.insist("kept"),
        "failed": await jobs.submit(FAILS),
        "cancelled": await jobs.submit(run_at=later),
        "repeatable": await jobs.submit(vendor="resting"),
        "once": await jobs.submit(vendor="once"),
        "once later": await jobs.submit(vendor="once", run_at=later),
        "awaiting": await jobs.submit(SILENT, vendor="async"),
    }
    await jobs.http.post(f"/jobs/{kinds['cancelled']}/cancel")
    await jobs.all_ended([kinds["complete"], kinds["failed"]])
    await jobs.seen(kinds["awaiting"], lambda job: job.get("stage") == "awaiting_webhook")
    return kinds


async def resume(jobs: Jobs) -> None:
    for vendor in PAUSED:
        (await jobs.http.post(f"/vendors/{vendor}/resume")).raise_for_status()


async def test_what_was_backed_up_comes_back_and_goes_on_and_nobody_is_called_twice_unawares(
    doomed: Gateway, vendor: VendorControl, tmp_path: Path
) -> None:
    """Slow: three starts."""
    key = re.search(r"bootstrap key +(gwk_\S+)", doomed.said())
    assert key is not None
    async with admin_of(doomed, key[1]) as jobs:
        kinds = await submit_every_kind(jobs)
        picture = a_picture(doomed)
        await configure(jobs, '{"kept":1}', If_None_Match="*")
        run(doomed, "backup", str(tmp_path / "backup"))
        await configure(jobs, '{"lost":2}', If_Match='"1"')
        before = {name: await jobs.show(request_id) for name, request_id in kinds.items()}
        lost = await jobs.submit()
        await resume(jobs)
        await jobs.all_ended([lost, kinds["repeatable"], kinds["once"]])
    destroy(doomed)
    restored = Gateway(tmp_path / "restored", doomed.settings, doomed.held)
    shutil.copytree(tmp_path / "backup", restored.home)
    assert (restored.home / picture).read_bytes() == b"a picture"
    try:
        await settle(restored, key[1], before)
        restored.start()
        async with admin_of(restored, key[1]) as jobs:
            assert (await jobs.http.get(f"/jobs/{lost}")).status_code == 404
            assert await jobs.insist("kept") == kinds["complete"]
            await tell(restored, await vendor.body(kinds["awaiting"]))
            await goes_on(jobs, kinds, before)
    finally:
        restored.end()
    assert await vendor.effects([kinds["repeatable"], kinds["once"]]) == [1, 1]
    assert len(await vendor.calls(kinds["repeatable"])) == 2  # once more, under the same key


async def configure(jobs: Jobs, text: str, **condition: str) -> None:
    """Give the service `orders` this configuration."""
    headers = {name.replace("_", "-"): tag for name, tag in condition.items()} | {"Content-Type": "application/json"}
    (await jobs.http.put("/config/orders", content=text, headers=headers)).raise_for_status()


def a_picture(gateway: Gateway) -> Path:
    """Where it is in the home."""
    path = Path("media", "ab", f"{'ab' * 32}.webp")
    (gateway.home / path).parent.mkdir(parents=True)
    (gateway.home / path).write_bytes(b"a picture")
    return path


async def tell(gateway: Gateway, call: bytes) -> None:
    """The async vendor's webhook for this call, to the address that the gateway before gave with it."""
    order = json.loads(call)
    said = {"event_id": "msg_1", "status": "complete", "metadata": order["metadata"], "report": {}}
    body = json.dumps(said).encode()
    signer = Signer(str(gateway.settings["demo_webhook_secret"]))
    lines = signer.headers("msg_1", body, signature="good", timestamp=0).splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    async with client_of(gateway.url) as http:
        answer = await http.post(order["callback"], content=body, headers=headers)
    assert answer.status_code == 202, answer.text


async def goes_on(jobs: Jobs, kinds: dict[str, str], before: dict[str, Any]) -> None:
    """What had ended or is not due is as it was; the others end, one of them because nobody can tell."""
    for name in ("complete", "failed", "cancelled", "once later"):
        assert facts_of(await jobs.show(kinds[name])) == facts_of(before[name])
    await resume(jobs)
    after = {name: await jobs.ended(kinds[name]) for name in ("repeatable", "once", "awaiting")}
    assert [job["status"] for job in after.values()] == ["complete", "failed", "complete"]
    assert after["once"]["error_detail"]["code"] == "outcome_unknown"
    await configure(jobs, '{"other":2}', If_Match="*")
    told = await jobs.http.get("/config/orders", headers={"If-None-Match": '"2"'})  # of a version that is lost
    assert (told.status_code, told.text) == (200, '{"other":2}')


def facts_of(job: dict[str, Any]) -> dict[str, Any]:
    """All but what is guessed when somebody looks."""
    return {name: value for name, value in job.items() if name != "estimated_start"}


async def settle(restored: Gateway, key: str, before: dict[str, Any]) -> None:
    """Without workers, and no other way: what may have been called since is ended."""
    assert "gateway up --workers 0" in run(restored, "up", code=78)
    idle = Gateway(restored.home, {**restored.settings, "workers": 0}, restored.held)
    idle.start()
    try:
        assert "once  1 may have been called since the backup: would fail" in run(idle, "restored", "--dry-run")
        async with admin_of(idle, key) as jobs:
            assert (await jobs.show(before["once"]["request_id"]))["status"] == "pending"
        assert "once  1 may have been called since the backup: failed" in run(idle, "restored")
        assert "no job can have been called" in run(idle, "restored", "--taken-at", "2030-01-01T00:00:00Z")
        async with admin_of(idle, key) as jobs:
            entries = (await jobs.http.get("/audit", params={"act": "jobs.restored"})).json()["items"]
        assert [entry["actor"] for entry in entries] == ["operator"] * 2  # the dry run is none
        assert entries[0]["detail"] == {"taken_at": "2030-01-01T00:00:00+00:00"}
    finally:
        idle.stop()


def destroy(gateway: Gateway) -> None:
    assert gateway.process is not None
    pids = [gateway.process.pid, *gateway.pids().values()]
    for pid in dict.fromkeys(pids):
        subprocess.run(["kill", "-9", str(pid)], check=True)
    gateway.process.wait(10)
    shutil.rmtree(gateway.home)


def test_a_backup_is_refused_where_there_is_nothing_to_copy_or_something_in_the_way(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "home")
    gateway.home.mkdir()
    assert "mongodump" in run(gateway, "backup", str(tmp_path / "new"), code=78)
    (gateway.home / "servers.env").write_text("GATEWAY_MONGO_URL=mongodb://127.0.0.1:1/?directConnection=true\n")
    assert "is there already" in run(gateway, "backup", str(tmp_path), code=78)
    assert "cp -a" in run(gateway, "backup", str(tmp_path / "new"), code=78)
    assert not (tmp_path / "new").exists()
