"""`gateway jobs watch`: events as they come, a gateway that restarts meanwhile, and Ctrl-C."""

import json
from typing import Any

import httpx
import pytest

from cli.event_stream import Event, read_events
from tests.cli.gateway_double import ID, JOB, Double, problem


def stream(*states: Any, cut: bytes = b"") -> httpx.Response:
    events = b"".join(
        b"event: state\nid: %d\ndata: %s\n\n" % (version, json.dumps(state).encode()) for version, state in states
    )
    return httpx.Response(200, content=events + cut, headers={"Content-Type": "text/event-stream"})


WAITING = (0, {**JOB, "updated_at": "2026-11-21T09:00:00Z"})
DONE = (2, {"request_id": ID, "status": "complete", "updated_at": "2026-11-21T09:00:01Z"})


def test_each_state_is_a_line_until_the_last() -> None:
    said = Double(stream(WAITING, DONE)).run("jobs", "watch", ID)
    assert (said.exit_code, said.stdout.splitlines()) == (
        0,
        ["2026-11-21T09:00:00Z  pending  queued", "2026-11-21T09:00:01Z  complete"],
    )
    lines = Double(stream(WAITING, DONE)).run("jobs", "watch", ID, "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [WAITING[1], DONE[1]]


def test_it_comes_back_to_a_gateway_that_was_started_again() -> None:
    double = Double(stream(WAITING, cut=b"id: 1\ndata: {"), httpx.ConnectError("refused"), stream(DONE))
    said = double.run("jobs", "watch", ID)
    assert (said.exit_code, len(said.stdout.splitlines())) == (0, 2)
    assert [request.headers.get("last-event-id") for request in double.requests] == [None, "0", "0"]


def test_it_ends_when_the_gateway_has_nothing_more_to_tell() -> None:
    double = Double(stream(WAITING), httpx.Response(204))
    assert double.run("jobs", "watch", ID).exit_code == 0


def test_a_gateway_that_is_away_from_the_start_is_told_at_once() -> None:
    assert Double(httpx.ConnectError("refused")).run("jobs", "watch", ID).exit_code == 69
    assert Double(problem(404, "Job not found")).run("jobs", "watch", ID).exit_code == 1


def test_one_that_stays_away_is_given_up() -> None:
    double = Double(stream(WAITING), *[httpx.ConnectError("refused")] * 100)
    assert double.run("jobs", "watch", ID).exit_code == 69
    assert len(double.requests) < 50


def test_ctrl_c_ends_it_without_a_word() -> None:
    said = Double(stream(WAITING), KeyboardInterrupt()).run("jobs", "watch", ID)
    assert (said.exit_code, said.stderr) == (130, "")


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    text = ': hello\n\nid: 1\ndata: {"a":\ndata: "\u2028\x85"}\n\nevent: state\r\nid:2\r\ndata:x\r\n\r\ndata: lost'
    sent = text.encode()
    chunks = (sent[at : at + size] for at in range(0, len(sent), size))
    assert list(read_events(chunks)) == [Event("1", '{"a":\n"\u2028\x85"}'.encode()), Event("2", b"x")]
