"""Paying an order over HTTP: once, by its owner, and on to the processor's page."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from api.ports import ApiPorts
from domain.accounts.audit import Act
from domain.commerce.moving import moved
from domain.commerce.orders import Order, Status, Step
from domain.commerce.payments import checkout_job
from domain.errors import Invalid
from domain.jobs import Job
from domain.money import Money
from domain.outcomes import Done, Failed, Waiting
from domain.payments.amounts import fault_of
from domain.request_ids import new_request_id
from domain.transitions import Rules, settle, start
from domain.vendors import VendorPolicy
from tests.api.people import People
from tests.fakes_commerce import a_product

PAGE = "https://pay.example/co_1"
RULES = Rules(VendorPolicy())
PAID = (Status.AWAITING_PAYMENT, Status.PAID)


class Processor:
    """A `PaymentDesk` that stores what is begun among the API's jobs, and then answers for the processor."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.begun: list[UUID] = []
        self.answer: list[Any] = []

    async def begin(self, order: Order) -> None:
        if order.payment is not None and order.payment not in self.people.jobs.stored:
            self.begun.append(order.payment)
            await self.people.jobs.put(checkout_job(order, self.people.now))

    async def withdraw(self, order: Order) -> None:
        """Nobody asks for it here."""

    async def take(self, *outcomes: Any) -> Job:
        """Answer the payment that was begun last."""
        job = self.people.jobs.stored[self.begun[-1]]
        for outcome in outcomes:
            job = settle(start(job, worker="w", key="k", now=self.people.now), outcome, RULES, self.people.now)
        await self.people.jobs.put(job)
        return job


