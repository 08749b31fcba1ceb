"""Idempotency keys at the simulated Stripe: the first answer again, failures too, and nothing twice."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.loadtest.client import Answer
from tests.loadtest.stripe.api import KEY, PAID, Api, error

DECLINED = {**PAID, "payment_method": "pm_card_chargeDeclined"}


def replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def test_a_repeat_gets_the_first_answer_and_pays_nothing(api: Api) -> None:
    first, second = (api.post("payment_intents", PAID, "k1") for _ in range(2))
    assert (first.body, replayed(first), replayed(second)) == (second.body, False, True)
    assert first.headers["request-id"] != second.headers["request-id"]
    assert second.headers["original-request"] == first.headers["request-id"]
    assert api.totals()["charged"] == {"usd": 2000}


def test_the_order_of_the_parameters_does_not_matter(api: Api) -> None:
    api.post("payment_intents", PAID, "k1")
    assert replayed(api.post("payment_intents", dict(reversed(PAID.items())), "k1"))


def test_other_parameters_or_another_address_under_the_same_key_are_an_error(api: Api) -> None:
    intent = api.make("payment_intents", PAID, "k1")["id"]
    for answer in (
        api.post("payment_intents", {**PAID, "amount": 2001}, "k1"),
        api.post("refunds", {"payment_intent": intent}, "k1"),
        api.post(f"payment_intents/{intent}/cancel", PAID, "k1"),
    ):
        refused = error(answer, 400)
        assert (refused["type"], "Keys for idempotent requests" in refused["message"]) == ("idempotency_error", True)
    assert api.totals()["refunded"] == {}


def test_a_decline_is_replayed_as_it_was(api: Api) -> None:
    first, second = (api.post("payment_intents", DECLINED, "k1") for _ in range(2))
    assert (first.status, first.body, replayed(second)) == (402, second.body, True)
    assert len(api.get("charges").json["data"]) == 1


def test_what_never_began_leaves_no_trace_of_its_key(api: Api) -> None:
    assert api.post("payment_intents", {**PAID, "colour": "red"}, "k1").status == 400
    assert api.post("payment_intents", PAID, "k1", Authorization="Bearer sk_live_x").status == 401
    assert not replayed(api.post("payment_intents", PAID, "k1"))
    assert api.totals()["charged"] == {"usd": 2000}


def test_what_was_refused_after_it_began_is_replayed(api: Api) -> None:
    gone = {"payment_intent": "pi_none"}
    assert [replayed(api.post("refunds", gone, "k1")) for _ in range(2)] == [False, True]


def test_a_failure_after_it_was_done_is_what_a_repeat_gets_and_it_was_done_once(api: Api) -> None:
    api.control("PUT", "?on=POST%20/v1/payment_intents", {"mode": "api_error", "when": "after", "times": 1})
    first, second = (api.post("payment_intents", PAID, "k1") for _ in range(2))
    assert (first.status, second.status, replayed(second)) == (500, 500, True)
    assert api.totals()["charged"] == {"usd": 2000}


@pytest.mark.parametrize(("when", "second"), [("before", 200), ("began", 500)])
def test_a_failure_before_it_was_done_is_kept_only_if_it_had_begun(api: Api, when: str, second: int) -> None:
    api.control("PUT", "", {"mode": "api_error", "when": when, "times": 1})
    assert [api.post("payment_intents", PAID, "k1").status for _ in range(2)] == [500, second]
    assert api.totals()["charged"] == ({"usd": 2000} if second == 200 else {})


def test_keys_live_for_a_day(api: Api) -> None:
    api.post("payment_intents", PAID, "k1")
    api.control("POST", "/clock", {"seconds": 86_390})
    try:
        assert replayed(api.post("payment_intents", PAID, "k1"))
        api.control("POST", "/clock", {"seconds": 20})
        assert not replayed(api.post("payment_intents", PAID, "k1"))
    finally:
        api.control("POST", "/clock", {"seconds": -86_410})
    assert api.totals()["charged"] == {"usd": 4000}


@contextmanager
def one_under_way(api: Api, key: str) -> Iterator[None]:
    """A call that is done, and not answered before its caller hangs up."""
    api.control("PUT", "", {"mode": "slow", "seconds": 3600, "times": 1})
    before = len(api.vendors.calls("?vendor=stripe"))
    head = (
        f"POST /stripe/v1/customers HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: {key}\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.vendors.port)) as line:
        line.sendall(f"{head}Content-Length: 8\r\n\r\nname=Ada".encode())
        while not any("body_sha256" in call for call in api.vendors.calls("?vendor=stripe")[before:]):
            pass
        yield


def test_two_at_the_same_time_are_a_conflict_and_the_second_is_told_to_wait(api: Api) -> None:
    with one_under_way(api, "k1"):
        refused = error(api.post("customers", {"name": "Ada"}, "k1"), 409)
        assert refused["code"] == "idempotency_key_in_use"
        assert api.post("customers", {"name": "Ada"}, "k2").status == 200
    while (answer := api.post("customers", {"name": "Ada"}, "k1")).status == 409:
        pass
    assert replayed(answer)


def test_many_at_the_same_time_make_one(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: api.post("payment_intents", PAID, "k1").status, range(24)))
    assert set(statuses) <= {200, 409}
    assert api.totals()["charged"] == {"usd": 2000}


def test_only_posts_have_keys_and_they_may_not_be_endless(api: Api) -> None:
    customer = api.make("customers", {"name": "Ada"})["id"]
    assert "idempotency-key" not in api.get(f"customers/{customer}", None, Idempotency_Key="k1").headers
    assert api.post("customers", {}, "k" * 256).status == 400


def test_keys_can_be_ignored_on_command(api: Api) -> None:
    api.control("PUT", "/idempotency", {"honoured": False})
    assert not any(replayed(api.post("payment_intents", PAID, "k1")) for _ in range(2))
    assert api.totals()["charged"] == {"usd": 4000}
