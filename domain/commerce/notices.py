"""
Mails of orders: one for each event of an order, ever, whether it goes out by itself or somebody asks for it by hand.

The event is what it is on record under. It goes to nobody whose account is gone, locked or not confirmed: their mail
may be somebody else's by now, or was never theirs.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.accounts.mails import Mail, Template
from domain.accounts.ports import Post, Users
from domain.accounts.users import User
from domain.commerce.moving import MAIL
from domain.commerce.orders import Line, Order, Status
from domain.money import Money, written

_OF_ORDERS = "order_"

EVENTS = {
    Template.ORDER_PLACED: Status.PENDING,
    Template.ORDER_PAID: Status.PAID,
    Template.ORDER_SHIPPED: Status.SHIPPED,
    Template.ORDER_DELIVERED: Status.DELIVERED,
    Template.ORDER_CANCELLED: Status.CANCELLED,
    Template.ORDER_REFUNDED: Status.REFUNDED,
}


@dataclass(frozen=True, slots=True)
class MailedNotices:
    """A `domain.commerce.ports.Notices`."""

    users: Users
    post: Post

    async def tell(self, order: Order, template: str, key: str) -> None:
        user = None if order.user is None else await self.users.find(order.user)
        if user is not None and user.may_sign_in:
            await self.post.send(notice(order, user, Template(f"{_OF_ORDERS}{template}")), key)


def notice(order: Order, user: User, template: Template) -> Mail:
    values = {"order": str(order.id), "total": written(order.total), "name": user.name or ""}
    return Mail(to=user.email, template=template, values=values, items=[_item(line) for line in order.lines])


def kind_of(template: Template) -> str:
    """The word that an order owes this mail under: see `domain.commerce.following.key_of`."""
    return MAIL + template.value.removeprefix(_OF_ORDERS)


def happened_at(order: Order, template: Template) -> datetime | None:
    return next((step.at for step in order.history if step.status is EVENTS[template]), None)


def _item(line: Line) -> str:
    """On one line, whatever the name holds."""
    price = Money(amount=line.price.amount * line.quantity, currency=line.price.currency)
    return f"{line.quantity} x {' '.join(line.name.split())}: {written(price)}"
