"""`/users/me/…`: sessions that are seen and ended, all that is kept handed out, and an account that goes for good."""

import json
from datetime import timedelta

import pytest
from httpx import AsyncClient

from api.exports import PAGE
from domain.accounts.audit import Act, Entry
from domain.commerce.products import Product
from domain.payments.settling import settled
from domain.request_ids import new_request_id
from tests.api.everybody import PASSWORD
from tests.api.people import People
from tests.api.samples import ended, pending_job
from tests.api.streams import opened
from tests.fakes_commerce import a_product
from tests.fakes_orders import an_order
from tests.fakes_payments import a_paid_payment, a_payment, paid_state


@pytest.fixture
def mug() -> Product:
    return a_product()


async def test_sessions_are_listed_with_the_one_that_asks(people: People, alice: AsyncClient) -> None:
    other = people.session_of(people.alice)
    answer = await alice.get("/users/me/sessions")
    told = {session["id"]: session["current"] for session in answer.json()["items"]}
    assert told == {str(other.id): False, str(people.alice.session.id): True}
    assert "salt" not in answer.text


async def test_a_session_that_ran_out_is_not_listed(people: People, alice: AsyncClient) -> None:
    people.now += timedelta(days=31)
    assert (await alice.get("/users/me/sessions")).json() == {"items": [], "next_cursor": None}


async def test_one_session_is_ended_once(people: People, alice: AsyncClient) -> None:
    other = people.session_of(people.alice)
    answers = [(await alice.delete(f"/users/me/sessions/{other.id}")).status_code for _ in range(2)]
    assert answers == [204, 404]
    assert people.sessions.stored[other.id].why_ended == "revoked"
    assert people.sessions.stored[people.alice.session.id].ended_at is None
    assert people.audit.acts == [Act.SIGNED_OUT]


@pytest.mark.parametrize("shape", ["{id}", "x", "%7B%22$ne%22:null%7D", "me", "{id}%00"])
async def test_anothers_session_is_not_found(people: People, alice: AsyncClient, shape: str) -> None:
    path = f"/users/me/sessions/{shape.replace('{id}', str(people.bob.session.id))}"
    assert (await alice.delete(path)).status_code == 404
    assert people.sessions.stored[people.bob.session.id].ended_at is None


async def test_all_other_sessions_are_ended(people: People, alice: AsyncClient) -> None:
    others = [people.session_of(people.alice) for _ in range(2)]
    assert (await alice.delete("/users/me/sessions")).status_code == 204
    assert all(people.sessions.stored[other.id].ended_at for other in others)
    live = [session.id for session in people.sessions.stored.values() if session.ended_at is None]
    assert set(live) == {people.alice.session.id, people.bob.session.id, people.root.session.id}


async def test_an_export_holds_all_of_ones_own_and_nothing_of_anybody_elses(people: People, alice: AsyncClient) -> None:
    mine, theirs = people.alice.user.client, people.bob.user.client
    done_by, done_to, not_mine = (_entry(people, *who) for who in ((mine, mine), ("admin", mine), (theirs, theirs)))
    people.audit.entries += [done_by, done_to, not_mine]
    answer = await alice.get("/users/me/export")
    told = answer.json()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert told["profile"]["email"] == "alice@example.com"
    assert [session["id"] for session in told["sessions"]] == [str(people.alice.session.id)]
    assert [key["id"] for key in told["api_keys"]] == [str(people.alice.key.id)]
    assert {entry["id"] for entry in told["audit"]} >= {str(done_by.id), str(done_to.id)}
    assert [job["job"]["request_id"] for job in told["jobs"]] == [str(people.alice.job.id)]
    assert told["jobs"][0]["vendorPayload"] == json.loads(people.alice.job.payload)
    for secret in ("hash:", "salt", people.alice.key.digest, people.alice.key_text, theirs, "bob"):
        assert secret not in answer.text
    assert people.audit.acts[-1] is Act.EXPORTED


