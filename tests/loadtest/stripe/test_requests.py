"""What the simulated Stripe takes: keys, versions, forms, amounts, lists; and what it says of anything else."""

from base64 import b64encode
from typing import Any

import pytest

from tests.loadtest.stripe.api import CARD_ONLY, KEY, PAID, Api, error

WISH: dict[str, Any] = {"amount": 2000, "currency": "usd", **CARD_ONLY}


def test_every_answer_has_a_request_id_and_the_version(api: Api) -> None:
    for answer in (api.get("customers"), api.get("customers/cus_none"), api.get("nothing")):
        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["stripe-version"] == "2026-10-28.endive"
    assert "Unrecognized request URL (GET: /v1/nothing)" in error(api.get("nothing"), 404)["message"]


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic !", "Digest x", "Bearer pk_test_1", "Bearer sk_live_1"])
def test_without_a_test_key_nobody_comes_in(api: Api, header: str) -> None:
    answer = api.vendors.ask("GET", "/stripe/v1/customers", Authorization=header)
    assert error(answer, 401)["type"] == "invalid_request_error"
    assert "www-authenticate" in answer.headers


def test_a_key_may_come_as_the_name_of_basic_authentication(api: Api) -> None:
    basic = b64encode(f"{KEY}:".encode()).decode()
    assert api.vendors.ask("GET", "/stripe/v1/customers", Authorization=f"Basic {basic}").status == 200


def test_one_key_alone_can_be_the_right_one_and_a_wrong_one_is_not_told_back(api: Api) -> None:
    api.control("PUT", "/keys", {"accepted": ["sk_test_right"]})
    message = error(api.get("customers"), 401)["message"]
    assert (KEY in message, message[-4:]) == (False, KEY[-4:])
    assert api.get("customers", None, Authorization="Bearer sk_test_right").status == 200


