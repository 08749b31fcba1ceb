"""`PATCH /vendors/{name}`: what it takes and refuses, of which version, and what it leaves on record."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from httpx import AsyncClient, Response

from api.ports import AccountPorts
from domain.vendor_control import Control, Overrides
from tests.api.test_openapi import _check
from tests.fakes import FakeVendorControls
from tests.fakes_accounts import FakeAuditLog
from tests.strategies import NOON

ANY = {"If-Match": "*"}


@pytest.fixture
async def admin(client_of: Callable[[str | None], AsyncClient]) -> AsyncIterator[AsyncClient]:
    async with client_of("root") as admin:
        yield admin


async def send(admin: AsyncClient, body: object, vendor: str = "sync", tag: str = "*") -> Response:
    answer = await admin.patch(f"/vendors/{vendor}", json=body, headers={"If-Match": tag})
    _check("patch", "/vendors/{name}", answer)
    return answer


async def test_what_is_sent_holds_and_what_is_left_out_stays(
    admin: AsyncClient, vendor_controls: FakeVendorControls
) -> None:
    first = await send(admin, {"limit": "10/second", "attempts": 3}, tag='"0"')
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    second = (await send(admin, {"concurrency": 7, "timeout_seconds": 0.5}, tag='"1"')).json()
    assert second.pop("changed_at").endswith("Z")
    assert second == {
        "name": "sync", "limit": "10/second", "concurrency": 7, "timeout_seconds": 0.5, "attempts": 3,
        "table": {"limit": "50/second", "concurrency": 100, "timeout_seconds": 10.0, "attempts": 5},
        "overridden": ["limit", "concurrency", "timeout_seconds", "attempts"], "version": 2, "changed_by": "root",
    }  # fmt: skip
    assert vendor_controls.stored["sync"].overrides == Overrides("10/second", 7, 0.5, 3)


async def test_null_puts_back_what_the_table_says(admin: AsyncClient, vendor_controls: FakeVendorControls) -> None:
    vendor_controls.stored["sync"] = Control(4, Overrides("10/second", 7), "root", NOON)
    answer = (await send(admin, {"limit": None})).json()
    assert (answer["limit"], answer["concurrency"], answer["overridden"]) == ("50/second", 7, ["concurrency"])


@pytest.mark.parametrize(
    ("body", "pointer", "remedy"),
    [
        ({"limit": "often"}, "/limit", "write it like"),
        ({"limit": "0/second"}, "/limit", "write it like"),
        ({"limit": "1/second"}, "/limit", "write 2 or more"),
        ({"limit": "50/second; 1/minute"}, "/limit", "write 2 or more"),
        ({"limit": "9/second;" * 30}, "/limit", "at most 200 characters"),
        ({"limit": 50}, "/limit", "must be a string"),
        ({"concurrency": 0}, "/concurrency", "from 1 to"),
        ({"concurrency": 1.5}, "/concurrency", "from 1 to"),
        ({"concurrency": "3"}, "/concurrency", "from 1 to"),
        ({"timeout_seconds": 0.05}, "/timeout_seconds", "from 0.1 to 600"),
        ({"timeout_seconds": 601}, "/timeout_seconds", "from 0.1 to 600"),
        ({"timeout_seconds": "9"}, "/timeout_seconds", "from 0.1 to 600"),
        ({"attempts": 101}, "/attempts", "from 1 to 100"),
        ({"attempts": True}, "/attempts", "from 1 to 100"),
        ({"retries": 3}, "/retries", "limit, concurrency, timeout_seconds, attempts"),
        ([], "", "object"),
    ],
)
async def test_what_no_vendor_could_be_called_by_is_refused_with_its_remedy(
    admin: AsyncClient, vendor_controls: FakeVendorControls, body: Any, pointer: str, remedy: str
) -> None:
    answer = await send(admin, body)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"]) == (422, pointer)
    assert remedy in fault["detail"]
    assert vendor_controls.stored == {}


async def test_every_fault_is_told_at_once(admin: AsyncClient) -> None:
    answer = await send(admin, {"limit": "", "concurrency": 0, "attempts": 0, "x": 1})
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/limit", "/concurrency", "/attempts", "/x"}


async def test_a_change_of_no_version_is_told_to_name_one(
    admin: AsyncClient, vendor_controls: FakeVendorControls
) -> None:
    answer = await admin.patch("/vendors/sync", json={"attempts": 3})
    _check("patch", "/vendors/{name}", answer)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"]) == (428, "/headers/If-Match")
    assert "send the ETag" in fault["detail"]
    assert vendor_controls.stored == {}


@pytest.mark.parametrize("tag", ['"3"', 'W/"4"', "4", '"04"', ""])
async def test_a_change_of_another_version_is_refused(
    admin: AsyncClient, vendor_controls: FakeVendorControls, tag: str
) -> None:
    vendor_controls.stored["sync"] = before = Control(4, Overrides(attempts=2), "root", NOON)
    answer = await send(admin, {"attempts": 3}, tag=tag)
    assert (answer.status_code, answer.json()["code"]) == (412, "outdated")
    assert "GET /vendors/sync" in answer.json()["detail"]
    assert vendor_controls.stored["sync"] == before


async def test_the_same_patch_once_more_changes_nothing_and_is_not_recorded_again(
    admin: AsyncClient, accounts: AccountPorts
) -> None:
    answers = [await send(admin, {"limit": "10/second"}, tag='"0"') for _ in range(2)]
    assert [(answer.status_code, answer.headers["etag"]) for answer in answers] == [(200, '"1"')] * 2
    assert answers[0].content == answers[1].content
    assert isinstance(accounts.audit, FakeAuditLog)
    (entry,) = accounts.audit.entries
    assert (entry.act, entry.actor, entry.subject) == ("vendor.changed", "root", "vendor:sync")
    assert entry.detail == {"limit": "(table) → 10/second"}


async def test_what_cannot_be_recorded_is_not_done(
    admin: AsyncClient, accounts: AccountPorts, vendor_controls: FakeVendorControls
) -> None:
    assert isinstance(accounts.audit, FakeAuditLog)
    accounts.audit.down = True
    assert (await send(admin, {"attempts": 3})).status_code == 503
    assert vendor_controls.stored == {}


async def test_a_store_that_is_away_is_a_503(admin: AsyncClient, vendor_controls: FakeVendorControls) -> None:
    vendor_controls.down = True
    answer = await send(admin, {"attempts": 3})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_an_unknown_vendor_is_not_found(admin: AsyncClient) -> None:
    assert (await send(admin, {"attempts": 3}, "unknown")).status_code == 404


async def test_payments_may_be_slowed_down_and_never_be_given_up(
    admin: AsyncClient, vendor_controls: FakeVendorControls
) -> None:
    slowed = await send(admin, {"limit": "5/second", "attempts": None}, "payments")
    assert (slowed.status_code, slowed.json()["overridden"]) == (200, ["limit"])
    refused = await send(admin, {"attempts": 1}, "payments")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/attempts")
    assert vendor_controls.stored["payments"].overrides == Overrides(limit="5/second")


@pytest.mark.parametrize("token", ["acme", "globex"])
async def test_nobody_else_may(
    client_of: Callable[[str | None], AsyncClient], vendor_controls: FakeVendorControls, token: str
) -> None:
    async with client_of(token) as client:
        assert (await client.patch("/vendors/sync", json={"attempts": 3}, headers=ANY)).status_code == 403
    assert vendor_controls.stored == {}
