"""The payments of orders: one for each that is begun, and what goes back of one whose order was cancelled."""

from datetime import datetime
from uuid import UUID

from domain.commerce.moving import GATEWAY
from domain.commerce.orders import Order
from domain.errors import Unavailable
from domain.payments.changing import TRIES
from domain.payments.payments import Payment, Refund, Status
from domain.payments.ports import PaymentStore
from domain.request_ids import derived_id
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


async def reserve_all(payments: PaymentStore, payment_id: UUID, now: datetime) -> tuple[Payment, Refund] | None:
    """
    A refund of all that is left of a payment whose order is no longer wanted, reserved: however often, the same one.

    None where nothing is left. Raises `Unavailable`, also until it is booked what was paid, and as long as others are
    just giving back all of it: that may fail.
    """
    made = derived_id(payment_id, f"{payment_id}:order-ended")
    for _ in range(TRIES):
        payment = await payments.find(payment_id, None)
        if payment is None or payment.captured == 0:
            raise Unavailable("a payment is to go back that is not booked yet")
        known = next((refund for refund in payment.refunds if refund.id == made), None)
        if known is not None:
            return payment, known
        if payment.refundable == 0 and payment.refunding > 0:
            raise Unavailable("it is just being given back; whether it was is looked at again")
        if payment.refundable == 0:
            return None
        refund = Refund(id=made, amount=payment.refundable, by=GATEWAY, created_at=to_milliseconds(now))
        after = await payments.reserve(payment_id, None, refund)
        if after is not None:
            return after, refund
    raise Unavailable("others change this payment at the same moment")
