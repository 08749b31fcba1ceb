"""The simulated async vendor: its answer, its webhooks, and what it does with those on command."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.loadtest.client import Answer, Vendors
from tests.loadtest.conftest import SECRET
from tests.loadtest.receiver import Receiver, receiver_running

JOB = "01980000-0000-7000-8000-000000000001"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiver_running() as receiver:
        yield receiver


def order(vendors: Vendors, callback: str | None, *plans: dict[str, Any], **payload: Any) -> Answer:
    """A job whose webhooks are as `plans` say; one good one if there are none."""
    told = {"simulate": {"mode": "normal", "webhook": list(plans)}} if plans else {}
    body = {**({"callback": callback} if callback else {}), "metadata": {"job": JOB}, **told, **payload}
    return vendors.ask("POST", "/async", json.dumps(body).encode(), timeout=20, X_Request_ID=JOB)


def deliveries(vendors: Vendors, count: int, query: str = "") -> list[dict[str, Any]]:
    """What the vendor wrote down, once so many events were delivered or given up."""
    give_up_at = time.monotonic() + 10
    while True:
        found = list(vendors.ask("GET", f"/control/webhooks{query}").json["deliveries"])
        if sum(delivery.get("over", False) for delivery in found) >= count:
            return found
        assert time.monotonic() < give_up_at, found
        time.sleep(0.01)


def state(vendors: Vendors, reference: str) -> dict[str, Any]:
    return dict(vendors.ask("GET", f"/async/{reference}").json)


def test_a_job_is_accepted_and_told_of_later_under_the_vendors_own_id(vendors: Vendors, receiver: Receiver) -> None:
    answer = order(vendors, receiver.url, productId="A-1")
    assert answer.status == 202
    assert answer.json == {"id": answer.json["id"], "status": "accepted"}
    [event] = receiver.wait_for(1)
    assert event.signed_with(SECRET)
    assert abs(event.age_seconds) < 5
    assert event.headers["content-type"] == "application/json"
    told = event.json
    assert told["report"].pop("timestamp")
    assert told == {
        "id": answer.json["id"],
        "event_id": event.event,
        "status": "complete",
        "metadata": {"job": JOB},
        "report": {"vendor": "asyncVendor", "data": "Processed async data for A-1"},
    }


def test_a_delivery_is_written_down_with_its_answer(vendors: Vendors, receiver: Receiver) -> None:
    reference = order(vendors, receiver.url).json["id"]
    [delivery] = deliveries(vendors, 1, f"?request_id={JOB}")
    assert (delivery["reference"], delivery["answered"], delivery["attempt"]) == (reference, 202, 1)
    assert delivery["say"] == "complete"
    assert delivery["at_monotonic"] >= vendors.calls("?vendor=async")[0]["at_monotonic"] + 0.2
    assert vendors.ask("DELETE", "/control/webhooks").status == 204
    assert vendors.ask("GET", "/control/webhooks").json == {"deliveries": [], "next": None}


@pytest.mark.parametrize("payload", [b"3", b'"text"', b"[1]", b"null", b"{}", b'{"metadata": 3, "productId": {}}'])
def test_a_payload_without_a_callback_is_done_and_can_only_be_asked_after(vendors: Vendors, payload: bytes) -> None:
    answer = vendors.ask("POST", "/async", payload)
    assert answer.status == 202
    reference = answer.json["id"]
    assert state(vendors, reference)["status"] == "accepted"
    while state(vendors, reference)["status"] == "accepted":
        time.sleep(0.01)
    assert state(vendors, reference)["report"]["data"] == "Processed async data"


@pytest.mark.parametrize(
    ("payload", "status"), [(b"{", 400), (b"[,]", 400), (b'{"callback": 3}', 422), (b'{"callback": "ftp://x"}', 422)]
)
def test_what_is_no_order_is_refused(vendors: Vendors, payload: bytes, status: int) -> None:
    assert vendors.ask("POST", "/async", payload).status == status
    assert vendors.stats()["effects"] == 0


def test_an_unknown_report_and_other_methods_are_refused(vendors: Vendors) -> None:
    assert vendors.ask("GET", "/async/rep_1").status == 404
    assert vendors.ask("GET", "/async").status == 405


def test_a_repeated_key_gets_the_same_id_and_no_second_webhook(vendors: Vendors, receiver: Receiver) -> None:
    body = json.dumps({"callback": receiver.url}).encode()
    first, second = (vendors.ask("POST", "/async", body, Idempotency_Key="k").json["id"] for _ in range(2))
    assert first == second
    other = vendors.ask("POST", "/async", body, Idempotency_Key="other").json["id"]
    deliveries(vendors, 2)
    assert {event.json["id"] for event in receiver.received} == {first, other}
    assert (len(receiver.received), vendors.stats()["effects"]) == (2, 2)


def test_keys_that_are_not_honoured_make_a_second_job(vendors: Vendors, receiver: Receiver) -> None:
    vendors.ask("PUT", "/control/async/idempotency", b'{"honoured": false}')
    body = json.dumps({"callback": receiver.url}).encode()
    ids = {vendors.ask("POST", "/async", body, Idempotency_Key="k").json["id"] for _ in range(2)}
    assert {event.json["id"] for event in receiver.wait_for(2)} == ids
    assert len(ids) == 2


def test_a_poll_is_no_repetition_of_the_call_whatever_key_it_carries(vendors: Vendors) -> None:
    reference = vendors.ask("POST", "/async", b"{}", Idempotency_Key="k").json["id"]
    assert "metadata" in vendors.ask("GET", f"/async/{reference}", Idempotency_Key="k").json


def test_an_early_webhook_is_answered_before_its_call_is(vendors: Vendors, receiver: Receiver) -> None:
    answer = order(vendors, receiver.url, {"early": True})
    assert [event.json["id"] for event in receiver.received] == [answer.json["id"]]


def test_an_early_webhook_that_is_refused_holds_the_answer_no_longer(vendors: Vendors, receiver: Receiver) -> None:
    receiver.answers = [503]
    order(vendors, receiver.url, {"early": True})
    assert [delivery["answered"] for delivery in deliveries(vendors, 1)] == [503, 202]


def test_a_late_webhook_comes_late(vendors: Vendors, receiver: Receiver) -> None:
    began = time.monotonic()
    order(vendors, receiver.url, {"after": 0.5})
    receiver.wait_for(1)
    assert time.monotonic() - began >= 0.5


def test_an_event_comes_twice_under_one_id(vendors: Vendors, receiver: Receiver) -> None:
    order(vendors, receiver.url, {"times": 2})
    first, second = receiver.wait_for(2)
    assert (first.event, first.body) == (second.event, second.body)


def test_an_event_comes_from_twenty_connections_at_once(vendors: Vendors) -> None:
    all_there = threading.Barrier(20, timeout=10)
    with receiver_running(on_arrival=all_there.wait) as receiver:
        order(vendors, receiver.url, {"at_once": 20})
        events = receiver.wait_for(20)
    assert len({event.event for event in events}) == 1
    assert len({event.connection for event in events}) == 20


def test_events_come_in_the_order_that_is_told(vendors: Vendors, receiver: Receiver) -> None:
    said = ["queued", "complete", "processing", "failed"]
    reference = order(vendors, receiver.url, *({"say": word, "after": 0} for word in said)).json["id"]
    events = receiver.wait_for(4)
    assert [event.json["status"] for event in events] == said
    assert len({event.event for event in events}) == 4
    assert ["report" in event.json for event in events] == [False, True, False, False]
    assert events[-1].json["message"] == "told to fail"
    assert state(vendors, reference)["status"] == "complete"  # an end is an end


def test_a_forged_an_unsigned_and_a_good_event_differ_in_their_signature(vendors: Vendors, receiver: Receiver) -> None:
    order(vendors, receiver.url, {"signature": "forged"}, {"signature": "none"}, {})
    forged, unsigned, good = receiver.wait_for(3)
    assert not forged.signed_with(SECRET)
    assert "webhook-signature" not in unsigned.headers
    assert good.signed_with(SECRET)


@pytest.mark.parametrize(("timestamp", "age"), [(-400, 400), (400, -400)])
def test_a_wrongly_timed_event_is_well_signed(vendors: Vendors, receiver: Receiver, timestamp: int, age: int) -> None:
    order(vendors, receiver.url, {"timestamp": timestamp})
    [event] = receiver.wait_for(1)
    assert event.signed_with(SECRET)
    assert abs(event.age_seconds - age) < 5


def test_a_garbled_timestamp_is_sent_as_it_stands(vendors: Vendors, receiver: Receiver) -> None:
    order(vendors, receiver.url, {"timestamp": "yesterday"})
    [event] = receiver.wait_for(1)
    assert event.headers["webhook-timestamp"] == "yesterday"
    assert event.signed_with(SECRET)


def test_an_event_may_be_large_or_rubbish_or_lack_what_was_promised(vendors: Vendors, receiver: Receiver) -> None:
    plans = ({"size": 1024 * 1024 + 1}, {"body": "no JSON"}, {"without": ["metadata", "report"]}, {"event": "msg_x"})
    order(vendors, receiver.url, *plans)
    large, rubbish, poor, named = receiver.wait_for(4)
    assert len(large.body) == 1024 * 1024 + 1
    assert large.json["status"] == "complete"
    assert rubbish.body == b"no JSON"
    assert set(poor.json) == {"id", "event_id", "status"}
    assert named.event == named.json["event_id"] == "msg_x"
    assert all(event.signed_with(SECRET) for event in receiver.received)


def test_a_vendor_that_never_tells_can_still_be_asked(vendors: Vendors, receiver: Receiver) -> None:
    body = {"callback": receiver.url, "simulate": {"mode": "normal", "webhook": []}}
    reference = vendors.ask("POST", "/async", json.dumps(body).encode()).json["id"]
    while state(vendors, reference)["status"] != "complete":
        time.sleep(0.01)
    assert receiver.received == []
    assert vendors.ask("GET", "/control/webhooks").json["deliveries"] == []


def test_an_event_that_is_not_taken_is_sent_again_under_the_same_id(vendors: Vendors, receiver: Receiver) -> None:
    receiver.answers = [503, 429, 500]
    order(vendors, receiver.url)
    rows = deliveries(vendors, 1)
    assert [(row["answered"], row["attempt"], row.get("over", False)) for row in rows] == [
        (503, 1, False),
        (429, 2, False),
        (500, 3, False),
        (202, 4, True),
    ]
    assert len({event.event for event in receiver.received}) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_a_refused_event_is_not_sent_again(vendors: Vendors, receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    order(vendors, receiver.url)
    [delivery] = deliveries(vendors, 1)
    assert (delivery["answered"], delivery["over"]) == (status, True)


def test_an_event_that_is_sent_once_only_is_given_up(vendors: Vendors, receiver: Receiver) -> None:
    receiver.answers = [503]
    order(vendors, receiver.url, {"retried": False})
    assert [delivery["answered"] for delivery in deliveries(vendors, 1)] == [503]


def test_nobody_at_the_callback_is_waited_for(vendors: Vendors) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    order(vendors, f"http://127.0.0.1:{port}/hook", {"after": 0})
    while not vendors.ask("GET", "/control/webhooks").json["deliveries"]:
        time.sleep(0.01)
    with receiver_running(port) as receiver:
        receiver.wait_for(1)
        rows = deliveries(vendors, 1)
    assert (rows[0]["answered"], rows[-1]["answered"]) == ("refused", 202)


def test_the_webhooks_of_a_call_that_was_cut_come_all_the_same(vendors: Vendors, receiver: Receiver) -> None:
    body = json.dumps({"callback": receiver.url, "simulate": {"mode": "drop_after", "times": 1}}).encode()
    with pytest.raises((ConnectionError, OSError)):
        vendors.ask("POST", "/async", body, Idempotency_Key="k")
    [event] = receiver.wait_for(1)
    assert vendors.ask("POST", "/async", body, Idempotency_Key="k").json["id"] == event.json["id"]


def test_the_control_route_tells_of_webhooks_too(vendors: Vendors, receiver: Receiver) -> None:
    vendors.tell({"mode": "normal", "times": 1, "webhook": {"say": "failed"}}, vendor="async")
    order(vendors, receiver.url)
    order(vendors, receiver.url)
    assert sorted(event.json["status"] for event in receiver.wait_for(2)) == ["complete", "failed"]


@pytest.mark.parametrize("plan", [{"signature": "odd"}, {"times": 0}, {"after": -1}, {"without": ["x"]}, {"late": 1}])
def test_a_plan_that_is_none_is_refused(vendors: Vendors, plan: dict[str, Any]) -> None:
    answer = order(vendors, None, plan)
    assert answer.status == 400
    assert next(iter(plan)) in answer.json["error"]


def test_the_secret_can_be_changed_while_they_run(vendors: Vendors, receiver: Receiver) -> None:
    new = "whsec_YW5vdGhlciBzZWNyZXQ="
    assert vendors.ask("PUT", "/control/webhooks/secret", json.dumps({"secret": new}).encode()).status == 204
    order(vendors, receiver.url)
    [event] = receiver.wait_for(1)
    assert event.signed_with(new)
    refused = vendors.ask("PUT", "/control/webhooks/secret", b'{"secret": "hunter2"}')
    assert (refused.status, refused.json["field"]) == (422, "/secret")
    assert b"hunter2" not in refused.body
