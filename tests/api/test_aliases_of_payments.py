"""The earlier clients' paths of payments: each does what our route does, sent the body that those clients send."""

from typing import Any

import msgspec
import pytest
from httpx import AsyncClient, Response

from api.aliases import PAYMENT_ALIASES
from domain.jobs import Status as JobStatus
from domain.payments.payments import Payment, Status
from tests.api.people import People
from tests.fakes_payments import a_paid_payment, a_payment

SESSION = '{"id":"cs_1","url":"https://pay.example/cs_1"}'
OLD_PAYMENT = {"amount": "2000", "currency": "usd", "paymentMethod": "credit_card"}


def of_alice(people: People, payment: Payment) -> Payment:
    payment = payment.model_copy(update={"client": people.alice.user.client})
    people.payments.stored[payment.id] = payment
    return payment


def faults(answer: Response) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return [fault["pointer"] for fault in answer.json()["errors"]]


def test_every_row_of_payments_is_tried_here() -> None:
    assert {(row.method, row.old) for row in PAYMENT_ALIASES} == {
        ("POST", "/payment/create-customer"),
        ("POST", "/payment/checkout"),
        ("POST", "/api/payments"),
        ("POST", "/api/payments/process"),
        ("GET", "/api/payments/{payment_id}"),
        ("GET", "/api/payments/{payment_id}/status"),
        ("POST", "/api/payments/{payment_id}/process"),
        ("POST", "/api/payments/{payment_id}/refund"),
        ("GET", "/api/transactions"),
    }


async def test_a_customer_is_made_as_those_clients_ask(people: People, alice: AsyncClient) -> None:
    people.payment_jobs.becoming = {"status": JobStatus.COMPLETE, "result": '{"id":"cus_1"}', "epoch": 3}
    answer = await alice.post("/payment/create-customer", json={"name": "Jane", "email": "jane@example.com"})
    assert (answer.status_code, answer.text) == (201, '{"id":"cus_1"}')
    assert "gateway-job-id" in answer.headers
    assert answer.headers["link"] == '</payments/customers>; rel="successor-version"'


@pytest.mark.parametrize("name", ["product_name", "productName"])
@pytest.mark.parametrize("amount", ["2000", 2000])
async def test_a_checkout_is_opened_as_those_clients_ask(
    people: People, alice: AsyncClient, name: str, amount: Any
) -> None:
    people.payment_jobs.becoming = {"status": JobStatus.COMPLETE, "result": SESSION, "epoch": 3}
    answer = await alice.post("/payment/checkout", json={"amount": amount, "currency": "usd", name: "Red mug"})
    assert (answer.status_code, answer.json()["url"]) == (201, "https://pay.example/cs_1")
    [job] = people.payment_jobs.stored.values()
    asked = msgspec.json.decode(job.payload)
    assert (asked["amount"], asked["currency"], asked["product_name"]) == (2000, "USD", "Red mug")
    assert answer.headers["deprecation"] == "@1795219200"


@pytest.mark.parametrize("amount", ["2000", 2000])
@pytest.mark.parametrize("method", ["payment_method", "paymentMethod"])
async def test_a_payment_is_made_as_those_clients_spell_it(
    people: People, alice: AsyncClient, amount: Any, method: str
) -> None:
    body = {"amount": amount, "currency": "usd", method: "debit_card", "userId": str(people.alice.user.id)}
    answer = await alice.post("/api/payments", json=body)
    assert answer.status_code == 201, answer.text
    [payment] = people.payments.stored.values()
    assert (payment.total.amount, payment.total.currency, payment.method) == (2000, "USD", "debit_card")
    assert answer.headers["location"] == f"/payments/{payment.id}"


@pytest.mark.parametrize(
    "amount", ["20.00", "-1", "0", "", " 2000", "1e3", "9" * 19, "100000000", "٢", None, 20.5, True]
)
async def test_an_amount_is_text_of_digits_and_no_other(people: People, alice: AsyncClient, amount: Any) -> None:
    for path, body in (
        ("/api/payments", OLD_PAYMENT),
        ("/payment/checkout", {"currency": "usd", "product_name": "Red mug"}),
    ):
        answer = await alice.post(path, json={**body, "amount": amount})
        assert (answer.status_code, faults(answer)) == (422, ["/amount"])
    assert people.payments.stored == {}
    assert people.payment_jobs.stored == {}


async def test_our_own_route_takes_no_text_for_an_amount(alice: AsyncClient) -> None:
    body = {"amount": "2000", "currency": "usd", "payment_method": "credit_card"}
    assert (await alice.post("/payments", json=body)).status_code == 422


async def test_faults_are_told_by_the_names_that_were_sent(people: People, alice: AsyncClient) -> None:
    answer = await alice.post("/api/payments", json={**OLD_PAYMENT, "paymentMethod": "cash", "userId": "bob"})
    assert (answer.status_code, sorted(faults(answer))) == (422, ["/paymentMethod", "/userId"])
    made = of_alice(people, a_payment())
    answer = await alice.post("/api/payments/process", json={"paymentId": "x", "paymentMethodId": 1})
    assert (answer.status_code, faults(answer)) == (422, ["/paymentId", "/paymentMethodId"])
    assert people.payments.stored[made.id] == made


async def test_a_payment_is_tried_as_those_clients_ask(people: People, alice: AsyncClient) -> None:
    named, by_path = of_alice(people, a_payment()), of_alice(people, a_payment())
    body = {"paymentId": str(named.id), "paymentMethodId": "pm_card_visa"}
    assert (await alice.post("/api/payments/process", json=body)).status_code == 202
    path = f"/api/payments/{by_path.id}/process"
    assert (await alice.post(path, json={"paymentMethodId": "pm_card_visa"})).status_code == 202
    assert {payment.status for payment in people.payments.stored.values()} == {Status.PROCESSING}


@pytest.mark.parametrize("suffix", ["", "/status"])
async def test_a_payment_is_shown_to_whose_it_is(people: People, alice: AsyncClient, suffix: str) -> None:
    payment = of_alice(people, a_paid_payment())
    shown = await alice.get(f"/api/payments/{payment.id}{suffix}")
    assert shown.json() == (await alice.get(f"/payments/{payment.id}{suffix}")).json()
    async with people.client("bob") as bob:
        theirs = await bob.get(f"/api/payments/{payment.id}{suffix}")
    assert (theirs.status_code, theirs.json()["instance"]) == (404, f"/api/payments/{payment.id}{suffix}")


@pytest.mark.parametrize("amount", ["500", 500])
async def test_money_is_given_back_by_the_shop_alone_and_under_a_key(
    people: People, alice: AsyncClient, root: AsyncClient, amount: Any
) -> None:
    payment = of_alice(people, a_paid_payment())
    path, key = f"/api/payments/{payment.id}/refund", {"Idempotency-Key": "k"}
    body = {"amount": amount, "reason": "requested_by_customer"}
    assert (await alice.post(path, json=body, headers=key)).status_code == 403
    without = await root.post(path, json=body)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency-key-missing")
    answer = await root.post(path, json=body, headers=key)
    assert (answer.status_code, answer.json()["amount"]) == (202, 500)
    assert people.payments.stored[payment.id].refunding == 500


async def test_transactions_are_listed_as_by_our_route(alice: AsyncClient) -> None:
    answer = await alice.get("/api/transactions?limit=5")
    assert answer.json() == (await alice.get("/transactions?limit=5")).json() == {"items": [], "next_cursor": None}
