"""Payments over HTTP when many ask for one at the same instant: who reads before another writes pays no second time."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from httpx import AsyncClient

from domain.payments.payments import Payment, Status, Transaction
from tests.api.apps import app_of
from tests.api.people import People
from tests.fakes_payments import FakePaymentStore, a_paid_payment, a_payment

BODY = {"amount": 2000, "currency": "usd", "payment_method": "credit_card"}
MANY = 8


class Unhurried(FakePaymentStore):
    """A store whose every answer is on its way while the others ask."""

    async def find(self, payment_id: UUID, owner: str | None) -> Payment | None:
        found = await super().find(payment_id, owner)
        await asyncio.sleep(0)
        return found

    async def change(self, before: Payment, after: Payment, transactions: Sequence[Transaction] = ()) -> bool:
        await asyncio.sleep(0)
        return await super().change(before, after, transactions)


@pytest.fixture
def people() -> People:
    people = People()
    people.payments = Unhurried()
    people.app = app_of(people.ports())
    return people


def of_alice(people: People, payment: Payment) -> Payment:
    payment = payment.model_copy(update={"client": people.alice.user.client})
    people.payments.stored[payment.id] = payment
    return payment


async def test_of_many_who_try_a_payment_at_once_all_are_told_of_one_try(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people, a_payment())
    path, named = f"/payments/{payment.id}/process", {"payment_id": str(payment.id)}
    card = {"payment_method_id": "pm_card_visa"}
    answers = await asyncio.gather(
        *(alice.post(path, json=card) for _ in range(MANY)),
        *(alice.post("/payments/process", json={**named, **card}) for _ in range(MANY)),
    )
    assert {answer.status_code for answer in answers} == {202}
    after = people.payments.stored[payment.id]
    assert {answer.json()["request_id"] for answer in answers} == {str(after.job)}
    assert (after.tries, after.owed, list(people.payment_jobs.stored)) == (1, None, [after.job])


async def test_of_two_ways_to_pay_at_once_one_is_tried(people: People, alice: AsyncClient) -> None:
    payment = of_alice(people, a_payment())
    methods = [f"pm_{number}" for number in range(MANY)]
    path = f"/payments/{payment.id}/process"
    answers = await asyncio.gather(*(alice.post(path, json={"payment_method_id": method}) for method in methods))
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * (MANY - 1)]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"payment-state"}
    after = people.payments.stored[payment.id]
    assert (after.status, after.tries, len(people.payment_jobs.stored)) == (Status.PROCESSING, 1, 1)


async def test_of_many_who_make_a_payment_with_one_key_at_once_all_get_one(people: People, alice: AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*(alice.post("/payments", json=BODY, headers=key) for _ in range(MANY)))
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {(201, str(*people.payments.stored))}


async def test_of_many_who_give_back_with_one_key_at_once_all_get_one_refund(people: People, root: AsyncClient) -> None:
    payment = of_alice(people, a_paid_payment())
    path, key = f"/payments/{payment.id}/refund", {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*(root.post(path, json={"amount": 300}, headers=key) for _ in range(MANY)))
    [refund] = people.payments.stored[payment.id].refunds
    assert {(answer.status_code, answer.json()["id"]) for answer in answers} == {(202, str(refund.id))}
    assert people.payments.stored[payment.id].refunding == 300
    assert list(people.payment_jobs.stored) == [refund.id]
