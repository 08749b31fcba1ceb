"""Mails of orders: what they say, once for each event, and to nobody whose address may be another's."""

from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.mails import Template
from domain.accounts.users import User
from domain.commerce.following import Following, follow_ups, key_of
from domain.commerce.moving import MAILS, moved
from domain.commerce.notices import EVENTS, MailedNotices, happened_at, kind_of, notice
from domain.commerce.orders import Order, Status, Step
from domain.commerce.ports import Notices
from domain.errors import Unavailable
from domain.money import Money
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakePost, FakeUsers
from tests.fakes_commerce import FakeProducts, a_product
from tests.fakes_orders import FakeOrders, FakePaymentDesk, an_order
from tests.strategies import NOON

MUG = a_product()
YEN = a_product(name="Fan\r\nBcc: eve@example.com", price=Money(amount=1999, currency="JPY"))


def a_user(**fields: Any) -> User:
    usual = {"email": "ann@example.com", "email_key": "ann@example.com", "name": "Ann", "password": "hash"}
    times = {"confirmed_at": NOON, "created_at": NOON, "updated_at": NOON}
    return User(id=new_request_id(), **{**usual, **times, **fields})


def an_order_of(user: User, *statuses: Status, **fields: Any) -> Order:
    """One that went through these, after it was placed."""
    order = an_order((MUG, 2), user=user.id, client=user.client, **fields)
    for status in statuses:
        order = moved(order, Step(at=NOON, status=status, by="gateway"))
    return order


async def test_a_mail_goes_to_the_address_and_says_what_was_ordered_at_what_price() -> None:
    ann, post = a_user(), FakePost()
    order = an_order_of(ann)
    notices: Notices = MailedNotices(FakeUsers(ann), post)
    await notices.tell(order, "paid", "k")
    [mail] = post.mails
    assert (mail.to, mail.template, mail.link) == ("ann@example.com", Template.ORDER_PAID, None)
    assert mail.values == {"order": str(order.id), "total": "39.98 USD", "name": "Ann"}
    assert mail.items == ["2 x Red mug: 39.98 USD"]


def test_a_name_stays_on_its_line_and_an_amount_has_the_digits_of_its_currency() -> None:
    mail = notice(an_order((YEN, 3)), a_user(name=None), Template.ORDER_SHIPPED)
    assert mail.items == ["3 x Fan Bcc: eve@example.com: 5997 JPY"]
    assert mail.values["name"] == ""


async def test_an_event_is_told_once_however_often_it_is_asked_for() -> None:
    ann, post = a_user(), FakePost()
    order = an_order_of(ann)
    notices = MailedNotices(FakeUsers(ann), post)
    for _ in range(3):
        await notices.tell(order, "paid", "order:1:mail:paid")
    await notices.tell(order, "shipped", "order:1:mail:shipped")
    assert [mail.template for mail in post.mails] == [Template.ORDER_PAID, Template.ORDER_SHIPPED]


@pytest.mark.parametrize(
    "user",
    [None, a_user(confirmed_at=None), a_user(locked_at=NOON)],
    ids=["gone", "not confirmed", "locked"],
)
async def test_nobody_is_told_whose_account_is_gone_locked_or_not_confirmed(user: User | None) -> None:
    ann, post = user or a_user(), FakePost()
    users = FakeUsers(*([user] if user else []))
    await MailedNotices(users, post).tell(an_order_of(ann), "paid", "k")
    assert post.mails == []


async def test_of_a_machines_order_nobody_is_told() -> None:
    post = FakePost()
    await MailedNotices(FakeUsers(), post).tell(an_order((MUG, 1), user=None), "paid", "k")
    assert post.mails == []


async def test_what_cannot_be_put_on_record_stays_owed() -> None:
    ann, post = a_user(), FakePost()
    post.down = True
    with pytest.raises(Unavailable):
        await MailedNotices(FakeUsers(ann), post).tell(an_order_of(ann), "paid", "k")


@pytest.mark.parametrize("status", list(MAILS))
async def test_what_an_order_owes_becomes_the_mail_of_that_event(status: Status) -> None:
    ann, post = a_user(), FakePost()
    way = {Status.PAID: [Status.AWAITING_PAYMENT, Status.PAID]}
    way |= {Status.SHIPPED: [*way[Status.PAID], Status.SHIPPED], Status.CANCELLED: [Status.CANCELLED]}
    order = an_order_of(ann, *way[status])
    orders = FakeOrders(FakeProducts(MUG), order)
    following = Following(orders, follow_ups(MailedNotices(FakeUsers(ann), post), FakePaymentDesk()))
    after = await following.follow(order, NOON + timedelta(seconds=1))
    template = Template(f"order_{status.lower()}")
    assert after.owed is None
    assert post.by_key[key_of(order, kind_of(template))].template is template


def test_an_event_by_hand_is_on_record_under_the_same_key_as_by_itself() -> None:
    automatic = {kind_of(template): EVENTS[template] for template in EVENTS if kind_of(template) in MAILS.values()}
    assert automatic == {kind: status for status, kind in MAILS.items()}


def test_an_event_has_happened_once_the_order_was_there() -> None:
    order = an_order_of(a_user(), Status.AWAITING_PAYMENT, Status.PAID, Status.SHIPPED)
    happened = {template for template in EVENTS if happened_at(order, template) is not None}
    assert happened == {Template.ORDER_PLACED, Template.ORDER_PAID, Template.ORDER_SHIPPED}
