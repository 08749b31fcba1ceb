"""What the simulated vendors do when they are told to misbehave, seen from the other end of the line."""

import json
import socket
import time
from collections.abc import Callable
from http.client import IncompleteRead, RemoteDisconnected

import pytest

from tests.loadtest.client import Vendors

_CALL = b"POST /sync HTTP/1.1\r\nHost: v\r\nContent-Length: 2\r\n\r\n{}"


def test_slow_answers_late_and_has_acted_at_once(vendors: Vendors) -> None:
    vendors.tell({"mode": "slow", "seconds": 0.2})
    began = time.monotonic()
    answer = vendors.call({})
    assert answer.status == 200
    assert time.monotonic() - began >= 0.2
    with pytest.raises(TimeoutError):
        vendors.call({}, timeout=0.05)
    assert vendors.stats()["effects"] == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", [7, "Wed, 21 Oct 2015 07:28:00 GMT", None])
def test_throttle_says_when_to_come_back_and_does_nothing(
    vendors: Vendors, status: int, retry_after: int | str | None
) -> None:
    vendors.tell({"mode": "throttle", "status": status, "retry_after": retry_after})
    answer = vendors.call({})
    assert answer.status == status
    assert answer.headers.get("retry-after") == (None if retry_after is None else str(retry_after))
    assert vendors.stats()["effects"] == 0


@pytest.mark.parametrize("status", [400, 404, 408, 425, 500, 502, 503])
def test_fail_answers_with_the_status_and_does_nothing(vendors: Vendors, status: int) -> None:
    vendors.tell({"mode": "fail", "status": status})
    assert vendors.call({}, Idempotency_Key="k").status == status
    assert vendors.stats()["effects"] == 0


def test_a_failure_is_not_remembered_under_its_key(vendors: Vendors) -> None:
    vendors.tell({"mode": "fail", "times": 1})
    assert vendors.call({}, Idempotency_Key="k").status == 500
    assert vendors.call({}, Idempotency_Key="k").status == 200
    assert vendors.stats()["effects"] == 1


