"""Mails of orders on real stores: by itself and by hand, at once and again, an event is one job."""

import asyncio
import json
from datetime import timedelta

import pytest

from domain.accounts.mails import VENDOR, Template
from domain.accounts.users import User
from domain.commerce.following import Following, follow_ups, key_of
from domain.commerce.moving import MAILS, moved
from domain.commerce.notices import MailedNotices
from domain.commerce.notifying import ByHand, Wanted
from domain.commerce.orders import Order, Status, Step
from domain.infra.post import CLIENT, JobPost
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeUsers
from tests.fakes_commerce import FakeProducts, a_product
from tests.fakes_notices import FakeRequestKeys
from tests.fakes_orders import FakeOrders, FakePaymentDesk, an_order
from tests.stores import Stores
from tests.strategies import NOON

ANN = User(
    id=new_request_id(), email="ann@example.com", email_key="ann@example.com", password="hash",
    confirmed_at=NOON, created_at=NOON, updated_at=NOON,
)  # fmt: skip


@pytest.fixture
def order() -> Order:
    """A cancelled one of Ann's, which owes her a mail."""
    placed = an_order((a_product(), 1), user=ANN.id, client=ANN.client)
    return moved(placed, Step(at=NOON, status=Status.CANCELLED, by="gateway"))


async def test_by_itself_and_by_hand_at_once_it_is_one_job(stores: Stores, order: Order) -> None:
    orders, users, post = FakeOrders(FakeProducts(), order), FakeUsers(ANN), JobPost(stores.intake)
    following = Following(orders, follow_ups(MailedNotices(users, post), FakePaymentDesk()))
    by_hand = ByHand(orders, users, post, FakeRequestKeys(), timedelta(days=30))
    wanted = Wanted(ANN.id, order.id, Template.ORDER_CANCELLED, "service:acme", NOON, "f")
    asked = [by_hand.send(wanted) for _ in range(10)]
    followed = [following.follow(order, NOON) for _ in range(10)]
    accepted, _ = await asyncio.gather(asyncio.gather(*asked), asyncio.gather(*followed))
    [document] = await stores.database.jobs.find({"vendor": VENDOR}).to_list(None)
    assert {one.job.id for one in accepted} == {document["_id"]}
    assert (document["client"], document["idempotency_key"]) == (CLIENT, key_of(order, MAILS[Status.CANCELLED]))
    assert json.loads(document["payload"])["template"] == "order_cancelled"
    assert orders.stored[order.id].owed is None
