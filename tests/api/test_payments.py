"""Payments over HTTP: made once, tried by their own, and shown as the processor's word has them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from httpx import AsyncClient, Response

from api.app import build_app
from domain.accounts.audit import Act
from domain.commerce.payments import PROCESS
from domain.money import Money
from domain.payments.money_state import Standing
from domain.payments.payments import Failure, Payment, Status
from domain.payments.settling import settled
from domain.request_ids import new_request_id
from tests.api.apps import app_of
from tests.api.people import People
from tests.fakes_payment_ports import PAGES, fake_payments
from tests.fakes_payments import a_paid_payment, a_payment, a_refund, paid_state
from tests.strategies import NOON

BODY: dict[str, Any] = {"amount": 2000, "currency": "usd", "payment_method": "credit_card"}
CARD = {"payment_method_id": "pm_card_visa"}


@pytest.fixture
async def bob(people: People) -> AsyncIterator[AsyncClient]:
    async with people.client("bob") as client:
        yield client


def of_alice(people: People, payment: Payment | None = None) -> Payment:
    """On record."""
    payment = (payment or a_payment()).model_copy(update={"client": people.alice.user.client})
    people.payments.stored[payment.id] = payment
    return payment


async def tried(client: AsyncClient, payment: Payment, **body: str) -> Response:
    return await client.post(f"/payments/{payment.id}/process", json=body or CARD)


async def test_a_payment_is_made_pending_and_shown_where_it_says(people: People, alice: AsyncClient) -> None:
    answer = await alice.post("/payments", json={**BODY, "details": {"invoice": "A-17"}})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["status"], told["amount"], told["currency"]) == ("pending", 2000, "USD")
    assert (told["client"], told["details"]) == (people.alice.user.client, {"invoice": "A-17"})
    assert answer.headers["location"] == f"/payments/{told['id']}"
    assert answer.headers["cache-control"] == "private, no-cache"
    shown = await alice.get(answer.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (told, answer.headers["etag"])
    assert people.payment_jobs.stored == {}  # nobody is charged by it


async def test_details_are_shown_as_they_were_sent(alice: AsyncClient) -> None:
    text = '{"b":1.0,"a":[1e2,"\\u00e9",null,99999999999999999999]}'
    content = msgspec.json.encode({**BODY, "details": msgspec.Raw(text.encode())})
    made = await alice.post("/payments", content=content, headers={"Content-Type": "application/json"})
    assert made.status_code == 201
    assert text in (await alice.get(made.headers["location"])).text


async def test_repeating_a_key_makes_one_payment_and_answers_with_it(people: People, alice: AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    first, again = [await alice.post("/payments", json=BODY, headers=key) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    other = await alice.post("/payments", json={**BODY, "amount": 2001}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(people.payments.stored) == 1


async def test_a_key_is_its_clients_own(people: People, alice: AsyncClient, bob: AsyncClient) -> None:
    for client in (alice, bob):
        answer = await client.post("/payments", json=BODY, headers={"Idempotency-Key": "k"})
        assert "idempotency-replayed" not in answer.headers
    assert len(people.payments.stored) == 2


async def test_a_payment_is_another_clients_404_in_every_route(people: People, bob: AsyncClient) -> None:
    payment = of_alice(people, a_paid_payment())
    before = people.payments.stored[payment.id]
    named = {"payment_id": str(payment.id), **CARD}
    answers = [
        await bob.get(f"/payments/{payment.id}"),
        await bob.get(f"/payments/{payment.id}/status"),
        await tried(bob, payment),
        await bob.post("/payments/process", json=named),
    ]
    async with people.client("service") as service:
        key = {"Idempotency-Key": "k"}
        answers.append(await service.post(f"/payments/{payment.id}/refund", headers=key))
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {(404, "Payment not found")}
    assert people.payments.stored[payment.id] == before


@pytest.mark.parametrize("name", ["x", "64b7f9a2c1d3e4f5a6b7c8d9", "{payment_id}", "customers", "0"])
async def test_what_is_no_id_names_no_payment(alice: AsyncClient, name: str) -> None:
    assert (await alice.get(f"/payments/{name}/status")).status_code == 404
    assert (await alice.post(f"/payments/{name}/process", json=CARD)).status_code == 404


async def test_an_admin_sees_and_tries_anybodys_which_is_on_record(people: People, root: AsyncClient) -> None:
    payment = of_alice(people)
    assert (await root.get(f"/payments/{payment.id}")).json()["client"] == people.alice.user.client
    assert people.audit.entries == []
    assert (await tried(root, payment)).status_code == 202
    [entry] = people.audit.entries
    assert (entry.act, entry.subject) == (Act.PAYMENT_TRIED, f"payment:{payment.id}")


@pytest.mark.parametrize("named", [True, False])
async def test_trying_a_payment_puts_its_try_on_record_with_a_job(
    people: People, alice: AsyncClient, *, named: bool
) -> None:
    payment = of_alice(people)
    if named:
        answer = await alice.post("/payments/process", json={"payment_id": str(payment.id), **CARD})
    else:
        answer = await tried(alice, payment)
    assert answer.status_code == 202, answer.text
    after = people.payments.stored[payment.id]
    assert answer.json() == {"payment_id": str(payment.id), "request_id": str(after.job), "status": "processing"}
    assert (after.status, after.payment_method, after.tries, after.owed) == (Status.PROCESSING, "pm_card_visa", 1, None)
    [job] = people.payment_jobs.stored.values()
    assert (job.id, (job.metadata or {})["kind"]) == (after.job, PROCESS)
    asked = msgspec.json.decode(job.payload)
    assert (asked["amount"], asked["currency"], asked["return_url"]) == (1000, "USD", f"{PAGES}/payments/return")
    assert answer.headers["location"] == f"/payments/{payment.id}"


async def test_who_tries_twice_with_the_same_way_to_pay_is_told_of_the_one_try(
    people: People, alice: AsyncClient
) -> None:
    payment = of_alice(people)
    first, again = await tried(alice, payment), await tried(alice, payment)
    assert (again.status_code, again.json()) == (202, first.json())
    other = await tried(alice, payment, payment_method_id="pm_other")
    assert (other.status_code, other.json()["code"]) == (409, "payment-state")
    assert len(people.payment_jobs.stored) == 1


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, Status.REFUNDED, Status.REQUIRES_ACTION])
async def test_what_cannot_be_tried_says_why(people: People, alice: AsyncClient, status: Status) -> None:
    payment = of_alice(people, a_payment(status=status))
    answer = await tried(alice, payment)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-state")
    assert people.payments.stored[payment.id] == payment
    assert people.payment_jobs.stored == {}


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.FAILED])
async def test_an_orders_payment_is_paid_on_its_page_alone(people: People, alice: AsyncClient, status: Status) -> None:
    payment = of_alice(people, a_payment(order=new_request_id(), status=status))
    answer = await tried(alice, payment)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-state")
    assert "order's" in answer.json()["detail"]
    assert people.payments.stored[payment.id] == payment
    assert people.payment_jobs.stored == {}


async def test_after_an_explicit_no_another_try_has_a_job_of_its_own(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people)
    await tried(alice, payment)
    people.payments.stored[payment.id] = people.payments.stored[payment.id].model_copy(
        update={"status": Status.FAILED, "failure": Failure(code="card_declined", message="no")}
    )
    assert (await tried(alice, payment, payment_method_id="pm_other")).status_code == 202
    assert len(people.payment_jobs.stored) == 2


async def test_a_try_whose_job_cannot_be_put_yet_is_owed(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people)
    people.payment_jobs.down = True
    answer = await tried(alice, payment)
    after = people.payments.stored[payment.id]
    assert (answer.status_code, answer.json()["request_id"]) == (202, str(after.job))
    assert after.owed == ["begin"]
    assert after.sweep_at is not None


async def test_what_the_processor_said_is_shown(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people)
    word = settled(payment, paid_state(payment), NOON)
    assert word is not None
    after = word.payment.model_copy(update={"refunds": [a_refund(by="user:root"), a_refund(by="processor")]})
    people.payments.stored[payment.id] = after
    told = (await alice.get(f"/payments/{payment.id}")).json()
    assert (told["status"], told["captured"], told["refundable"]) == ("completed", 1000, 1000)
    assert [(refund["by"], refund["request_id"] is None) for refund in told["refunds"]] == [
        ("shop", False),
        ("processor", True),
    ]
    assert "user:root" not in msgspec.json.encode(told).decode()


async def test_the_status_says_what_the_payment_says(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people)
    state = paid_state(
        payment, standing=Standing.REQUIRES_ACTION, captured=0, charge=None, next_action="https://bank.example/3ds"
    )
    word = settled(payment, state, NOON)
    assert word is not None
    people.payments.stored[payment.id] = word.payment
    told = (await alice.get(f"/payments/{payment.id}/status")).json()
    assert (told["payment_id"], told["status"]) == (str(payment.id), "requires_action")
    assert (told["next_action"], told["failure"]) == ("https://bank.example/3ds", None)


@pytest.mark.parametrize("suffix", ["", "/status"])
async def test_who_has_it_already_is_not_sent_it_again(people: People, alice: AsyncClient, suffix: str) -> None:
    payment = of_alice(people)
    path = f"/payments/{payment.id}{suffix}"
    tag = (await alice.get(path)).headers["etag"]
    for sent in (tag, f"W/{tag}", "*"):
        again = await alice.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await tried(alice, payment)
    assert (await alice.get(path, headers={"If-None-Match": tag})).status_code == 200


async def test_where_nobody_set_up_a_processor_nothing_begins_and_what_there_is_is_shown(people: People) -> None:
    payment = of_alice(people, a_paid_payment(total=Money(amount=1000, currency="USD")))
    ports = people.ports()
    untaken = fake_payments(payments=people.payments, jobs=people.payment_jobs, takes_payments=False)
    people.app = app_of(replace(ports, payments=untaken))
    async with people.client("alice") as alice, people.client("root") as root:
        answers = [
            await alice.post("/payments", json=BODY),
            await tried(alice, payment),
            await alice.post("/payments/process", json={"payment_id": str(payment.id), **CARD}),
            await alice.post("/payments/customers", json={"name": "Jane", "email": "jane@example.com"}),
            await alice.post("/payments/checkout", json={"currency": "USD", "product_name": "Mug", "amount": 1}),
            await root.post(f"/payments/{payment.id}/refund", headers={"Idempotency-Key": "k"}),
        ]
        shown = await alice.get(f"/payments/{payment.id}")
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "payments-not-configured")}
    assert all(answer.headers["retry-after"] == "60" for answer in answers)
    assert shown.status_code == 200
    assert list(people.payments.stored.values()) == [payment]
    assert people.payment_jobs.stored == {}


async def test_a_process_without_payments_serves_no_route_of_theirs(people: People) -> None:
    people.app = build_app(replace(people.ports(), payments=None))
    async with people.client("alice") as alice:
        for path in ("/payments", "/payments/process", "/payment/checkout", "/api/payments"):
            assert (await alice.post(path, json=BODY)).status_code == 404
        assert (await alice.get(f"/payments/{new_request_id()}")).status_code == 404


async def test_a_store_that_is_away_is_told_as_such(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people)
    people.payments.down = True
    for answer in (await alice.post("/payments", json=BODY), await tried(alice, payment)):
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
