"""Refunds at the simulated Stripe: never more than was captured, whoever asks and however many at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.loadtest.stripe.api import PAID, Api, error


def charge_of(api: Api, intent: str) -> dict[str, object]:
    return dict(api.get(f"charges/{api.get(f'payment_intents/{intent}').json['latest_charge']}").json)


def test_a_part_then_the_rest_then_nothing_more(api: Api) -> None:
    intent = api.paid()["id"]
    first = api.make("refunds", {"payment_intent": intent, "amount": 500, "reason": "requested_by_customer"})
    assert (first["status"], first["amount"], first["currency"]) == ("succeeded", 500, "usd")
    rest = api.make("refunds", {"payment_intent": intent})
    assert rest["amount"] == 1500
    charge = charge_of(api, intent)
    assert (charge["amount_refunded"], charge["refunded"]) == (2000, True)
    refused = error(api.post("refunds", {"payment_intent": intent, "amount": 1}), 400)
    assert refused["code"] == "charge_already_refunded"
    assert api.totals()["left"] == {"usd": 0}


@pytest.mark.parametrize("earlier", [0, 600])
def test_more_than_is_left_is_refused(api: Api, earlier: int) -> None:
    intent = api.paid()["id"]
    if earlier:
        api.make("refunds", {"payment_intent": intent, "amount": earlier})
    refused = error(api.post("refunds", {"payment_intent": intent, "amount": 2001 - earlier}), 400)
    assert (refused["param"], "is greater than" in refused["message"]) == ("amount", True)
    assert api.totals()["refunded"].get("usd", 0) == earlier


def test_fifty_at_once_never_give_back_a_cent_too_much(api: Api) -> None:
    intent = api.paid()["id"]
    with ThreadPoolExecutor(10) as pool:
        asked = [{"payment_intent": intent, "amount": 99} for _ in range(50)]
        answers = list(pool.map(lambda wish: api.post("refunds", wish).status, asked))
    assert (answers.count(200), answers.count(400)) == (20, 30)
    assert (api.totals()["refunded"], api.totals()["left"]) == ({"usd": 1980}, {"usd": 20})


def test_what_was_never_paid_is_not_refunded(api: Api) -> None:
    waiting = api.make("payment_intents", {**PAID, "confirm": "false"})["id"]
    held = api.make("payment_intents", {**PAID, "capture_method": "manual"})["id"]
    declined = error(api.post("payment_intents", {**PAID, "payment_method": "pm_card_chargeDeclined"}), 402)
    for intent in (waiting, held, declined["payment_intent"]["id"]):
        refused = error(api.post("refunds", {"payment_intent": intent}), 400)
        assert "does not have a successful charge" in refused["message"]
    assert api.post("refunds", {"charge": declined["charge"]}).status == 400


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({}, None),
        ({"payment_intent": "pi_none"}, "payment_intent"),
        ({"charge": "ch_none"}, "charge"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1.5"}, "amount"),
        ({"reason": "changed_my_mind"}, "reason"),
        ({"currency": "usd", "charge": "ch_none"}, "currency"),
    ],
)
def test_a_wish_that_names_nothing_or_is_none_is_refused(api: Api, wish: dict[str, str], param: str | None) -> None:
    assert error(api.post("refunds", wish), 400).get("param") == param


def test_a_pending_one_counts_as_given_back_until_it_fails(api: Api) -> None:
    intent = api.paid()["id"]
    api.control("PUT", "/outcomes", {"refunds": "pending"})
    pending = api.make("refunds", {"payment_intent": intent})
    assert (pending["status"], pending["pending_reason"]) == ("pending", "processing")
    assert api.post("refunds", {"payment_intent": intent, "amount": 1}).status == 400
    assert api.totals()["pending"] == {"usd": 2000}
    api.control("POST", f"/refunds/{pending['id']}/settle", {"status": "failed"})
    charge = charge_of(api, intent)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert (api.totals()["refunded"], api.totals()["left"]) == ({"usd": 0}, {"usd": 2000})
    told = [event["type"] for event in api.events("refund.*", "charge.refund*")]
    assert told == ["charge.refund.updated", "refund.updated", "refund.failed", "charge.refunded", "refund.created"]


def test_a_settled_one_is_not_settled_again_but_by_failing(api: Api) -> None:
    api.control("PUT", "/outcomes", {"refunds": "pending"})
    refund = api.make("refunds", {"payment_intent": api.paid()["id"]})["id"]
    for status, becomes in (("succeeded", "succeeded"), ("failed", "failed"), ("succeeded", "failed")):
        api.control("POST", f"/refunds/{refund}/settle", {"status": status})
        assert api.get(f"refunds/{refund}").json["status"] == becomes


@pytest.mark.parametrize(
    ("card", "first", "later"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
def test_the_cards_of_asynchronous_refunds_have_theirs_decided_of_itself(
    api: Api, card: str, first: str, later: str
) -> None:
    api.control("PUT", "/outcomes", {"refund_seconds": None})
    kept = api.make("refunds", {"payment_intent": api.paid(payment_method=card)["id"]})
    assert kept["status"] == first
    api.control("PUT", "/outcomes", {"refund_seconds": 0})
    made = api.make("refunds", {"payment_intent": api.paid(payment_method=card)["id"]})
    assert made["status"] == first
    assert api.get(f"refunds/{made['id']}").json["status"] == later
    assert api.get(f"refunds/{kept['id']}").json["status"] == first


def test_a_refund_by_hand_counts_and_comes_of_no_request(api: Api) -> None:
    intent = api.paid()["id"]
    api.control("POST", "/refunds", {"payment_intent": intent, "amount": 700})
    assert api.totals()["refunded"] == {"usd": 700}
    assert api.post("refunds", {"payment_intent": intent, "amount": 1301}).status == 400
    [event] = api.events("refund.created")
    assert event["request"] == {"id": None, "idempotency_key": None}


def test_the_books_are_kept_by_currency_and_by_what_the_metadata_say(api: Api) -> None:
    api.paid(metadata={"order": "1"})
    yen = api.paid(amount=500, currency="jpy", metadata={"order": "2", "job": "j"})
    api.make("refunds", {"payment_intent": yen["id"], "amount": 100})
    whole, order = api.totals(), api.totals("?order=2&job=j")
    assert (whole["charged"], whole["refunded"]) == ({"usd": 2000, "jpy": 500}, {"jpy": 100})
    assert (order["charged"], order["left"], order["statuses"]) == ({"jpy": 500}, {"jpy": 400}, {"succeeded": 1})
    assert api.totals("?order=3")["charges"] == 0