@pytest.mark.parametrize(("mode", "effects"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_call_gets_no_byte(vendors: Vendors, mode: str, effects: int) -> None:
    vendors.tell({"mode": mode})
    assert vendors.raw_reply(_CALL) == b""
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        vendors.call({})
    assert vendors.stats()["effects"] == effects * 2
    assert [call["answered"] for call in vendors.calls()] == ["cut", "cut"]


def test_drop_before_does_not_wait_for_the_body(vendors: Vendors) -> None:
    vendors.tell({"mode": "drop_before"})
    assert vendors.raw_reply(b"POST /sync HTTP/1.1\r\nHost: v\r\nContent-Length: 1000\r\n\r\n{") == b""


def test_the_answer_of_a_call_dropped_after_it_acted_is_there_for_the_next(vendors: Vendors) -> None:
    vendors.tell({"mode": "drop_after", "times": 1})
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        vendors.call({}, Idempotency_Key="k")
    assert vendors.call({}, Idempotency_Key="k").json["status"] == "success"
    assert vendors.stats()["effects"] == 1


def test_drop_midway_breaks_a_promised_answer_off(vendors: Vendors) -> None:
    vendors.tell({"mode": "drop_midway"})
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        vendors.call({"productId": "x" * 100})
    assert vendors.stats()["effects"] == 1


def test_rubbish_says_json_and_is_none(vendors: Vendors) -> None:
    vendors.tell({"mode": "rubbish"})
    answer = vendors.call({})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_text_is_plain_text(vendors: Vendors) -> None:
    vendors.tell({"mode": "text", "body": "grüß dich"})
    answer = vendors.call({})
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body.decode() == "grüß dich"


def test_big_streams_fifty_megabytes_of_json(vendors: Vendors) -> None:
    vendors.tell({"mode": "big"})
    answer = vendors.call({}, timeout=30)
    assert "content-length" not in answer.headers
    assert len(answer.body) == 50 * 1024 * 1024
    assert answer.body[:2] + answer.body[-1:] == b'"x"'


def test_big_says_its_size_beforehand_when_told_to(vendors: Vendors) -> None:
    vendors.tell({"mode": "big", "size": 100_000, "declared": True})
    answer = vendors.call({})
    assert int(answer.headers["content-length"]) == len(answer.body) == 100_000


def test_a_redirect_points_elsewhere(vendors: Vendors) -> None:
    vendors.tell({"mode": "redirect", "location": "http://127.0.0.1:9/"})
    answer = vendors.call({})
    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:9/")


def test_a_slow_body_begins_at_once_and_ends_late(vendors: Vendors) -> None:
    vendors.tell({"mode": "slow_body", "seconds": 0.2, "drips": 4})
    with socket.create_connection(("127.0.0.1", vendors.port), timeout=5) as line:
        line.sendall(_CALL.replace(b"Host", b"Connection: close\r\nHost"))
        began = time.monotonic()
        head = line.recv(65536)
        rest = b"".join(iter(lambda: line.recv(65536), b""))
    assert head.startswith(b"HTTP/1.1 200")
    assert time.monotonic() - began >= 0.15
    assert (head + rest).endswith(b'"originalPayload":{}}')


def test_hang_says_nothing_and_ends_with_the_caller(vendors: Vendors) -> None:
    vendors.tell({"mode": "hang", "times": 1})
    with pytest.raises(TimeoutError):
        vendors.call({}, timeout=0.05)
    vendors.call({})  # a round trip later the server has seen the first caller go
    assert vendors.calls()[0]["answered"] == "client gone"
    assert vendors.stats() | {"effects": 1, "in_flight": 0} == vendors.stats()


def test_a_script_holds_for_its_times_and_then_all_is_well(vendors: Vendors) -> None:
    vendors.tell({"mode": "fail", "times": 2}, {"mode": "throttle", "times": 1})
    assert [vendors.call({}).status for _ in range(5)] == [500, 500, 429, 200, 200]


def test_a_probability_is_drawn_from_its_seed(vendors: Vendors) -> None:
    def draw(seed: int) -> list[int]:
        vendors.tell({"mode": "fail", "probability": 0.5, "seed": seed})
        return [vendors.call({}).status for _ in range(20)]

    first = draw(1)
    assert set(first) == {200, 500}
    assert draw(1) == first
    assert draw(2) != first


def test_a_payload_tells_how_its_own_calls_are_treated(vendors: Vendors) -> None:
    payload = {"simulate": [{"mode": "fail", "status": 502, "times": 2}]}
    one = [vendors.call(payload, Idempotency_Key="one").status for _ in range(3)]
    other = [vendors.call(payload, Idempotency_Key="other").status for _ in range(3)]
    assert one == other == [502, 502, 200]
    assert vendors.call({}).status == 200
    assert vendors.stats()["effects"] == 3


def test_a_payload_may_ask_to_be_dropped(vendors: Vendors) -> None:
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        vendors.call({"simulate": {"mode": "drop_after"}})
    assert vendors.stats()["effects"] == 1


def test_a_payload_that_tells_nonsense_is_refused(vendors: Vendors) -> None:
    answer = vendors.call({"simulate": {"mode": "fail", "status": "x"}})
    assert answer.status == 400
    assert "status" in answer.json["error"]


def test_what_the_vendor_is_told_goes_before_what_the_payload_tells(vendors: Vendors) -> None:
    vendors.tell({"mode": "fail", "status": 503})
    assert vendors.call({"simulate": {"mode": "fail", "status": 400}}).status == 503


def test_a_word_inside_the_payload_is_no_order(vendors: Vendors) -> None:
    assert vendors.call({"note": "simulate", "deep": {"simulate": {"mode": "fail"}}}).status == 200


def test_vendors_that_stop_cut_the_calls_that_hang(own_vendors: tuple[Vendors, Callable[[], None]]) -> None:
    vendors, stop = own_vendors
    vendors.tell({"mode": "hang"})
    with socket.create_connection(("127.0.0.1", vendors.port), timeout=5) as line:
        line.sendall(_CALL)
        while vendors.stats()["in_flight"] == 0:
            pass
        stop()
        assert line.recv(1) == b""
