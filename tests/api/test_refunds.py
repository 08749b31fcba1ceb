"""Giving money back over HTTP: by the shop alone, once for a key, on record, and never more than was captured."""

import asyncio
from typing import Any

import msgspec
import pytest
from httpx import AsyncClient, Response

from domain.accounts.audit import Act
from domain.commerce.payments import GIVE_BACK
from domain.money import Money
from domain.payments.payments import Payment, Refund, RefundStatus, Status
from tests.api.people import People
from tests.fakes_payments import a_paid_payment, a_payment, a_refund

MACHINE = "service:acme"  # the client of the token `service`


def on_record(people: People, payment: Payment | None = None) -> Payment:
    payment = payment or a_paid_payment(client=people.alice.user.client)
    people.payments.stored[payment.id] = payment
    return payment


async def refunded(client: AsyncClient, payment: Payment, key: str | None = "k", **body: Any) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    content: dict[str, Any] = {"json": body} if body else {}
    return await client.post(f"/payments/{payment.id}/refund", headers=headers, **content)


def look(people: People, payment: Payment) -> Payment:
    return people.payments.stored[payment.id]


async def test_a_part_is_given_back_by_a_job_that_has_the_refunds_id(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    answer = await refunded(root, payment, amount=300, currency="usd", reason="requested_by_customer")
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["id"], told["status"], told["amount"]) == (told["request_id"], "pending", 300)
    assert (told["payment_id"], told["currency"]) == (str(payment.id), "USD")
    after = look(people, payment)
    [refund], [job] = after.refunds, people.payment_jobs.stored.values()
    assert (str(refund.id), refund.id) == (told["id"], job.id)
    assert (after.refunding, after.refundable, after.owed) == (300, 700, None)
    asked = msgspec.json.decode(job.payload)
    assert (asked["kind"], asked["amount"], asked["reason"]) == (GIVE_BACK, 300, "requested_by_customer")
    assert answer.headers["location"] == f"/payments/{payment.id}"


