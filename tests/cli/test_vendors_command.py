"""`gateway vendors …`: the table, the switch, and names that are no path."""

import json
from typing import Any

import pytest

from tests.cli.gateway_double import Double, ok, problem

VENDOR: dict[str, Any] = {
    "name": "sync", "paused": False, "closed_until": None, "next_start": None, "limit": "50/second", "running": 3,
    "due": 12, "queued": 40, "oldest_due_seconds": 1.5, "estimated_drain_seconds": 0.2, "error_rate": 0.01,
    "p50_ms": 180.0,
}  # fmt: skip
LIMITED = {**VENDOR, "name": "limited", "next_start": "2026-11-21T09:00:00Z", "concurrency": 2}
CLOSED = {**VENDOR, "name": "closed", "limit": None, "closed_until": "2026-11-21T09:00:00Z"}


def test_the_vendors_are_a_table_and_for_programs_a_line_each() -> None:
    vendors = [VENDOR, LIMITED, CLOSED, {**VENDOR, "paused": True}]
    page = {"items": vendors, "next_cursor": None}
    double = Double(ok(page), ok(page))
    said = double.run("vendors", "list")
    assert double.requests[0].url.path == "/vendors"
    heading, *rows = said.stdout.splitlines()
    assert heading.split()[:3] == ["VENDOR", "STATE", "LIMIT"]
    assert [" ".join(row.split()) for row in rows] == [
        "sync open 50/second 3 12 40 1.5 0.2 0.01 180.0",
        "limited at its limit 50/second; 2 at once 3 12 40 1.5 0.2 0.01 180.0",
        "closed closed until 2026-11-21T09:00:00Z - 3 12 40 1.5 0.2 0.01 180.0",
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


def test_a_name_is_one_piece_of_the_path() -> None:
    double = Double(problem(404, "Vendor not found"))
    said = double.run("vendors", "pause", "a/../b?c")
    assert double.requests[0].url.raw_path == b"/vendors/a%2F..%2Fb%3Fc/pause"
    assert (said.exit_code, said.stderr) == (1, "Error: Vendor not found\n")
    for name in ("", ".", ".."):
        assert double.run("vendors", "show", name).exit_code == 2
