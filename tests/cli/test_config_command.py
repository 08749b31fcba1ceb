"""`gateway config …`: what it asks, and what it says of the answers."""

import json
from pathlib import Path

import httpx
import pytest

from tests.cli.gateway_double import Double, ok, problem

ROW = {"service": "orders", "version": 7, "size": 9, "changed_at": "2026-11-21T09:00:00Z", "changed_by": "admin"}
TEXT = b'{"a" : 1,\n "b":2.0}'


def shown(text: bytes = TEXT, tag: str = '"7"') -> httpx.Response:
    return httpx.Response(200, content=text, headers={"ETag": tag})


def told(*events: tuple[int, bytes]) -> httpx.Response:
    stream = b"".join(b"event: configuration\nid: %d\ndata: %b\n\n" % event for event in events)
    return httpx.Response(200, content=stream, headers={"Content-Type": "text/event-stream"})


def test_get_writes_the_object_as_it_was_put_and_its_version_apart() -> None:
    double = Double(shown(), shown(tag='"3"'))
    said = double.run("config", "get", "orders")
    assert (said.exit_code, said.stdout_bytes, said.stderr) == (0, TEXT, "version 7\n")
    assert double.run("config", "get", "orders", "--version", "3").stderr == "version 3\n"
    assert [request.url.path for request in double.requests] == ["/config/orders", "/config/orders/history/3"]


def test_put_says_which_version_it_is_meant_for(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(TEXT)
    double = Double(ok(ROW), ok(ROW, 201), ok(ROW))
    assert double.run("config", "put", "orders", str(file), "--version", "6").stdout == "version 7\n"
    double.run("config", "put", "orders", "-", "--version", "0", stdin=TEXT)
    assert json.loads(double.run("config", "put", "orders", str(file), "--version", "6", "--json").stdout) == ROW
    change, first, _ = double.requests
    assert (change.method, change.url.path, change.content) == ("PUT", "/config/orders", TEXT)
    assert (change.headers["if-match"], change.headers["content-type"]) == ('"6"', "application/json")
    assert (first.headers["if-none-match"], "if-match" in first.headers, first.content) == ("*", False, TEXT)


def test_a_change_names_a_version_and_one_that_comes_late_is_refused(tmp_path: Path) -> None:
    assert Double().run("config", "put", "orders", "-", stdin=TEXT).exit_code == 2
    said = Double(problem(412, "it is at version 8 by now")).run(
        "config", "put", "orders", "-", "--version", "6", stdin=TEXT
    )
    assert (said.exit_code, said.stderr) == (1, "Error: it is at version 8 by now\n")


def test_the_history_is_a_table_and_for_programs_a_line_each() -> None:
    page = {"items": [ROW, {**ROW, "version": 6}], "next_cursor": None}
    double = Double(ok(page), ok(page))
    heading, *rows = double.run("config", "history", "orders").stdout.splitlines()
    assert heading.split() == ["VERSION", "CHANGED", "BY", "BYTES"]
    assert [row.split() for row in rows] == [[number, "2026-11-21T09:00:00Z", "admin", "9"] for number in "76"]
    assert double.requests[0].url.path == "/config/orders/history"
    assert json.loads(double.run("config", "history", "orders", "--json").stdout.splitlines()[1])["version"] == 6


def test_a_watch_tells_each_version_on_a_line_through_a_restart() -> None:
    double = Double(told((7, b'{"a":1}')), httpx.ConnectError("refused"), told((8, b'{"a":2}')), KeyboardInterrupt())
    said = double.run("config", "watch", "orders")
    assert (said.exit_code, said.stdout) == (130, '7 {"a":1}\n8 {"a":2}\n')
    assert [request.headers.get("last-event-id") for request in double.requests] == [None, "7", "7", "8"]


def test_a_gateway_that_is_away_from_the_start_is_told_at_once_and_one_that_stays_away_is_given_up() -> None:
    assert Double(httpx.ConnectError("refused")).run("config", "watch", "orders").exit_code == 69
    away = [httpx.ConnectError("refused")] * 100
    assert Double(told((7, b"{}")), *away).run("config", "watch", "orders").exit_code == 69


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "Orders", "a?b"])
def test_a_name_that_no_service_can_have_is_no_part_of_a_path(name: str) -> None:
    for command in (["get"], ["watch"], ["history"], ["put", "-", "--version", "0"]):
        double = Double()
        assert double.run("config", command[0], name, *command[1:], stdin=b"{}").exit_code == 2
        assert not double.requests
