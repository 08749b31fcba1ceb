"""The payment of an order: one for each that is begun, under the id that the order names."""

from datetime import datetime

from domain.commerce.orders import Order
from domain.payments.payments import Payment, Status
from domain.submitted_fields import to_milliseconds


def payment_of(order: Order, now: datetime) -> Payment:
    """Under way from the start: its page is where it is paid. Raises `ValueError` where none was begun."""
    if order.payment is None:
        raise ValueError("no payment of this order was begun")
    begun = to_milliseconds(now)
    return Payment(
        id=order.payment,
        client=order.client,
        total=order.total,
        status=Status.PROCESSING,
        order=order.id,
        job=order.payment,
        tries=1,
        created_at=begun,
        updated_at=begun,
    )
