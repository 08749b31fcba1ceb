"""What a process has where it has no part of the shop that it would owe something to: all of it stays owed."""

from domain.commerce.orders import Order
from domain.errors import Unavailable


class NoNotices:
    """A `Notices`."""

    async def tell(self, order: Order, template: str, key: str) -> None:  # noqa: ARG002 - as the port says
        raise Unavailable("this process sends no mails of orders")


class NoPaymentDesk:
    """A `PaymentDesk`."""

    async def begin(self, order: Order) -> None:  # noqa: ARG002 - as the port says
        raise Unavailable("this process knows no payments")

    async def withdraw(self, order: Order) -> None:  # noqa: ARG002 - as the port says
        raise Unavailable("this process knows no payments")
