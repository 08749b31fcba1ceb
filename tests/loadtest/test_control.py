"""The control routes of the simulated vendors: scripts, calls, bodies and counts."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.loadtest.client import Vendors


def test_a_script_can_be_read_back_and_taken_away(vendors: Vendors) -> None:
    vendors.tell({"mode": "slow", "seconds": 2, "times": 3})
    [behaviour] = vendors.ask("GET", "/control/sync").json
    assert behaviour | {"mode": "slow", "seconds": 2, "times": 3} == behaviour
    assert vendors.ask("DELETE", "/control/sync").status == 204
    assert vendors.ask("GET", "/control/sync").json == []


def test_one_behaviour_needs_no_list(vendors: Vendors) -> None:
    assert vendors.ask("PUT", "/control/sync", b'{"mode": "fail"}').status == 200
    assert vendors.call({}).status == 500


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, ""),
        (b"3", 422, ""),
        (b"{}", 422, "/mode"),
        (b'{"mode": "sulk"}', 422, "/mode"),
        (b'{"mode": "slow", "seconds": "2"}', 422, "/seconds"),
        (b'{"mode": "slow", "seconds": -1}', 422, "/seconds"),
        (b'{"mode": "slow", "status": 500}', 422, "/status"),
        (b'{"mode": "fail", "status": 200}', 422, "/status"),
        (b'{"mode": "throttle", "status": 500}', 422, "/status"),
        (b'{"mode": "fail", "times": 0}', 422, "/times"),
        (b'{"mode": "fail", "probability": 2}', 422, "/probability"),
        (b'[{"mode": "fail"}, {"mode": "fail", "times": "x"}]', 422, "/1/times"),
    ],
)
def test_a_bad_script_is_refused_and_its_field_named(vendors: Vendors, body: bytes, status: int, field: str) -> None:
    vendors.tell({"mode": "fail", "status": 418})
    answer = vendors.ask("PUT", "/control/sync", body)
    assert (answer.status, answer.json["field"]) == (status, field)
    assert vendors.call({}).status == 418  # what was told before stands


@pytest.mark.parametrize("query", ["?window=wide", "?windows=1", "?window=0"])
def test_a_bad_query_is_refused(vendors: Vendors, query: str) -> None:
    answer = vendors.ask("GET", f"/control/stats{query}")
    assert answer.status == 422
    assert answer.json["field"].startswith("/window")


def test_unknown_control_routes_are_not_found(vendors: Vendors) -> None:
    for method, path in [("PUT", "/control/nobody"), ("POST", "/control/sync"), ("GET", "/control")]:
        assert vendors.ask(method, path).status == 404


def test_every_call_is_recorded_with_its_keys(vendors: Vendors) -> None:
    vendors.ask("POST", "/sync", b"[1]", Idempotency_Key="job:call:1", X_Request_ID="job", traceparent="00-1-2-01")
    [call] = vendors.calls()
    assert (
        call
        | {
            "vendor": "sync",
            "method": "POST",
            "path": "/sync",
            "idempotency_key": "job:call:1",
            "request_id": "job",
            "traceparent": "00-1-2-01",
            "body_sha256": hashlib.sha256(b"[1]").hexdigest(),
            "effect": True,
            "answered": 200,
        }
        == call
    )
    assert call["seconds"] < 5


def test_calls_are_listed_in_pages_from_a_number_on(vendors: Vendors) -> None:
    for _ in range(3):
        vendors.call({})
    first = vendors.ask("GET", "/control/calls?limit=2").json
    assert len(first["calls"]) == 2
    second = vendors.ask("GET", f"/control/calls?limit=2&since={first['next']}").json
    numbers = [call["number"] for call in first["calls"] + second["calls"]]
    assert second["next"] is None
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_calls_are_found_by_job(vendors: Vendors) -> None:
    vendors.call({}, X_Request_ID="a")
    vendors.call({}, X_Request_ID="b")
    assert [call["request_id"] for call in vendors.calls("?request_id=b")] == ["b"]
    assert vendors.calls("?vendor=nobody") == []


def test_the_bytes_of_a_call_can_be_asked_for(vendors: Vendors) -> None:
    body = b'{ "a":1, "a" :2 }'
    vendors.ask("POST", "/sync", body, X_Request_ID="a")
    number = vendors.calls()[0]["number"]
    assert vendors.ask("GET", f"/control/calls/{number}/body").body == body
    assert vendors.ask("GET", "/control/body?request_id=a").body == body
    assert vendors.ask("GET", "/control/body?request_id=b").status == 404


def test_deleting_the_calls_forgets_them(vendors: Vendors) -> None:
    vendors.call({})
    assert vendors.ask("DELETE", "/control/calls").status == 204
    assert vendors.calls() == []
    assert vendors.stats() | {"calls": 0, "effects": 0, "max_in_flight": 0} == vendors.stats()


def test_the_stats_tell_how_many_were_in_flight_at_once(vendors: Vendors) -> None:
    vendors.tell({"mode": "slow", "seconds": 0.2})
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(vendors.call, range(5)))
    stats = vendors.stats("?window=60")
    assert (stats["max_in_flight"], stats["worst_window"], stats["window_seconds"]) == (5, 5, 60)
