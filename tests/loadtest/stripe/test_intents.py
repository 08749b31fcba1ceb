"""Payment intents of the simulated Stripe: every status, and what leads from one to the next."""

from typing import Any

import pytest

from tests.loadtest.stripe.api import CARD_ONLY, PAID, Api, error

WISH = {"amount": 2000, "currency": "usd", **CARD_ONLY}
ASKS = "4000002500003155"
SHOP = "https://shop.example/back"


def method(api: Api, number: str) -> str:
    return str(api.make("payment_methods", {"type": "card", "card": {"number": number, "exp_month": 1}})["id"])


def asked(api: Api, **params: Any) -> Any:
    """An intent whose buyer must prove who they are."""
    return api.make("payment_intents", {**PAID, "payment_method": method(api, ASKS), "return_url": SHOP, **params})


def types(api: Api) -> list[str]:
    return [event["type"] for event in reversed(api.events())]


def test_one_that_is_made_and_confirmed_at_once_is_paid(api: Api) -> None:
    intent = api.paid(metadata={"order": "1"})
    assert (intent["amount_received"], intent["next_action"]) == (2000, None)
    charge = api.get(f"charges/{intent['latest_charge']}").json
    assert (charge["paid"], charge["captured"], charge["amount_captured"]) == (True, True, 2000)
    assert charge["metadata"] == {"order": "1"}
    assert types(api) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_without_a_payment_method_it_waits_for_one_and_with_one_for_its_confirmation(api: Api) -> None:
    bare = api.make("payment_intents", WISH)
    assert bare["status"] == "requires_payment_method"
    assert error(api.post(f"payment_intents/{bare['id']}/confirm"), 400)["code"] == "payment_intent_unexpected_state"
    ready = api.make("payment_intents", {**WISH, "payment_method": "pm_card_visa"})
    assert ready["status"] == "requires_confirmation"
    assert api.make(f"payment_intents/{ready['id']}/confirm")["status"] == "succeeded"
    late = api.make(f"payment_intents/{bare['id']}/confirm", {"payment_method": "pm_card_mastercard"})
    assert late["status"] == "succeeded"


def test_a_paid_one_is_neither_confirmed_nor_cancelled_again(api: Api) -> None:
    intent = api.paid()
    for action in ("confirm", "cancel", "capture"):
        refused = error(api.post(f"payment_intents/{intent['id']}/{action}"), 400)
        assert (refused["code"], refused["payment_intent"]["id"]) == ("payment_intent_unexpected_state", intent["id"])
    assert api.totals()["charged"] == {"usd": 2000}


def test_a_buyer_proves_who_they_are_on_a_page_and_is_sent_back(api: Api) -> None:
    intent = asked(api)
    assert (intent["status"], intent["next_action"]["type"]) == ("requires_action", "redirect_to_url")
    page = intent["next_action"]["redirect_to_url"]["url"]
    shown = api.vendors.ask("GET", f"/stripe/{page.split('/stripe/', 1)[1]}")
    assert (shown.status, b'id="complete"' in shown.body) == (200, True)
    answer = api.press(page, "complete")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"{SHOP}?payment_intent={intent['id']}&")
    assert answer.headers["location"].endswith("redirect_status=succeeded")
    assert api.get(f"payment_intents/{intent['id']}").json["status"] == "succeeded"
    assert api.press(page, "fail").status == 410
    assert types(api)[:2] == ["payment_intent.created", "payment_intent.requires_action"]


def test_who_fails_to_prove_it_may_try_another_card(api: Api) -> None:
    intent = asked(api)
    answer = api.press(intent["next_action"]["redirect_to_url"]["url"], "fail")
    assert answer.headers["location"].endswith("redirect_status=failed")
    failed = api.get(f"payment_intents/{intent['id']}").json
    assert (failed["status"], failed["payment_method"]) == ("requires_payment_method", None)
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    again = api.make(f"payment_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"})
    assert (again["status"], again["last_payment_error"]) == ("succeeded", None)


def test_without_a_way_back_the_page_is_for_stripes_script(api: Api) -> None:
    intent = api.make("payment_intents", {**PAID, "payment_method": "pm_card_threeDSecure2Required"})
    assert intent["next_action"]["type"] == "use_stripe_sdk"


def test_nobody_is_there_to_prove_it_off_session(api: Api) -> None:
    refused = error(
        api.post("payment_intents", {**PAID, "payment_method": method(api, ASKS), "off_session": "true"}), 402
    )
    assert (refused["code"], refused["decline_code"]) == ("authentication_required", "authentication_required")
    assert refused["payment_intent"]["status"] == "requires_payment_method"


