"""
The two ways in which a payment is changed: read, alter, write where nobody was first; and again if somebody was.

By our own word (`change_payment`), or by the processor's (`settle_payment`): that is asked for anew each time, after
the payment was read, since a word that is older than somebody's change might undo it.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from domain.errors import Conflict, NotFound, Unavailable
from domain.payments.payments import Payment
from domain.payments.ports import PaymentStore
from domain.payments.settling import Settled

TRIES = 5

_CROWDED = "others change this payment at the same moment; try again"


async def change_payment(
    payments: PaymentStore, payment_id: UUID, owner: str | None, alter: Callable[[Payment], Payment]
) -> Payment:
    """
    The payment as `alter` left it; nothing is written where it left it as it was. Of its money it says nothing.

    `alter` is asked again for each try, with the payment as it is by then.

    Raises `NotFound`, `Conflict`, `Unavailable`.
    """
    for _ in range(TRIES):
        before = await _read(payments, payment_id, owner)
        after = alter(before)
        if after == before or await payments.change(before, after):
            return after
    raise Conflict(_CROWDED)


async def settle_payment(
    payments: PaymentStore, payment_id: UUID, hear: Callable[[Payment], Awaitable[Settled | None]]
) -> Payment:
    """
    The payment as it is after the processor's word, with its transactions written; None of `hear` leaves it as it was.

    Raises `NotFound`, `Unavailable`, `Contradiction`.
    """
    for _ in range(TRIES):
        before = await _read(payments, payment_id, None)
        heard = await hear(before)
        if heard is None:
            return before
        if await payments.change(before, heard.payment, heard.transactions):
            return heard.payment
    raise Unavailable(_CROWDED)


def no_such_payment() -> NotFound:
    return NotFound("Payment not found")


async def _read(payments: PaymentStore, payment_id: UUID, owner: str | None) -> Payment:
    payment = await payments.find(payment_id, owner)
    if payment is None:
        raise no_such_payment()
    return payment
