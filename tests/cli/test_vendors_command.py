"""`gateway vendors …`: the table, the switch, changes, and names that are no path."""

import json
from typing import Any

import httpx
import pytest

from tests.cli.gateway_double import Double, ok, problem

VENDOR: dict[str, Any] = {
    "name": "sync", "paused": False, "closed_until": None, "next_start": None, "limit": "50/second", "running": 3,
    "due": 12, "queued": 40, "oldest_due_seconds": 1.5, "estimated_drain_seconds": 0.2, "error_rate": 0.01,
    "p50_ms": 180.0,
}  # fmt: skip
LIMITED = {**VENDOR, "name": "limited", "next_start": "2026-11-21T09:00:00Z", "concurrency": 2}
BROKEN = {**VENDOR, "name": "broken", "breaker": {"state": "half_open", "until": None, "failures": 5}}
CLOSED = {**VENDOR, "name": "closed", "limit": None, "closed_until": "2026-11-21T09:00:00Z"}


def test_the_vendors_are_a_table_and_for_programs_a_line_each() -> None:
    vendors = [VENDOR, LIMITED, CLOSED, BROKEN, {**VENDOR, "paused": True}]
    page = {"items": vendors, "next_cursor": None}
    double = Double(ok(page), ok(page))
    said = double.run("vendors", "list")
    assert double.requests[0].url.path == "/vendors"
    heading, *rows = said.stdout.splitlines()
    assert heading.split()[:3] == ["VENDOR", "STATE", "LIMIT"]
    assert [" ".join(row.split()) for row in rows] == [
        "sync ready 50/second 3 12 40 1.5 0.2 0.01 180.0",
        "limited at its limit 50/second; 2 at once 3 12 40 1.5 0.2 0.01 180.0",
        "closed closed until 2026-11-21T09:00:00Z - 3 12 40 1.5 0.2 0.01 180.0",
        "broken circuit half_open 50/second 3 12 40 1.5 0.2 0.01 180.0",
        "sync paused 50/second 3 12 40 1.5 0.2 0.01 180.0",
    ]
    lines = double.run("vendors", "list", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == vendors


@pytest.mark.parametrize(
    ("command", "asked"),
    [("show", "GET /vendors/sync"), ("pause", "POST /vendors/sync/pause"), ("resume", "POST /vendors/sync/resume")],
)
def test_each_command_shows_the_state_that_follows(command: str, asked: str) -> None:
    double = Double(ok(VENDOR), ok(VENDOR))
    said = double.run("vendors", command, "sync")
    assert f"{double.requests[0].method} {double.requests[0].url.path}" == asked
    assert (said.exit_code, said.stdout.splitlines()[0].split()) == (0, ["name", "sync"])
    assert json.loads(double.run("vendors", command, "sync", "--json").stdout) == VENDOR


CONTROL: dict[str, Any] = {"name": "sync", "limit": "50/second", "attempts": 3, "version": 3}


def test_what_is_set_is_set_upon_what_is_there_now() -> None:
    double = Double(httpx.Response(200, json=VENDOR, headers={"ETag": '"2"'}), ok(CONTROL))
    said = double.run("vendors", "set", "sync", "limit=50/second; 10/minute", "attempts=3", "timeout_seconds=0.5")
    looked, sent = double.requests
    assert (looked.method, looked.url.path) == ("GET", "/vendors/sync")
    assert (sent.method, sent.url.path, sent.headers["if-match"]) == ("PATCH", "/vendors/sync", '"2"')
    assert double.body == {"limit": "50/second; 10/minute", "attempts": 3, "timeout_seconds": 0.5}
    assert (said.exit_code, said.stdout.splitlines()[1].split()) == (0, ["limit", "50/second"])


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ((), {"limit": None, "concurrency": None, "timeout_seconds": None, "attempts": None}),
        (("attempts",), {"attempts": None}),
    ],
)
def test_what_is_reset_is_the_tables_again(fields: tuple[str, ...], body: dict[str, Any]) -> None:
    double = Double(ok(VENDOR), ok(CONTROL))
    assert json.loads(double.run("vendors", "reset", "sync", *fields, "--json").stdout) == CONTROL
    assert (double.requests[1].method, double.body) == ("PATCH", body)


@pytest.mark.parametrize("value", ["limit", "retries=3", "attempts=few", "concurrency=1.5", ""])
def test_what_sets_nothing_is_told_how_to_be_written(value: str) -> None:
    double = Double()
    said = double.run("vendors", "set", "sync", value)
    assert (said.exit_code, double.requests) == (2, [])


def test_a_change_that_another_was_quicker_than_is_refused_with_the_remedy() -> None:
    double = Double(ok(VENDOR), problem(412, "the vendor's control has changed since you read it"))
    said = double.run("vendors", "set", "sync", "attempts=3")
    assert (said.exit_code, "has changed since" in said.stderr) == (1, True)


def test_a_name_is_one_piece_of_the_path() -> None:
    double = Double(problem(404, "Vendor not found"))
    said = double.run("vendors", "pause", "a/../b?c")
    assert double.requests[0].url.raw_path == b"/vendors/a%2F..%2Fb%3Fc/pause"
    assert (said.exit_code, said.stderr) == (1, "Error: Vendor not found\n")
    for name in ("", ".", ".."):
        assert double.run("vendors", "show", name).exit_code == 2