async def test_without_an_amount_all_that_is_left_is_given_back(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    await refunded(root, payment, "a", amount=300)
    answer = await refunded(root, payment, "b")
    assert (answer.status_code, answer.json()["amount"]) == (202, 700)
    assert look(people, payment).refundable == 0


async def test_repeating_a_key_gives_back_once_and_answers_with_the_first(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    first, again = [await refunded(root, payment, amount=300) for _ in range(2)]
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    other = await refunded(root, payment, amount=301)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert [refund.amount for refund in look(people, payment).refunds] == [300]
    assert len(people.audit.entries) == 1


async def test_a_repeat_is_answered_also_when_nothing_is_left(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    first = await refunded(root, payment)
    again = await refunded(root, payment)
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())


async def test_without_a_key_nothing_is_given_back(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    answer = await refunded(root, payment, None, amount=300)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/headers/Idempotency-Key"]
    assert look(people, payment) == payment


async def test_more_than_is_left_is_refused_and_says_how_much_is(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    await refunded(root, payment, "a", amount=600)
    answer = await refunded(root, payment, "b", amount=401)
    assert (answer.status_code, answer.json()["code"]) == (409, "refund-too-large")
    assert "4.00 USD" in answer.json()["detail"]
    assert look(people, payment).refunding == 600
    assert len(people.audit.entries) == 1  # what was refused at once is no act


async def test_refunds_at_the_same_instant_never_give_back_more_than_was_captured(
    people: People, root: AsyncClient
) -> None:
    payment = on_record(people)
    answers = await asyncio.gather(*(refunded(root, payment, str(number), amount=30) for number in range(50)))
    assert sorted(answer.status_code for answer in answers) == [202] * 33 + [409] * 17
    after = look(people, payment)
    assert (after.refunding, len(after.refunds)) == (990, 33)


async def test_who_loses_a_race_is_told_what_is_left_by_then(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    rival = a_refund(900)
    store = people.payments.reserve

    async def reserve_second(*which: Any) -> Payment | None:
        people.payments.reserve = store  # type: ignore[method-assign]
        await store(payment.id, None, rival)
        return await store(*which)

    people.payments.reserve = reserve_second  # type: ignore[method-assign,assignment]
    late = await refunded(root, payment, "a", amount=101)
    assert (late.status_code, late.json()["code"]) == (409, "refund-too-large")
    rest = await refunded(root, payment, "b")
    assert (rest.status_code, rest.json()["amount"]) == (202, 100)


async def test_all_that_is_left_is_what_is_left_once_a_rival_was_first(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    store = people.payments.reserve

    async def reserve_second(*which: Any) -> Payment | None:
        people.payments.reserve = store  # type: ignore[method-assign]
        await store(payment.id, None, a_refund(900))
        return await store(*which)

    people.payments.reserve = reserve_second  # type: ignore[method-assign,assignment]
    answer = await refunded(root, payment)
    assert (answer.status_code, answer.json()["amount"]) == (202, 100)
    assert look(people, payment).refunding == 1000
    assert len(people.audit.entries) == 1


@pytest.mark.parametrize("status", [status for status in Status if status not in (Status.COMPLETED, Status.REFUNDED)])
async def test_what_was_not_captured_is_not_given_back(people: People, root: AsyncClient, status: Status) -> None:
    payment = on_record(people, a_payment(status=status))
    answer = await refunded(root, payment, amount=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-state")
    assert look(people, payment) == payment
    assert people.audit.entries == []


async def test_what_was_given_back_already_is_not_given_back_again(people: People, root: AsyncClient) -> None:
    done = a_refund(1000, status=RefundStatus.COMPLETED, reference="re_1")
    payment = on_record(people, a_paid_payment(status=Status.REFUNDED, refunded=1000, refunds=[done]))
    answer = await refunded(root, payment)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-state")


async def test_another_currency_than_the_payments_is_refused(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    answer = await refunded(root, payment, amount=300, currency="EUR")
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, ["/currency"])
    assert "USD" in answer.json()["detail"]
    assert look(people, payment) == payment


async def test_a_part_of_three_decimals_must_end_in_a_zero_too(people: People, root: AsyncClient) -> None:
    payment = on_record(people, a_paid_payment(total=Money(amount=1000, currency="BHD")))
    refused, taken = await refunded(root, payment, "a", amount=305), await refunded(root, payment, "b", amount=300)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/amount")
    assert "card networks" in refused.json()["detail"]
    assert taken.status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"amount":0}', "/amount"),
        ('{"amount":-1}', "/amount"),
        ('{"amount":1.0}', "/amount"),
        ('{"amount":0.5}', "/amount"),
        ('{"amount":1e2}', "/amount"),
        ('{"amount":"100"}', "/amount"),
        ('{"amount":true}', "/amount"),
        ('{"amount":null}', "/amount"),
        ('{"amount":100000000}', "/amount"),
        ('{"currency":"XXX"}', "/currency"),
        ('{"currency":null}', "/currency"),
        ('{"currency":["USD","EUR"]}', "/currency"),
        ('{"reason":"because"}', "/reason"),
        ('{"reason":1}', "/reason"),
        ('{"payment_id":"x"}', "/payment_id"),
        ("[]", ""),
    ],
    ids=str,
)
async def test_what_a_refund_does_not_take_is_named_and_nothing_is_reserved(
    people: People, root: AsyncClient, body: str, pointer: str
) -> None:
    payment = on_record(people)
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await root.post(f"/payments/{payment.id}/refund", content=body, headers=headers)
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (422, [pointer])
    assert look(people, payment) == payment


async def test_who_paid_is_not_who_gives_back(people: People, alice: AsyncClient) -> None:
    payment = on_record(people)
    answer = await refunded(alice, payment)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    async with people.client("alice-key") as key:
        assert (await refunded(key, payment)).status_code == 403
    assert look(people, payment) == payment


async def test_a_service_gives_back_what_was_paid_through_it_alone(people: People) -> None:
    own, another = on_record(people, a_paid_payment(client=MACHINE)), on_record(people)
    async with people.client("service") as service:
        assert (await refunded(service, own)).status_code == 202
        assert (await refunded(service, another)).status_code == 404
    assert look(people, another) == another


async def test_a_refund_is_on_record_before_it_is_reserved(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    people.audit.down = True
    assert (await refunded(root, payment, amount=300)).status_code == 503
    assert look(people, payment) == payment
    people.audit.down = False
    answer = await refunded(root, payment, amount=300)
    [entry] = people.audit.entries
    assert (entry.act, entry.subject) == (Act.PAYMENT_REFUNDED, f"payment:{payment.id}")
    assert (entry.detail["amount"], entry.detail["currency"]) == ("300", "USD")
    assert (entry.actor, entry.detail["refund"]) == (people.root.user.client, answer.json()["id"])


async def test_a_refund_whose_job_cannot_be_put_yet_is_owed(people: People, root: AsyncClient) -> None:
    payment = on_record(people)
    people.payment_jobs.down = True
    answer = await refunded(root, payment, amount=300)
    assert answer.status_code == 202
    after = look(people, payment)
    assert after.owed == [f"refund:{answer.json()['id']}"]
    assert after.refunding == 300


async def test_keys_of_two_who_give_back_are_two(people: People, root: AsyncClient) -> None:
    payment = on_record(people, a_paid_payment(client=MACHINE))
    async with people.client("service") as service:
        assert (await refunded(service, payment, amount=300)).status_code == 202
    assert (await refunded(root, payment, amount=300)).status_code == 202
    refunds: list[Refund] = look(people, payment).refunds
    assert [refund.by for refund in refunds] == [MACHINE, people.root.user.client]