async def test_an_export_tells_each_act_once_over_many_pages(people: People, alice: AsyncClient) -> None:
    mine = people.alice.user.client
    entries = [_entry(people, mine if n % 2 else "admin", mine) for n in range(450)]
    people.audit.entries += entries
    told = [entry["id"] for entry in (await alice.get("/users/me/export")).json()["audit"]]
    assert len(told) == len(set(told))
    assert set(told) >= {str(entry.id) for entry in entries}


async def test_an_export_lists_ones_orders_as_the_api_shows_them_over_many_pages(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    mine = [an_order((mug, 1), client=people.alice.user.client) for _ in range(PAGE + 1)]
    theirs = an_order((mug, 1), client=people.bob.user.client)
    people.orders.stored |= {order.id: order for order in (*mine, theirs)}
    told = (await alice.get("/users/me/export")).json()["orders"]
    assert [order["id"] for order in told] == [str(order.id) for order in reversed(mine)]
    assert told[0] == (await alice.get(f"/orders/{mine[-1].id}")).json()


async def test_an_export_lists_ones_payments_as_the_api_shows_them_over_many_pages(
    people: People, alice: AsyncClient
) -> None:
    mine = [a_payment(client=people.alice.user.client, details='{"for":"a mug"}') for _ in range(PAGE + 1)]
    theirs = a_payment(client=people.bob.user.client)
    people.payments.stored |= {payment.id: payment for payment in (*mine, theirs)}
    told = (await alice.get("/users/me/export")).json()["payments"]
    assert [payment["id"] for payment in told] == [str(payment.id) for payment in reversed(mine)]
    assert told[0] == (await alice.get(f"/payments/{mine[-1].id}")).json()


async def test_an_export_lists_what_was_paid_and_given_back(people: People, alice: AsyncClient) -> None:
    for client in (people.alice.user.client, people.bob.user.client):
        payment = await people.payments.add(a_payment(client=client))
        word = settled(payment, paid_state(payment), people.now)
        assert word is not None
        assert await people.payments.change(payment, word.payment, word.transactions)
    told = (await alice.get("/users/me/export")).json()["transactions"]
    assert len(told) == 1
    assert told == (await alice.get("/transactions")).json()["items"]


async def test_an_export_is_written_job_by_job(people: People) -> None:
    jobs = [ended(pending_job(client=people.alice.user.client)) for _ in range(3)]
    people.user_jobs.stored |= {job.id: job for job in jobs}
    async with opened(people.app, "/users/me/export", {"Authorization": "Bearer alice"}) as stream:
        assert (await stream.head())[0] == 200
        pieces = [piece async for piece in stream.pieces()]
    assert len([piece for piece in pieces if b"request_id" in piece]) == 4


async def test_a_removed_payload_is_null_in_an_export(people: People, alice: AsyncClient) -> None:
    gone = people.alice.job.model_copy(update={"payload": "", "result": None, "redacted_at": people.now})
    people.user_jobs.stored[gone.id] = gone
    assert (await alice.get("/users/me/export")).json()["jobs"][0]["vendorPayload"] is None


async def test_an_export_is_on_record_or_is_not_made(people: People, alice: AsyncClient) -> None:
    people.audit.down = True
    assert (await alice.get("/users/me/export")).status_code == 503


async def test_who_leaves_is_gone_with_all_that_is_theirs(people: People, alice: AsyncClient) -> None:
    gone = people.alice
    answer = await alice.request("DELETE", "/users/me", json={"password": PASSWORD})
    assert (answer.status_code, answer.content) == (204, b"")
    assert gone.user.id not in people.users.stored
    assert gone.session.id not in people.sessions.stored
    assert await people.keys.find(gone.key.id) is None
    assert set(people.user_jobs.forgotten) == {gone.user.client}
    assert people.bob.user.id in people.users.stored
    (entry,) = people.audit.entries
    assert (entry.act, entry.actor, entry.subject) == (Act.DELETED, gone.user.client, gone.user.client)
    assert "alice" not in repr(entry)


async def test_what_orders_hold_of_who_leaves_goes_and_what_was_sold_stays(
    people: People, alice: AsyncClient, mug: Product
) -> None:
    mine, theirs = (
        an_order((mug, 1), client=one.user.client, user=one.user.id, idempotency_key="k")
        for one in (people.alice, people.bob)
    )
    people.orders.stored |= {mine.id: mine, theirs.id: theirs}
    assert (await alice.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204
    left = people.orders.stored[mine.id]
    assert (left.user, left.idempotency_key, left.expires_at) == (None, None, people.now)
    assert (left.lines, left.total, left.client) == (mine.lines, mine.total, mine.client)
    assert people.orders.stored[theirs.id] == theirs


async def test_what_payments_hold_of_who_leaves_goes_and_what_was_paid_stays(
    people: People, alice: AsyncClient
) -> None:
    mine, theirs = (
        a_paid_payment(client=one.user.client, details='"a gift"', idempotency_key="k", fingerprint="f")
        for one in (people.alice, people.bob)
    )
    people.payments.stored |= {mine.id: mine, theirs.id: theirs}
    assert (await alice.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204
    left = people.payments.stored[mine.id]
    assert (left.details, left.idempotency_key, left.fingerprint) == (None, None, None)
    assert (left.total, left.captured, left.client) == (mine.total, mine.captured, mine.client)
    assert people.payments.stored[theirs.id] == theirs


async def test_keys_that_an_admin_made_for_services_stay_and_each_is_on_record(
    people: People, root: AsyncClient
) -> None:
    made = (await root.post("/api-keys", json={"name": "billing", "role": "service"})).json()
    void = (await root.post("/api-keys", json={"name": "former", "role": "service"})).json()
    await root.delete(f"/api-keys/{void['id']}")
    people.audit.entries.clear()
    assert (await root.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204
    assert await people.keys.find(people.root.key.id) is None
    async with people.client("operator") as operator:
        listed = {key["id"]: key["created_by"] for key in (await operator.get("/api-keys")).json()["items"]}
    assert listed[made["id"]] == people.root.user.client
    left = people.audit.entries[-1]
    assert people.audit.acts == [Act.DELETED, Act.KEY_LEFT]
    assert left.subject == f"key:{made['id']}"
    assert left.detail == {"name": "billing", "client": "service:billing", "maker": people.root.user.client}


@pytest.mark.parametrize("password", ["wrong", "", f"{PASSWORD} "])
async def test_nobody_leaves_by_a_wrong_password(people: People, alice: AsyncClient, password: str) -> None:
    answer = await alice.request("DELETE", "/users/me", json={"password": password})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-password")
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert people.users.stored[people.alice.user.id] == people.alice.user
    assert people.audit.acts == [Act.SIGN_IN_REFUSED]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/password"),
        ({"password": {"$ne": ""}}, "/password"),
        ({"password": None}, "/password"),
        ({"password": "x" * 2_000}, "/password"),
        ({"password": PASSWORD, "id": "x"}, "/id"),
    ],
)
async def test_leaving_is_read_strictly(
    people: People, alice: AsyncClient, body: dict[str, object], pointer: str
) -> None:
    answer = await alice.request("DELETE", "/users/me", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert people.alice.user.id in people.users.stored


async def test_a_password_is_not_guessed_by_leaving(people: People, alice: AsyncClient) -> None:
    for _ in range(5):
        await alice.request("DELETE", "/users/me", json={"password": "wrong"})
    answer = await alice.request("DELETE", "/users/me", json={"password": PASSWORD})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert people.alice.user.id in people.users.stored


@pytest.mark.parametrize("away", ["user_jobs", "orders"])
async def test_who_could_not_leave_is_still_there_to_ask_again(people: People, alice: AsyncClient, away: str) -> None:
    store = getattr(people, away)
    store.down = True
    assert (await alice.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 503
    assert people.alice.user.id in people.users.stored
    store.down = False
    assert (await alice.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204


def _entry(people: People, actor: str, subject: str) -> Entry:
    return Entry(new_request_id(), people.now, Act.PROFILE_CHANGED, actor, subject)
