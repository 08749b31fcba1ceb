"""What the simulated Stripe does badly on command, and whether it did what it was asked."""

from http.client import RemoteDisconnected
from typing import Any

import pytest

from tests.loadtest.stripe.api import KEY, PAID, Api, error

CUT = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)


def told(api: Api, *faults: dict[str, Any], on: str = "") -> None:
    api.control("PUT", f"?on={on}" if on else "", list(faults))


@pytest.mark.parametrize(("mode", "charged"), [("drop_before", {}), ("drop_after", {"usd": 2000})])
def test_a_line_is_cut_before_or_after_it_acted(api: Api, mode: str, charged: dict[str, int]) -> None:
    told(api, {"mode": mode, "times": 1})
    with pytest.raises(CUT):
        api.post("payment_intents", PAID, "k1")
    assert api.totals()["charged"] == charged
    assert api.post("payment_intents", PAID, "k1").status == 200
    assert api.totals()["charged"] == {"usd": 2000}


def test_a_line_is_cut_within_the_answer(api: Api) -> None:
    told(api, {"mode": "drop_midway", "times": 1})
    with pytest.raises(Exception, match=r"IncompleteRead|reset"):
        api.post("payment_intents", PAID)
    assert api.totals()["charged"] == {"usd": 2000}


def test_it_hangs_and_does_nothing(api: Api) -> None:
    told(api, {"mode": "hang", "times": 1})
    with pytest.raises(TimeoutError):
        api.vendors.ask("POST", "/stripe/v1/customers", b"", timeout=0.1, Authorization=f"Bearer {KEY}")
    assert api.get("customers").json["data"] == []


def test_it_answers_late_what_it_did_at_once(api: Api) -> None:
    told(api, {"mode": "slow", "seconds": 0.05, "times": 1})
    assert api.post("payment_intents", PAID).status == 200
    call = api.vendors.calls("?vendor=stripe")[-1]
    assert call["seconds"] >= 0.05
    assert call["effect"] is True


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failure_of_its_own_has_stripes_body(api: Api, status: int) -> None:
    told(api, {"mode": "api_error", "status": status, "times": 1})
    assert error(api.post("payment_intents", PAID), status)["type"] == "api_error"
    assert api.totals()["charged"] == {}


def test_too_many_requests_have_stripes_body(api: Api) -> None:
    told(api, {"mode": "rate_limit", "times": 1, "retry_after": 2})
    answer = api.post("payment_intents", PAID)
    assert (error(answer, 429)["code"], answer.headers["retry-after"]) == ("rate_limit", "2")
    assert api.totals()["charged"] == {}


@pytest.mark.parametrize("status", [429, 409])
def test_somebody_else_works_on_the_same_object(api: Api, status: int) -> None:
    told(api, {"mode": "lock_timeout", "status": status, "times": 1})
    assert error(api.post("payment_intents", PAID, "k1"), status)["code"] == "lock_timeout"
    assert api.post("payment_intents", PAID, "k1").status == 200


def test_faults_are_for_the_operations_that_they_name(api: Api) -> None:
    told(api, {"mode": "api_error"}, on="POST%20/v1/*/confirm")
    told(api, {"mode": "rate_limit"}, on="GET%20/v1/refunds*")
    intent = api.make("payment_intents", {**PAID, "confirm": "false"})["id"]
    assert api.post(f"payment_intents/{intent}/confirm").status == 500
    assert (api.get("refunds").status, api.get("charges").status) == (429, 200)
    api.control("DELETE", "?on=POST%20/v1/*/confirm")
    assert api.post(f"payment_intents/{intent}/confirm").status == 200
    assert list(api.control("GET").json) == ["GET /v1/refunds*"]


def test_pages_are_touched_by_no_fault(api: Api) -> None:
    told(api, {"mode": "api_error"})
    assert api.vendors.ask("GET", "/stripe/pay/cs_none").status == 404


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("", b'{"mode": "rude"}'),
        ("", b'{"mode": "normal", "webhook": []}'),
        ("/webhooks", b'[{"url": "http://here"}]'),
        ("/webhooks/plans", b'[{"often": true}]'),
        ("/outcomes", b'{"refunds": "maybe"}'),
    ],
)
def test_what_a_control_route_does_not_take_is_refused(api: Api, route: str, body: bytes) -> None:
    assert api.vendors.ask("PUT", f"/control/stripe{route}", body).status == 422


def test_what_is_no_control_route_is_not_found(api: Api) -> None:
    for method, route in (("POST", "/nothing"), ("PATCH", "/webhooks"), ("POST", "/payment_intents/pi_1/settle")):
        assert api.vendors.ask(method, f"/control/stripe{route}", b'{"succeeded": true}').status == 404