def test_another_version_is_refused(api: Api) -> None:
    assert "Invalid Stripe API version" in error(api.get("customers", Stripe_Version="2020-08-27"), 400)["message"]


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": "20.00"}, "parameter_invalid_integer", "amount"),
        ({"amount": "2e3"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount"),
        ({"amount": "-1"}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"amount": {"a": 1}}, "parameter_invalid_integer", "amount"),
        ({"amount": "9" * 40}, "parameter_invalid_integer", "amount"),
        ({**WISH, "confirm": "yes"}, None, "confirm"),
        ({**WISH, "colour": "red"}, "parameter_unknown", "colour"),
        (
            {**WISH, "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ({**WISH, "allowed_payment_method_types": ["ideal"]}, None, "allowed_payment_method_types"),
        (
            {**WISH, "shipping": {"address": {"planet": "x"}, "name": "y"}},
            "parameter_unknown",
            "shipping[address][planet]",
        ),
        ({**WISH, "capture_method": "never"}, None, "capture_method"),
        ({**WISH, "metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({**WISH, "metadata": {"k": "v" * 501}}, None, "metadata"),
        ({**WISH, "metadata": "x"}, None, "metadata"),
        ({**WISH, "expand": ["review"]}, None, "expand"),
        ({**WISH, "customer": "cus_none"}, "resource_missing", "customer"),
        ({**WISH, "payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({**WISH, "return_url": "https://shop.example"}, None, "return_url"),
        ({**WISH, "currency": "xxx"}, None, "currency"),
        ({**WISH, "currency": "EURO"}, None, "currency"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_what_is_wrong_is_named(api: Api, params: dict[str, Any], code: str | None, param: str) -> None:
    refused = error(api.post("payment_intents", params), 400)
    assert (refused.get("code"), refused["param"]) == (code, param)
    assert api.get("payment_intents").json["data"] == []


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (50, "usd", 200), (49, "usd", "amount_too_small"), (99_999_999, "usd", 200),
        (100_000_000, "usd", "amount_too_large"), (50, "JPY", 200), (49, "jpy", "amount_too_small"),
        (30, "gbp", 200), (29, "gbp", "amount_too_small"), (10_000, "bhd", 200), (10_001, "bhd", None),
        (500, "isk", 200), (550, "isk", None),
    ],
)  # fmt: skip
def test_amounts_are_of_the_minor_units_that_stripe_has(
    api: Api, amount: int, currency: str, code: int | str | None
) -> None:
    answer = api.post("payment_intents", {**WISH, "amount": amount, "currency": currency})
    if code == 200:
        assert (answer.json["amount"], answer.json["currency"]) == (amount, currency.lower())
    else:
        refused = error(answer, 400)
        assert (refused.get("code"), refused["param"]) == (code, "amount")


@pytest.mark.parametrize(
    "body",
    [
        b"\xff=1",
        b"amount",
        b"[a]=1",
        b"a[b=1",
        b"amount=1&amount[a]=2",
        b"amount[a]=2&amount=1",
        b"&".join([b"a=1"] * 1001),
    ],
)
def test_a_body_that_is_no_form_is_refused(api: Api, body: bytes) -> None:
    answer = api.vendors.ask("POST", "/stripe/v1/payment_intents", body, Authorization=f"Bearer {KEY}")
    assert error(answer, 400)["type"] == "invalid_request_error"


def test_metadata_may_have_any_names_and_an_empty_value_takes_one_away(api: Api) -> None:
    made = api.make("customers", {"metadata": {"0": "a", "1": "b", "gte": "c"}, "name": "Ada"})
    assert made["metadata"] == {"0": "a", "1": "b", "gte": "c"}
    changed = api.make(f"customers/{made['id']}", {"metadata": {"0": "", "2": "d"}, "name": ""})
    assert (changed["metadata"], changed["name"]) == ({"1": "b", "gte": "c", "2": "d"}, None)
    assert api.make(f"customers/{made['id']}", {"metadata": ""})["metadata"] == {}


def test_a_deleted_customer_is_told_as_such_and_pays_no_more(api: Api) -> None:
    customer = api.make("customers", {"payment_method": "pm_card_visa"})["id"]
    [kept] = api.get(f"customers/{customer}/payment_methods").json["data"]
    api.delete(f"customers/{customer}")
    assert api.get(f"customers/{customer}").json == {"id": customer, "object": "customer", "deleted": True}
    assert api.post("payment_intents", {**PAID, "customer": customer, "payment_method": kept["id"]}).status == 400
    assert error(api.delete(f"customers/{customer}"), 404)["code"] == "resource_missing"


def test_a_card_that_declines_is_kept_for_nobody(api: Api) -> None:
    assert api.post("customers", {"payment_method": "pm_card_chargeDeclined"}).status == 402
    assert api.get("customers").json["data"] == []


def test_a_list_is_walked_from_page_to_page(api: Api) -> None:
    made = [api.make("payment_intents", WISH)["id"] for _ in range(5)]
    first = api.get("payment_intents", {"limit": 2}).json
    second = api.get("payment_intents", {"limit": 2, "starting_after": first["data"][-1]["id"]}).json
    third = api.get("payment_intents", {"limit": 2, "starting_after": second["data"][-1]["id"]}).json
    pages = (first, second, third)
    assert [intent["id"] for page in pages for intent in page["data"]] == made[::-1]
    assert [page["has_more"] for page in pages] == [True, True, False]
    back = api.get("payment_intents", {"limit": 2, "ending_before": made[0]}).json
    assert ([intent["id"] for intent in back["data"]], back["has_more"]) == ([made[2], made[1]], True)


def test_a_list_is_narrowed_by_when_and_whose(api: Api) -> None:
    ada = api.make("customers", {"email": "ada@example.com"})
    customer = ada["id"]
    mine = api.make("payment_intents", {**WISH, "customer": customer})
    api.make("payment_intents", WISH)
    assert [intent["id"] for intent in api.get("payment_intents", {"customer": customer}).json["data"]] == [mine["id"]]
    assert len(api.get("payment_intents", {"created": {"gte": mine["created"]}}).json["data"]) == 2
    assert api.get("payment_intents", {"created": {"gt": mine["created"] + 60}}).json["data"] == []
    assert len(api.get("customers", {"email": "ada@example.com", "created": ada["created"]}).json["data"]) == 1
    assert api.get("customers", {"email": "eve@example.com"}).json["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": "x"}, "limit"), ({"colour": "red"}, "colour"),
        ({"starting_after": "pi_none"}, "starting_after"), ({"created": {"gte": "x"}}, "created[gte]"),
        ({"expand": ["latest_charge"]}, "expand"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_is_refused(api: Api, query: dict[str, Any], param: str) -> None:
    assert error(api.get("payment_intents", query), 400)["param"] == param


def test_what_an_id_stands_for_can_be_shown_in_its_place(api: Api) -> None:
    intent = api.paid(customer=api.make("customers", {"name": "Ada"})["id"])
    wanted = ["data.latest_charge.refunds", "data.customer"]
    [shown] = api.get("payment_intents", {"expand": wanted}).json["data"]
    assert shown["latest_charge"]["id"] == intent["latest_charge"]
    assert (shown["latest_charge"]["refunds"]["data"], shown["customer"]["name"]) == ([], "Ada")
    deep = ["charge.payment_intent.latest_charge.payment_intent.customer"]
    assert error(api.post("refunds", {"payment_intent": intent["id"], "expand": deep}), 400)["param"] == "expand"
    assert api.totals()["refunded"].get("usd", 0) == 0
