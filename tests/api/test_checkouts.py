"""Customers and checkouts over HTTP: made by a job that is waited for, and answered as the processor said it."""

from typing import Any

import msgspec
import pytest
from httpx import Response

from api.checkouts import JOB_HEADER
from domain.jobs import JobError, Status
from domain.payments.jobs import CREATE_CHECKOUT, CREATE_CUSTOMER
from tests.api.apps import app_of
from tests.api.people import People
from tests.fakes_payment_ports import PAGES

CUSTOMER = {"name": "Jane Doe", "email": "Jane@example.com"}
CHECKOUT = {"currency": "usd", "product_name": "Red mug", "amount": "2000"}
SAID = '{"id":"cus_1", "object":"customer","balance":0,"name":"Jané"}'
BOTH = pytest.mark.parametrize(
    ("path", "body", "kind"),
    [("/payments/customers", CUSTOMER, CREATE_CUSTOMER), ("/payments/checkout", CHECKOUT, CREATE_CHECKOUT)],
    ids=["customer", "checkout"],
)


def answers(people: People, **becoming: Any) -> None:
    people.payment_jobs.becoming = {"epoch": 3, **becoming}


def fails(people: People, code: str, vendor_status: int | None) -> None:
    error = JobError(code=code, message="The processor's own words.", vendor_status=vendor_status, attempts=1)
    answers(people, status=Status.FAILED, error=error)


async def asked(people: People, path: str, body: dict[str, Any]) -> Response:
    async with people.client("alice") as alice:
        return await alice.post(path, json=body)


@BOTH
async def test_what_the_processor_made_is_answered_byte_for_byte_with_our_id(
    people: People, path: str, body: dict[str, Any], kind: str
) -> None:
    answers(people, status=Status.COMPLETE, result=SAID)
    answer = await asked(people, path, body)
    [job] = people.payment_jobs.stored.values()
    assert (answer.status_code, answer.text) == (201, SAID)
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers[JOB_HEADER], answer.headers["location"]) == (str(job.id), f"/jobs/{job.id}")
    assert (job.client, (job.metadata or {})["kind"]) == (people.alice.user.client, kind)


async def test_a_customers_name_and_address_are_asked_for_as_they_were_sent(people: People) -> None:
    await asked(people, "/payments/customers", CUSTOMER)
    [job] = people.payment_jobs.stored.values()
    assert msgspec.json.decode(job.payload) == {"kind": CREATE_CUSTOMER, **CUSTOMER}


async def test_a_checkout_sends_its_buyer_back_to_the_gateways_own_pages(people: People) -> None:
    await asked(people, "/payments/checkout", CHECKOUT)
    [job] = people.payment_jobs.stored.values()
    [payment] = people.payments.stored
    assert msgspec.json.decode(job.payload) == {
        "kind": CREATE_CHECKOUT,
        "payment_id": str(payment),
        "currency": "USD",
        "product_name": "Red mug",
        "amount": 2000,
        "success_url": f"{PAGES}/payments/success",
        "cancel_url": f"{PAGES}/payments/cancelled",
    }


async def test_a_checkout_is_a_payment_whose_page_it_is(people: People) -> None:
    """So what is paid there is among the transactions, and can be given back."""
    answer = await asked(people, "/payments/checkout", CHECKOUT)
    [job] = people.payment_jobs.stored.values()
    [payment] = people.payments.stored.values()
    assert answer.headers["Gateway-Payment-Id"] == str(payment.id) == (job.metadata or {})["payment_id"]
    assert (payment.status, payment.job, payment.total.amount, payment.owed) == ("processing", job.id, 2000, None)
    async with people.client("alice") as alice:
        shown = (await alice.get(f"/payments/{payment.id}")).json()
    assert (shown["status"], shown["request_id"]) == ("processing", str(job.id))


async def test_a_checkout_whose_job_could_not_be_stored_is_owed_and_answered_by_its_id(people: People) -> None:
    people.payment_jobs.down = True
    answer = await asked(people, "/payments/checkout", CHECKOUT)
    [payment] = people.payments.stored.values()
    assert (answer.status_code, answer.headers[JOB_HEADER]) == (202, str(payment.job))
    assert payment.owed == ["begin"]


@BOTH
async def test_what_takes_longer_is_answered_by_its_job(
    people: People, path: str, body: dict[str, Any], kind: str
) -> None:
    answer = await asked(people, path, body)
    [job] = people.payment_jobs.stored.values()
    assert answer.status_code == 202
    assert answer.json() == {"request_id": str(job.id), "status": "pending", "links": {"self": f"/jobs/{job.id}"}}
    assert (answer.headers[JOB_HEADER], "retry-after" in answer.headers) == (str(job.id), True)
    async with people.client("alice") as alice:
        assert (await alice.get(answer.headers["location"])).json()["metadata"]["kind"] == kind
    async with people.client("bob") as bob:
        assert (await bob.get(answer.headers["location"])).status_code == 404


@BOTH
@pytest.mark.parametrize(
    ("code", "vendor_status", "status"),
    [
        ("card_declined", 402, 402),
        ("email_invalid", 400, 422),
        ("resource_missing", 404, 422),
        ("amount_not_chargeable", None, 422),
    ],
)
async def test_the_processors_explicit_no_is_a_problem_in_its_own_words(
    people: People, path: str, body: dict[str, Any], kind: str, code: str, vendor_status: int | None, status: int
) -> None:
    fails(people, code, vendor_status)
    answer = await asked(people, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), kind
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == answer.json()["message"] == "The processor's own words."
    assert (answer.json()["instance"], answer.json()["errors"]) == (path, [])
    assert JOB_HEADER in answer.headers


@BOTH
@pytest.mark.parametrize(
    ("code", "vendor_status"),
    [("outcome_unknown", None), ("vendor_failed", 500), ("deadline", None), ("key_refused", 401), ("busy", 429)],
)
async def test_a_processors_trouble_is_no_error_of_ours_and_its_job_tells_it(
    people: People, path: str, body: dict[str, Any], kind: str, code: str, vendor_status: int | None
) -> None:
    fails(people, code, vendor_status)
    answer = await asked(people, path, body)
    assert (answer.status_code, answer.json()["status"]) == (202, "failed"), kind
    async with people.client("alice") as alice:
        assert (await alice.get(answer.headers["location"])).json()["error_detail"]["code"] == code


async def test_what_cannot_be_stored_is_not_accepted(people: People) -> None:
    people.payment_jobs.down = True
    assert (await asked(people, "/payments/customers", CUSTOMER)).status_code == 503


async def test_what_was_stored_is_accepted_whatever_fails_then(people: People) -> None:
    put = people.payment_jobs.put

    async def put_and_fall(job: Any) -> None:
        await put(job)
        people.jobs.down = True

    people.payment_jobs.put = put_and_fall  # type: ignore[method-assign]
    assert (await asked(people, "/payments/customers", CUSTOMER)).status_code == 202


async def test_who_was_shut_out_while_waiting_is_not_told(people: People) -> None:
    ports, put = people.ports(), people.payment_jobs.put
    callers: Any = ports.callers
    people.app = app_of(ports)

    async def put_and_lock(job: Any) -> None:
        answers(people, status=Status.COMPLETE, result=SAID)
        await put(job)
        callers.forget()

    people.payment_jobs.put = put_and_lock  # type: ignore[method-assign]
    answer = await asked(people, "/payments/customers", CUSTOMER)
    assert answer.status_code == 401
    assert "cus_1" not in answer.text
