"""The simulated sync vendor when it is well."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.loadtest.client import Vendors


def test_it_answers_with_the_product_and_the_payload(vendors: Vendors) -> None:
    answer = vendors.call({"productId": "PROD-ABC-123", "action": "fetch_details"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "status": "success",
        "vendor": "syncVendor",
        "data": "Processed sync data for PROD-ABC-123",
        "timestamp": answer.json["timestamp"],
        "originalPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"},
    }
    assert abs(datetime.fromisoformat(answer.json["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "payload",
    [
        b'{ "b":1,  "a" : 1.0e0, "a": 12345678901234567890123456789, "$x.y": "\\u0000" }',
        '{"productId":"Gr\\u00fcn \\"quoted\\" ü"}'.encode(),
        b"[1, 2]",
        b"null",
        b'"text"',
        b" 7 ",
    ],
)
def test_the_payload_comes_back_byte_for_byte(vendors: Vendors, payload: bytes) -> None:
    answer = vendors.ask("POST", "/sync", payload)
    assert answer.status == 200
    assert answer.body.endswith(b'"originalPayload":' + payload + b"}")
    assert json.loads(payload) == answer.json["originalPayload"]


@pytest.mark.parametrize(
    ("payload", "data"),
    [
        ({"productId": 'a "quoted" ü'}, 'Processed sync data for a "quoted" ü'),
        ({"productId": 17}, "Processed sync data for 17"),
        ({"productId": None}, "Processed sync data"),
        ({"productId": {"a": 1}}, "Processed sync data"),
        ({}, "Processed sync data"),
        ([], "Processed sync data"),
        (3, "Processed sync data"),
    ],
)
def test_it_names_the_product_where_there_is_one(vendors: Vendors, payload: object, data: str) -> None:
    assert vendors.call(payload).json["data"] == data


@pytest.mark.parametrize("body", [b"", b"{", b"{]", b"[" * 100_000], ids=["empty", "open", "broken", "deep"])
def test_what_is_no_json_is_refused_and_does_nothing(vendors: Vendors, body: bytes) -> None:
    assert vendors.ask("POST", "/sync", body).status == 400
    assert vendors.stats()["effects"] == 0


def test_other_paths_and_methods_are_refused(vendors: Vendors) -> None:
    assert vendors.ask("GET", "/sync").status == 405
    assert vendors.ask("POST", "/sync/else", b"{}").status == 404
    assert vendors.ask("POST", "/nobody", b"{}").status == 404
    assert vendors.ask("GET", "/health").status == 200


def test_a_repeated_key_gets_the_first_answer_and_no_second_effect(vendors: Vendors) -> None:
    first = vendors.call({"productId": 1}, Idempotency_Key="k")
    second = vendors.call({"productId": 2}, Idempotency_Key="k")
    assert second.body == first.body
    assert vendors.stats() | {"calls": 2, "effects": 1, "distinct_keys": 1} == vendors.stats()
    assert [call.get("replayed", False) for call in vendors.calls()] == [False, True]


def test_calls_without_a_key_each_have_an_effect(vendors: Vendors) -> None:
    vendors.call({})
    vendors.call({})
    assert vendors.stats()["effects"] == 2


def test_told_to_ignore_keys_it_acts_twice(vendors: Vendors) -> None:
    vendors.ask("PUT", "/control/sync/idempotency", b'{"honoured": false}')
    vendors.call({}, Idempotency_Key="k")
    vendors.call({}, Idempotency_Key="k")
    assert vendors.stats()["effects"] == 2
