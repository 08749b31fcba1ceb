"""`/vendors`: who may see what, the switch, and the form of the answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient

from domain.balancing.instances import Instance
from domain.breakers import BreakerLook, BreakerState
from domain.vendor_control import Control, Overrides
from domain.vendor_states import UNTOLD, InstanceState, Recent, VendorState, Window
from domain.vendors import VendorPolicy
from tests.api.test_openapi import _check
from tests.fakes import FakeVendorStates
from tests.strategies import NOON

Open = Callable[[str | None], AsyncClient]


@pytest.fixture
def sync(vendor_states: FakeVendorStates) -> VendorState:
    """A vendor with a backlog: 50 calls a second, all of this second's taken."""
    now = datetime.now(UTC)
    state = VendorState(
        "sync",
        VendorPolicy(limit="50/second", concurrency=100),
        now,
        next_start=now + timedelta(seconds=30),
        windows=(Window(50, timedelta(seconds=1), 50),),
        running=12,
        queued=1_040,
        due=1_001,
        oldest_due=timedelta(seconds=4.24),
        recent=Recent(500, 0.02, 180.0, 410.0, 900.0, 48.9),
    )
    vendor_states.states = {"sync": state, "acme": VendorState("acme", VendorPolicy(), now)}
    return state


async def test_a_vendor_says_how_it_stands(client: AsyncClient, sync: VendorState) -> None:
    answer = await client.get("/vendors/sync")
    assert answer.status_code == 200
    _check("get", "/vendors/{name}", answer)
    shown = answer.json()
    assert shown.pop("estimated_drain_seconds") == pytest.approx(50, abs=1)
    assert datetime.fromisoformat(shown.pop("next_start")) == sync.next_start
    assert shown == {
        "name": "sync", "paused": False, "closed_until": None, "limit": "50/second",
        "breaker": {"state": "closed", "until": None, "failures": 0},
        "windows": [{"amount": 50, "seconds": 1.0, "used": 50}], "concurrency": 100, "running": 12,
        "timeout_seconds": 10.0, "attempts": 5, "overridden": [], "version": 0, "changed_by": None, "changed_at": None,
        "table": {"limit": "50/second", "concurrency": 100, "timeout_seconds": 10.0, "attempts": 5},
        "queued": 1_040, "due": 1_001, "oldest_due_seconds": 4.2, "recent_calls": 500, "error_rate": 0.02,
        "p50_ms": 180.0, "p95_ms": 410.0, "p99_ms": 900.0, "starts_per_second": 48.9, "instances": None,
    }  # fmt: skip


