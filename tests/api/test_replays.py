"""`POST /jobs/replay`: admins only, read strictly, counted before it is done."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient

from api.ports import ApiPorts
from domain.jobs import Status
from domain.ports import ReplayFilter
from tests.api.samples import failed, pending_job
from tests.fake_control import FakeControl
from tests.fakes import FakeJobs

ASKED: dict[str, Any] = {"vendor": "sync", "status": "failed", "dry_run": False}


@pytest.fixture
async def admin(client_of: Callable[[str | None], AsyncClient]) -> AsyncIterator[AsyncClient]:
    async with client_of("root") as opened:
        yield opened


async def test_a_dry_run_counts_and_changes_nothing(admin: AsyncClient, jobs: FakeJobs) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    answer = await admin.post("/jobs/replay", json={**ASKED, "dry_run": True})
    assert (answer.status_code, answer.json()) == (200, {"matched": 1, "queued": 0, "dry_run": True})
    assert jobs.stored[job.id] == job


async def test_what_matches_runs_again(admin: AsyncClient, jobs: FakeJobs) -> None:
    for client in ("acme", "globex"):
        await jobs.put(failed(pending_job(client=client)))
    await jobs.put(pending_job())
    answer = await admin.post("/jobs/replay", json=ASKED)
    assert answer.json() == {"matched": 2, "queued": 2, "dry_run": False}
    assert {job.status for job in jobs.stored.values()} == {Status.PENDING}


async def test_every_field_reaches_the_filter(admin: AsyncClient, ports: ApiPorts) -> None:
    bounds = {"from": "2026-01-31T10:00:00+01:00", "to": "2026-02-01T00:00:00Z"}
    await admin.post("/jobs/replay", json={**ASKED, **bounds, "status": "cancelled", "error_code": "x"})
    assert isinstance(ports.control, FakeControl)
    begins, ends = datetime(2026, 1, 31, 9, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert ports.control.replays == [(ReplayFilter("sync", Status.CANCELLED, "x", begins, ends), False)]


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"vendor": 1}, ["/vendor"]),
        ({"status": "complete"}, ["/status"]),
        ({"error_code": None}, ["/error_code"]),
        ({"from": "2026-01-31T10:00:00"}, ["/from"]),
        ({"from": "2026-01-31T10:00:00Z", "to": "2026-01-31T10:00:00Z"}, ["/to"]),
        ({"from": "0001-01-01T00:00:00+14:00"}, ["/from"]),
        ({"dry_run": "no"}, ["/dry_run"]),
        ({"limit": 5, "a/b": 1}, ["/limit", "/a~1b"]),
    ],
)
async def test_each_fault_is_named(
    admin: AsyncClient, ports: ApiPorts, changes: dict[str, Any], pointers: list[str]
) -> None:
    answer = await admin.post("/jobs/replay", json={**ASKED, **changes})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
    assert isinstance(ports.control, FakeControl)
    assert ports.control.replays == []


async def test_what_is_required_is_missed(admin: AsyncClient) -> None:
    answer = await admin.post("/jobs/replay", json={})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/vendor", "/status", "/dry_run"]


@pytest.mark.parametrize("token", ["acme", "globex"])
async def test_only_an_admin_may(client_of: Callable[[str | None], AsyncClient], jobs: FakeJobs, token: str) -> None:
    job = failed(pending_job())
    await jobs.put(job)
    async with client_of(token) as other:
        answer = await other.post("/jobs/replay", json=ASKED)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert jobs.stored[job.id] == job


async def test_who_is_unknown_is_refused(stranger: AsyncClient) -> None:
    assert (await stranger.post("/jobs/replay", json=ASKED)).status_code == 401
