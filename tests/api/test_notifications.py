"""`POST /notifications`: a service or an admin has a buyer told of what happened to their order, once."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response

from domain.accounts.mails import Mail, Template
from domain.commerce.moving import moved
from domain.commerce.orders import Order, Status, Step
from domain.request_ids import new_request_id
from tests.api.everybody import Somebody
from tests.api.people import People
from tests.fakes_commerce import a_product
from tests.fakes_orders import an_order

MUG = a_product(name="<b>Red</b> mug")
PAID = (Status.AWAITING_PAYMENT, Status.PAID)


def ordered(people: People, somebody: Somebody, *statuses: Status, **fields: Any) -> Order:
    """An order of theirs that went through these."""
    user = somebody.user
    placed = [Step(at=people.now, status=Status.PENDING, by=user.client)]
    order = an_order((MUG, 2), **{"client": user.client, "user": user.id, "history": placed, **fields})
    for status in statuses:
        order = moved(order, Step(at=people.now, status=status, by="gateway"))
    people.orders.stored[order.id] = order
    people.users.stored.setdefault(user.id, user)
    return order


def body_for(order: Order, template: str = "order_paid", **fields: Any) -> dict[str, Any]:
    return {"user_id": str(order.user), "order_id": str(order.id), "template": template, **fields}


async def notify(people: People, body: Any, token: str = "service", **headers: str) -> Response:
    async with people.client(token) as http:
        return await http.post("/notifications", json=body, headers=headers)


def pointers(answer: Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


async def test_a_service_has_a_mail_sent_and_is_told_its_job(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    answer = await notify(people, body_for(order))
    [(key, mail)] = people.post.by_key.items()
    job = people.post.jobs[key]
    assert answer.status_code == 202
    assert answer.json() == {
        "request_id": str(job.id),
        "status": "pending",
        "links": {"self": f"/jobs/{job.id}"},
    }
    assert (answer.headers["location"], answer.headers["retry-after"]) == (f"/jobs/{job.id}", "1")
    assert (job.vendor, mail.to, mail.template) == ("email", "alice@example.com", Template.ORDER_PAID)
    assert mail.items == ["2 x <b>Red</b> mug: 39.98 USD"]


async def test_an_admin_may_as_well_and_a_buyer_may_not(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    assert (await notify(people, body_for(order), "root")).status_code == 202
    assert (await notify(people, body_for(order), "alice")).status_code == 403


async def test_asked_for_again_by_whomever_it_is_the_same_mail(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    first = await notify(people, body_for(order))
    for again in (await notify(people, body_for(order)), await notify(people, body_for(order), "operator")):
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(people.post.mails) == 1


async def test_a_mail_that_went_out_by_itself_is_not_doubled_by_hand(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    assert order.owed == ["mail:paid"]
    mail = Mail(to="alice@example.com", template=Template.ORDER_PAID)
    await people.post.send(mail, f"order:{order.id}:mail:paid")
    answer = await notify(people, body_for(order))
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (202, "true")
    assert len(people.post.mails) == 1


@pytest.mark.parametrize(
    ("template", "statuses"),
    [
        ("order_placed", ()),
        ("order_paid", PAID),
        ("order_shipped", (*PAID, Status.SHIPPED)),
        ("order_delivered", (*PAID, Status.SHIPPED, Status.DELIVERED)),
        ("order_cancelled", (Status.CANCELLED,)),
        ("order_refunded", (*PAID, Status.REFUNDED)),
    ],
)
async def test_each_event_that_has_happened_can_be_told(
    people: People, template: str, statuses: tuple[Status, ...]
) -> None:
    order = ordered(people, people.alice, *statuses)
    assert (await notify(people, body_for(order, template))).status_code == 202
    assert [mail.template.value for mail in people.post.mails] == [template]


@pytest.mark.parametrize("template", ["order_paid", "order_shipped", "order_cancelled"])
async def test_what_has_not_happened_is_a_409_and_nobody_is_told(people: People, template: str) -> None:
    answer = await notify(people, body_for(ordered(people, people.alice), template))
    assert (answer.status_code, answer.json()["code"], pointers(answer)) == (409, "order-state", ["/template"])
    assert people.post.mails == []


async def test_what_was_before_all_that_is_on_record_is_a_409(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    people.now += timedelta(days=30) - timedelta(seconds=1)
    assert (await notify(people, body_for(order))).status_code == 202
    people.now += timedelta(seconds=1)
    answer = await notify(people, body_for(order))
    assert (answer.status_code, answer.json()["code"], pointers(answer)) == (409, "too-long-ago", ["/template"])


async def test_an_order_of_another_or_of_nobody_is_a_422_that_names_it(people: People) -> None:
    theirs = ordered(people, people.bob, *PAID)
    machines = ordered(people, people.alice, *PAID, user=None)
    alice = str(people.alice.user.id)
    for order_id in (theirs.id, machines.id, new_request_id()):
        answer = await notify(people, {"user_id": alice, "order_id": str(order_id), "template": "order_paid"})
        assert (answer.status_code, pointers(answer)) == (422, ["/order_id"])
    assert people.post.mails == []


async def test_a_user_to_whom_no_mail_goes_is_a_422_that_names_them(people: People) -> None:
    order, nobody = ordered(people, people.alice, *PAID), str(new_request_id())
    unknown = await notify(people, body_for(order, user_id=nobody))
    assert (unknown.status_code, pointers(unknown)) == (422, ["/user_id", "/order_id"])
    for change in ({"locked_at": people.now}, {"confirmed_at": None}):
        people.users.stored[people.alice.user.id] = people.alice.user.model_copy(update=change)
        answer = await notify(people, body_for(order))
        assert (answer.status_code, pointers(answer)) == (422, ["/user_id"])
    assert people.post.mails == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"template": "confirm"}, ["/template"]),
        ({"template": "paid"}, ["/template"]),
        ({"template": None}, ["/template"]),
        ({"template": {"$ne": ""}}, ["/template"]),
        ({"user_id": "alice"}, ["/user_id"]),
        ({"user_id": 1, "order_id": None}, ["/user_id", "/order_id"]),
        ({"order_id": {"$gt": ""}}, ["/order_id"]),
        ({"to": "eve@example.com"}, ["/to"]),
        ({"subject": "Hi", "message": "Click here"}, ["/subject", "/message"]),
    ],
    ids=str,
)
async def test_what_is_no_notification_is_a_422_that_names_the_fields(
    people: People, fields: dict[str, Any], named: list[str]
) -> None:
    answer = await notify(people, body_for(ordered(people, people.alice, *PAID), **fields))
    assert (answer.status_code, pointers(answer)) == (422, named)
    assert people.post.mails == []


async def test_what_is_missing_is_asked_for(people: People) -> None:
    assert pointers(await notify(people, {})) == ["/user_id", "/order_id", "/template"]


async def test_a_key_with_the_same_body_is_the_same_mail_and_with_another_a_422(people: People) -> None:
    order = ordered(people, people.alice, *PAID, Status.SHIPPED)
    key = {"Idempotency-Key": "k-1"}
    first = await notify(people, body_for(order), **key)
    again = await notify(people, body_for(order), **key)
    assert (again.status_code, again.json()) == (202, first.json())
    other = await notify(people, body_for(order, "order_shipped"), **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await notify(people, body_for(order, "order_shipped"), "root", **key)).status_code == 202
    assert len(people.post.mails) == 2


async def test_another_key_makes_no_second_mail_of_one_event(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    for key in ("k-1", "k-2"):
        assert (await notify(people, body_for(order), **{"Idempotency-Key": key})).status_code == 202
    assert len(people.post.mails) == 1


async def test_a_key_is_not_used_up_by_what_was_refused(people: People) -> None:
    order, key = ordered(people, people.alice), {"Idempotency-Key": "k-1"}
    assert (await notify(people, body_for(order), **key)).status_code == 409
    assert (await notify(people, body_for(order, "order_placed"), **key)).status_code == 202


async def test_a_key_that_is_none_is_a_400(people: People) -> None:
    order = ordered(people, people.alice, *PAID)
    assert (await notify(people, body_for(order), **{"Idempotency-Key": "k" * 256})).status_code == 400


async def test_a_store_that_is_away_is_a_503_and_the_same_request_is_safe_to_repeat(people: People) -> None:
    order, key = ordered(people, people.alice, *PAID), {"Idempotency-Key": "k-1"}
    people.post.down = True
    refused = await notify(people, body_for(order), **key)
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    people.post.down = False
    assert (await notify(people, body_for(order), **key)).status_code == 202
    assert len(people.post.mails) == 1


async def test_it_takes_no_query_and_json_only(people: People, root: AsyncClient) -> None:
    assert (await root.post("/notifications?to=eve", json={})).status_code == 422
    assert (await root.post("/notifications", content=b"{}")).status_code == 415