class OneLink:
    """A `ShortLinks` that makes the same one for the same key, and only to the processor's pages."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str | None]] = []

    async def make(self, url: str, now: Any, *, key: str | None = None, lifetime: Any = None) -> str:
        if not url.startswith("https://pay.example/"):
            raise Invalid("/url leads elsewhere")
        self.made.append((url, key))
        return "A" * 16

    async def find(self, code: str, now: Any) -> str | None:
        return None

    async def count(self, code: str) -> None:
        """Nobody follows it here."""


class PayingPeople(People):
    """People whose orders are paid at a `Processor`, and who are not kept waiting for it."""

    patience_seconds = 0.0

    def __init__(self) -> None:
        self.processor, self.links = Processor(self), OneLink()
        super().__init__()

    def ports(self) -> ApiPorts:
        self.desk = self.processor  # type: ignore[assignment]
        ports = super().ports()
        assert ports.orders is not None
        patience = self.patience_seconds
        orders = replace(
            ports.orders, short_links=self.links, public_base="https://g.example", patience_seconds=patience
        )
        return replace(ports, orders=orders)


class PeopleWithoutProcessor(PayingPeople):
    def ports(self) -> ApiPorts:
        ports = super().ports()
        assert ports.orders is not None
        return replace(ports, orders=replace(ports.orders, takes_payments=False))


class PatientPeople(PayingPeople):
    patience_seconds = 20.0


@pytest.fixture
def people() -> PayingPeople:
    return PayingPeople()


@pytest.fixture
async def bob(people: People) -> AsyncIterator[AsyncClient]:
    async with people.client("bob") as client:
        yield client


async def placed(people: People, client: AsyncClient) -> str:
    mug = a_product(stock=10)
    people.products.stored[mug.id] = mug
    answer = await client.post("/orders", json={"items": [{"product_id": str(mug.id), "quantity": 3}]})
    return str(answer.json()["id"])


def taken(people: People, url: str = PAGE) -> Waiting:
    return Waiting("co_1", people.now + timedelta(days=7), 201, f'{{"redirect_url":"{url}"}}')


def brought(people: People, order: str, *moves: Status) -> None:
    """As payments bring it there."""
    found = people.orders.stored[UUID(order)]
    for status in moves:
        found = moved(found, Step(at=people.now, status=status, by="gateway"))
    people.orders.stored[found.id] = found


async def test_a_payment_is_begun_and_its_buyer_sent_on_when_the_processor_has_taken_it(
    people: PayingPeople, alice: AsyncClient
) -> None:
    order = await placed(people, alice)
    begun = await alice.post(f"/orders/{order}/pay")
    payment = str(people.processor.begun[0])
    assert (begun.status_code, begun.headers["retry-after"]) == (202, "1")
    assert begun.json() == {"request_id": payment, "payment_id": payment, "redirect_url": None, "short_url": None}
    assert (await alice.get(f"/orders/{order}")).json()["status"] == "AwaitingPayment"
    await people.processor.take(taken(people))
    answers = [await alice.post(f"/orders/{order}/pay", json={}) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.json() == {
            "request_id": payment,
            "payment_id": payment,
            "redirect_url": PAGE,
            "short_url": f"https://g.example/r/{'A' * 16}",
        }
    assert people.links.made == [(PAGE, f"payment:{payment}")] * 2
    assert len(people.processor.begun) == 1


async def test_whoever_waits_is_sent_on_as_soon_as_the_processor_says_where() -> None:
    people = PatientPeople()
    async with people.client("alice") as alice:
        order = await placed(people, alice)
        asked = asyncio.create_task(alice.post(f"/orders/{order}/pay"))
        await people.jobs.waiting.wait()
        await people.processor.take(taken(people))
        assert (await asked).json()["redirect_url"] == PAGE


async def test_of_two_who_pay_at_once_both_get_one_payment(people: PayingPeople, alice: AsyncClient) -> None:
    order = await placed(people, alice)
    answers = await asyncio.gather(*(alice.post(f"/orders/{order}/pay") for _ in range(5)))
    assert {answer.json()["payment_id"] for answer in answers} == {str(people.processor.begun[0])}
    assert len(people.processor.begun) == 1


async def test_a_payment_is_its_buyers_to_see_and_nobody_elses(
    people: PayingPeople, alice: AsyncClient, bob: AsyncClient
) -> None:
    order = await placed(people, alice)
    assert (await bob.post(f"/orders/{order}/pay")).status_code == 404
    assert people.processor.begun == []
    payment = (await alice.post(f"/orders/{order}/pay")).json()["request_id"]
    await people.processor.take(taken(people))
    seen = (await alice.get(f"/jobs/{payment}")).json()
    assert (seen["vendorType"], seen["taken_with"]) == ("payments", {"redirect_url": PAGE})
    assert (await bob.get(f"/jobs/{payment}")).status_code == 404
    for unknown in (new_request_id(), "none"):
        assert (await alice.post(f"/orders/{unknown}/pay")).status_code == 404


async def test_no_client_asks_the_vendor_of_payments_for_anything(alice: AsyncClient) -> None:
    payload = {"kind": "payment.refund", "reference": "co_1", "amount": 1, "currency": "USD"}
    answer = await alice.post("/jobs", json={"vendorType": "payments", "vendorPayload": payload})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/vendorType")


@pytest.mark.parametrize(
    ("moves", "word"),
    [(PAID, "paid already"), ((*PAID, Status.SHIPPED), "paid already"), ((Status.CANCELLED,), "cancelled")],
    ids=["paid", "shipped", "cancelled"],
)
async def test_what_cannot_be_paid_says_why(
    people: PayingPeople, alice: AsyncClient, moves: tuple[Status, ...], word: str
) -> None:
    order = await placed(people, alice)
    brought(people, order, *moves)
    answer = await alice.post(f"/orders/{order}/pay")
    assert (answer.status_code, answer.json()["code"]) == (409, "order-state")
    assert word in answer.json()["detail"]
    assert people.processor.begun == []


@pytest.mark.parametrize(("amount", "currency"), [(16, "USD"), (333_334, "ISK"), (1_005, "BHD")])
async def test_an_order_that_nobody_can_be_charged_for_stays_as_it_is_and_says_why(
    people: PayingPeople, alice: AsyncClient, amount: int, currency: str
) -> None:
    mug = a_product(stock=10, price=Money(amount=amount, currency=currency))
    people.products.stored[mug.id] = mug
    placed = await alice.post("/orders", json={"items": [{"product_id": str(mug.id), "quantity": 3}]})
    before = people.orders.stored[UUID(placed.json()["id"])]
    answer = await alice.post(f"/orders/{before.id}/pay")
    assert (answer.status_code, answer.json()["code"]) == (409, "amount-not-chargeable")
    fault = fault_of(Money(amount=amount * 3, currency=currency))
    assert fault is not None
    assert fault in answer.json()["detail"]
    assert people.orders.stored[before.id] == before
    assert people.processor.begun == []


async def test_an_order_whose_time_is_up_is_not_paid(people: PayingPeople, alice: AsyncClient) -> None:
    order = await placed(people, alice)
    found = people.orders.stored[UUID(order)]
    people.orders.stored[found.id] = found.model_copy(update={"expires_at": people.now})
    answer = await alice.post(f"/orders/{order}/pay")
    assert (answer.status_code, answer.json()["code"]) == (409, "order-state")
    assert "not paid in time" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("word", "told"),
    [(Done("{}"), "paid already"), (Failed("vendor_failed", "declined"), "the payment failed")],
    ids=["paid", "declined"],
)
async def test_what_its_processor_has_just_ended_is_told_before_the_order_knows(
    people: PayingPeople, alice: AsyncClient, word: Any, told: str
) -> None:
    order = await placed(people, alice)
    await alice.post(f"/orders/{order}/pay")
    await people.processor.take(word)
    answer = await alice.post(f"/orders/{order}/pay")
    assert (answer.status_code, answer.json()["code"]) == (409, "order-state")
    assert told in answer.json()["detail"]


async def test_a_page_that_no_short_link_leads_to_is_told_all_the_same(
    people: PayingPeople, alice: AsyncClient
) -> None:
    order = await placed(people, alice)
    await alice.post(f"/orders/{order}/pay")
    await people.processor.take(taken(people, "https://elsewhere.example/"))
    told = (await alice.post(f"/orders/{order}/pay")).json()
    assert (told["redirect_url"], told["short_url"]) == ("https://elsewhere.example/", None)


async def test_an_admin_who_begins_one_for_somebody_is_on_record(
    people: PayingPeople, alice: AsyncClient, root: AsyncClient
) -> None:
    order = await placed(people, alice)
    assert (await root.post(f"/orders/{order}/pay")).status_code == 202
    [act] = [entry for entry in people.audit.entries if entry.act is Act.ORDER_MOVED]
    assert act.subject == f"order:{order}"


async def test_where_no_processor_is_set_nobody_pays_and_the_order_stays_as_it_is() -> None:
    people = PeopleWithoutProcessor()
    async with people.client("alice") as alice:
        order = await placed(people, alice)
        answer = await alice.post(f"/orders/{order}/pay")
        assert (answer.status_code, answer.json()["code"]) == (503, "payments-not-configured")
        assert "STRIPE_SECRET_KEY" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert (await alice.get(f"/orders/{order}")).json()["status"] == "Pending"
    assert people.processor.begun == []


async def test_a_body_or_a_query_is_refused(people: PayingPeople, alice: AsyncClient) -> None:
    order = await placed(people, alice)
    answer = await alice.post(f"/orders/{order}/pay", json={"amount": 1})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/amount")
    assert (await alice.post(f"/orders/{order}/pay?amount=1")).status_code == 422
    assert (await alice.get(f"/orders/{order}")).json()["status"] == "Pending"