def test_what_is_held_is_captured_in_part_and_the_rest_let_go(api: Api) -> None:
    held = api.make("payment_intents", {**PAID, "capture_method": "manual"})
    assert (held["status"], held["amount_capturable"], held["amount_received"]) == ("requires_capture", 2000, 0)
    assert api.totals()["charged"] == {}
    too_much = api.post(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 2001})
    assert error(too_much, 400)["param"] == "amount_to_capture"
    done = api.make(f"payment_intents/{held['id']}/capture", {"amount_to_capture": 700})
    assert (done["status"], done["amount_received"], done["amount_capturable"]) == ("succeeded", 700, 0)
    assert api.totals()["charged"] == {"usd": 700}
    assert types(api)[-2:] == ["charge.captured", "payment_intent.succeeded"]


def test_what_is_held_can_be_cancelled_and_is_never_captured_then(api: Api) -> None:
    held = api.make("payment_intents", {**PAID, "capture_method": "manual"})
    gone = api.make(f"payment_intents/{held['id']}/cancel", {"cancellation_reason": "abandoned"})
    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "abandoned")
    assert api.post(f"payment_intents/{held['id']}/capture").status == 400
    assert types(api)[-1] == "payment_intent.canceled"


def test_one_that_is_cancelled_while_the_buyer_is_asked_cannot_be_paid_any_more(api: Api) -> None:
    intent = asked(api)
    api.make(f"payment_intents/{intent['id']}/cancel")
    assert api.press(intent["next_action"]["redirect_to_url"]["url"], "complete").status == 410
    assert api.totals()["statuses"] == {"canceled": 1}


@pytest.mark.parametrize(("succeeded", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_one_that_is_processing_is_decided_later(api: Api, succeeded: bool, status: str) -> None:
    api.control("PUT", "/outcomes", {"confirmations": "processing"})
    intent = api.make("payment_intents", PAID)
    assert intent["status"] == "processing"
    assert api.totals()["charged"] == {}
    api.control("POST", f"/payment_intents/{intent['id']}/settle", {"succeeded": succeeded})
    assert api.get(f"payment_intents/{intent['id']}").json["status"] == status
    assert "payment_intent.processing" in types(api)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_a_declined_card_leaves_an_intent_that_wants_another(
    api: Api, name: str, code: str, reason: str | None
) -> None:
    refused = error(api.post("payment_intents", {**PAID, "payment_method": name}), 402)
    assert (refused["type"], refused["code"], refused.get("decline_code")) == ("card_error", code, reason)
    intent = api.get(f"payment_intents/{refused['payment_intent']['id']}").json
    assert (intent["status"], intent["last_payment_error"]["code"]) == ("requires_payment_method", code)
    charge = api.get(f"charges/{refused['charge']}").json
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, code)
    assert types(api) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert api.totals()["charged"] == {}


@pytest.mark.parametrize(
    ("number", "code"),
    [("4242424242424241", "incorrect_number"), ("4012888888881881", "card_declined"), ("12", "incorrect_number")],
)
def test_a_number_that_is_no_test_card_is_no_payment_method(api: Api, number: str, code: str) -> None:
    answer = api.post("payment_methods", {"type": "card", "card": {"number": number}})
    assert error(answer, 402)["code"] == code


def test_a_card_without_a_customer_pays_once_and_one_of_a_customer_again_and_again(api: Api) -> None:
    loose = method(api, "4242424242424242")
    api.paid(payment_method=loose)
    assert (
        "may not be used again" in error(api.post("payment_intents", {**PAID, "payment_method": loose}), 400)["message"]
    )
    customer = api.make("customers", {"name": "Ada"})["id"]
    kept = method(api, "4242424242424242")
    api.make(f"payment_methods/{kept}/attach", {"customer": customer})
    for _ in range(2):
        api.paid(payment_method=kept, customer=customer)
    assert api.post("payment_intents", {**PAID, "payment_method": kept}).status == 400


def test_a_way_back_is_needed_where_any_method_of_the_dashboard_may_pay(api: Api) -> None:
    wish = {name: value for name, value in PAID.items() if name != "allowed_payment_method_types"}
    refused = error(api.post("payment_intents", wish), 400)
    assert "return_url" in refused["message"]
    assert api.get("payment_intents").json["data"] == []
    never = {"automatic_payment_methods": {"enabled": "true", "allow_redirects": "never"}}
    assert api.make("payment_intents", {**wish, **never})["status"] == "succeeded"
