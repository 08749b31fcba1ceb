"""Charges and refunds over HTTP: each sees their own, newest first, a page at a time."""

from datetime import timedelta

import pytest
from httpx import AsyncClient

from domain.money import Money
from domain.payments.payments import Kind, Payment, Transaction
from domain.request_ids import dated_id
from tests.api.people import People
from tests.fakes_payments import a_payment
from tests.strategies import NOON


def move(people: People, payment: Payment, minute: int, kind: Kind = Kind.CHARGE, amount: int = 1000) -> Transaction:
    at = NOON + timedelta(minutes=minute)
    made = Transaction(
        id=dated_id(at, f"{payment.id}:{minute}"),
        payment=payment.id,
        client=payment.client,
        kind=kind,
        amount=Money(amount=amount, currency="USD"),
        reference=f"ch_{minute}",
        at=at,
    )
    people.payments.transactions[made.id] = made
    return made


async def test_ones_own_are_listed_newest_first_and_nobody_elses(people: People, alice: AsyncClient) -> None:
    own, bobs = a_payment(client=people.alice.user.client), a_payment(client=people.bob.user.client)
    charge, refund = move(people, own, 1), move(people, own, 2, Kind.REFUND, 300)
    move(people, bobs, 3)
    answer = await alice.get("/transactions")
    assert [item["id"] for item in answer.json()["items"]] == [str(refund.id), str(charge.id)]
    assert answer.json()["items"][0] == {
        "id": str(refund.id),
        "payment_id": str(own.id),
        "client": people.alice.user.client,
        "type": "refund",
        "amount": 300,
        "currency": "USD",
        "reference": "ch_2",
        "created_at": refund.at.isoformat().replace("+00:00", "Z"),
    }
    assert answer.json()["next_cursor"] is None
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_an_admins_list_is_everybodys(people: People, root: AsyncClient) -> None:
    for minute, one in enumerate((people.alice, people.bob)):
        move(people, a_payment(client=one.user.client), minute)
    assert len((await root.get("/transactions")).json()["items"]) == 2


async def test_pages_follow_each_other_without_a_gap(people: People, alice: AsyncClient) -> None:
    payment = a_payment(client=people.alice.user.client)
    made = [str(move(people, payment, minute).id) for minute in range(5)]
    seen: list[str] = []
    path = "/transactions?limit=2"
    while path:
        answer = await alice.get(path)
        seen += [item["id"] for item in answer.json()["items"]]
        link = answer.headers.get("link", "")
        path = link[1 : link.index(">")] if link else ""
    assert seen == made[::-1]


async def test_those_of_one_payment_are_asked_for_by_its_id(people: People, alice: AsyncClient) -> None:
    first, second = a_payment(client=people.alice.user.client), a_payment(client=people.alice.user.client)
    move(people, first, 1)
    wanted = move(people, second, 2)
    bobs = move(people, a_payment(client=people.bob.user.client), 3)
    answer = await alice.get(f"/transactions?payment_id={second.id}")
    assert [item["id"] for item in answer.json()["items"]] == [str(wanted.id)]
    assert (await alice.get(f"/transactions?payment_id={bobs.payment}")).json()["items"] == []


async def test_a_cursor_is_of_its_own_list_alone(people: People, alice: AsyncClient, root: AsyncClient) -> None:
    payment = a_payment(client=people.alice.user.client)
    for minute in range(3):
        move(people, payment, minute)
    cursor = (await alice.get("/transactions?limit=1")).json()["next_cursor"]
    for client, query in ((root, ""), (alice, f"&payment_id={payment.id}")):
        answer = await client.get(f"/transactions?cursor={cursor}{query}")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/cursor")
    assert (await alice.get(f"/transactions?cursor={cursor}")).status_code == 200


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("payment_id=x", "payment_id"),
        ("cursor=x", "cursor"),
        ("a=1", "a"),
    ],
)
async def test_what_a_list_does_not_take_is_named(alice: AsyncClient, query: str, name: str) -> None:
    answer = await alice.get(f"/transactions?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/query/{name}")