async def test_a_quiet_vendor_has_nothing_to_drain_and_a_paused_one_never_will(
    client: AsyncClient, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    assert (await client.get("/vendors/acme")).json()["estimated_drain_seconds"] == 0.0
    vendor_states.states["sync"] = replace(sync, paused=True)
    assert (await client.get("/vendors/sync")).json()["estimated_drain_seconds"] is None


async def test_what_is_past_is_not_told(
    client: AsyncClient, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    gone = sync.at - timedelta(seconds=1)
    vendor_states.states["sync"] = replace(sync, closed_until=gone, next_start=gone)
    shown = (await client.get("/vendors/sync")).json()
    assert (shown["closed_until"], shown["next_start"]) == (None, None)


async def test_an_open_breaker_says_until_when_and_after_that_it_is_half_open(
    client: AsyncClient, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    until = sync.at + timedelta(seconds=30)
    vendor_states.states["sync"] = replace(sync, breaker=BreakerLook(BreakerState.OPEN, until, 7))
    answer = await client.get("/vendors/sync")
    _check("get", "/vendors/{name}", answer)
    breaker = answer.json()["breaker"]
    assert datetime.fromisoformat(breaker.pop("until")) == until
    assert (breaker, answer.json()["estimated_drain_seconds"]) == ({"state": "open", "failures": 7}, None)
    vendor_states.states["sync"] = replace(sync, breaker=BreakerLook(BreakerState.OPEN, sync.at, 7))
    assert (await client.get("/vendors/sync")).json()["breaker"]["state"] == "half_open"


async def test_a_vendors_instances_are_for_admins_and_in_no_list(
    client: AsyncClient, client_of: Open, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    until = sync.at + timedelta(seconds=30)
    one = InstanceState(Instance("https://a.example"), BreakerLook(failures=1))
    other = InstanceState(Instance("https://b.example", 2), BreakerLook(BreakerState.OPEN, until, 5))
    vendor_states.at = {"sync": (one, other), "acme": None}
    async with client_of("root") as admin:
        answers = [await admin.get("/vendors/sync"), await admin.post("/vendors/sync/pause")]
        _check("get", "/vendors/{name}", answers[0])
        listed = (await admin.get("/vendors")).json()["items"]
        untold = (await admin.get("/vendors/acme")).json()["instances"]
        vendor_states.at = {}
        none = (await admin.get("/vendors/sync")).json()["instances"]
    for answer in answers:
        first, second = answer.json()["instances"]
        breaker = {"state": "closed", "until": None, "failures": 1}
        assert first == {"url": "https://a.example", "weight": 1, "breaker": breaker}
        assert datetime.fromisoformat(second["breaker"].pop("until")) == until
        assert second == {"url": "https://b.example", "weight": 2, "breaker": {"state": "open", "failures": 5}}
    assert ([each["instances"] for each in listed], untold, none) == ([None, None], None, [])
    assert (await client.get("/vendors/sync")).json()["instances"] is None


async def test_all_vendors_are_listed_by_name(client: AsyncClient, sync: VendorState) -> None:
    answer = await client.get("/vendors")
    _check("get", "/vendors", answer)
    assert [vendor["name"] for vendor in answer.json()["items"]] == ["acme", "sync"]


async def test_all_are_looked_at_by_one_question(
    client: AsyncClient, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    await client.get("/vendors")
    assert vendor_states.questions == 1


async def test_what_the_last_calls_came_to_is_null_where_it_could_not_be_read_in_time(
    client: AsyncClient, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    vendor_states.states["sync"] = replace(sync, recent=UNTOLD)
    answer = await client.get("/vendors")
    _check("get", "/vendors", answer)
    acme, shown = answer.json()["items"]
    of_calls = ("recent_calls", "error_rate", "p50_ms", "p95_ms", "p99_ms", "starts_per_second")
    assert [shown[name] for name in of_calls] == [None] * len(of_calls)
    assert (shown["running"], shown["due"], acme["recent_calls"]) == (12, 1_001, 0)


@pytest.mark.parametrize("path", ["/vendors/unknown", "/vendors/unknown/pause", "/vendors/unknown/resume"])
async def test_an_unknown_vendor_is_not_found(client_of: Open, sync: VendorState, path: str) -> None:
    async with client_of("root") as admin:
        answer = await (admin.get(path) if path.endswith("unknown") else admin.post(path))
    assert (answer.status_code, answer.json()["detail"]) == (404, "Vendor not found")


async def test_an_admin_pauses_and_resumes(client_of: Open, sync: VendorState, vendor_states: FakeVendorStates) -> None:
    async with client_of("root") as admin:
        paused = await admin.post("/vendors/sync/pause")
        resumed = await admin.post("/vendors/sync/resume")
    assert (paused.status_code, paused.json()["paused"], resumed.json()["paused"]) == (200, True, False)
    assert vendor_states.switched == [("sync", "root", True), ("sync", "root", False)]
    _check("post", "/vendors/{name}/pause", paused)


@pytest.mark.parametrize("token", ["acme", "globex"])
async def test_nobody_else_may(client_of: Open, sync: VendorState, vendor_states: FakeVendorStates, token: str) -> None:
    async with client_of(token) as client:
        answers = [await client.post(f"/vendors/{name}/pause") for name in ("sync", "unknown")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert vendor_states.switched == []
    _check("post", "/vendors/{name}/pause", answers[0])


async def test_a_stranger_sees_nothing(stranger: AsyncClient, sync: VendorState) -> None:
    for path in ("/vendors", "/vendors/sync"):
        assert (await stranger.get(path)).status_code == 401


async def test_who_is_no_admin_sees_how_a_vendor_is_called_and_not_who_said_so(
    client: AsyncClient, client_of: Open, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    control = Control(3, Overrides(limit="5/second", attempts=2), "root", NOON)
    vendor_states.states["sync"] = replace(sync, table=sync.policy, control=control)
    async with client_of("root") as admin:
        seen = await admin.get("/vendors/sync")
    shown = (await client.get("/vendors/sync")).json()
    assert (seen.headers["etag"], seen.json()["changed_by"], shown["changed_by"]) == ('"3"', "root", None)
    assert (shown["limit"], shown["attempts"], shown["table"]["limit"]) == ("5/second", 2, "50/second")
    assert (shown["overridden"], shown["version"]) == (["limit", "attempts"], 3)


@pytest.mark.parametrize(("token", "status"), [("root", 200), ("acme", 404), ("globex", 404)])
async def test_the_gateways_own_vendors_are_there_for_admins_alone(
    client_of: Open, sync: VendorState, vendor_states: FakeVendorStates, token: str, status: int
) -> None:
    vendor_states.states["payments"] = VendorState("payments", VendorPolicy(), sync.at)
    async with client_of(token) as client:
        listed = [vendor["name"] for vendor in (await client.get("/vendors")).json()["items"]]
        assert (await client.get("/vendors/payments")).status_code == status
    assert ("payments" in listed) == (status == 200)


async def test_nobody_submits_for_the_gateways_own_vendors(client_of: Open, vendor_states: FakeVendorStates) -> None:
    vendor_states.states["payments"] = VendorState("payments", VendorPolicy(), datetime.now(UTC))
    async with client_of("root") as admin:
        assert (await admin.post("/vendors/payments/pause")).json()["paused"]
        refused = await admin.post("/jobs", json={"vendorType": "payments", "vendorPayload": {}})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/vendorType")


async def test_a_query_is_refused(client: AsyncClient, sync: VendorState) -> None:
    assert (await client.get("/vendors?limit=1")).status_code == 422
    assert (await client.get("/vendors/sync?expand=all")).status_code == 422


async def test_a_store_that_is_away_is_a_503(
    client: AsyncClient, sync: VendorState, vendor_states: FakeVendorStates
) -> None:
    vendor_states.down = True
    for path in ("/vendors", "/vendors/sync"):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
