"""
Hearing the processor: what it says of a payment is read from it, and booked, before anything acts on it.

Whoever asks (a try, a poll, a refund, a look after an event, the reconciliation) books what it hears in this one way.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.errors import Conflict, Unavailable
from domain.payments.changing import change_payment, no_such_payment, settle_payment
from domain.payments.money_state import MoneyState, Standing
from domain.payments.payments import Failure, Payment, Status
from domain.payments.ports import PaymentStore
from domain.payments.refunding import refused
from domain.payments.settling import Settled, settled
from domain.submitted_fields import to_milliseconds

_A_TICK = timedelta(milliseconds=1)  # as finely as it is stored

Read = Callable[[Payment, datetime], Awaitable[MoneyState]]  # what the processor says, asked for at that moment


@dataclass(frozen=True, slots=True)
class Hearing:
    """All methods raise `NotFound` for a payment that is not on record, and `Unavailable`."""

    payments: PaymentStore
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def hear(self, payment_id: UUID, read: Read) -> MoneyState:
        """The state that was booked last. Raises what `read` raises, and `Contradiction`."""
        heard: list[MoneyState] = []

        async def ask(payment: Payment) -> Settled | None:
            heard.append(await read(payment, self._later_than(payment)))
            return settled(payment, heard[-1], self._now())

        await settle_payment(self.payments, payment_id, ask)
        return heard[-1]

    async def booked(self, payment_id: UUID) -> Payment:
        """The payment as it is on record: of one that is not, no money may move."""
        payment = await self.payments.find(payment_id, None)
        if payment is None:
            raise no_such_payment()
        return payment

    async def pinned(self, payment_id: UUID, account: str, job: UUID) -> Payment:
        """The same with the account that its try goes to, which may be another one that was recorded first."""
        payment = await self.payments.pin(payment_id, account, job)
        if payment is None:
            raise no_such_payment()
        return payment

    async def never_tried(self, payment_id: UUID, try_id: UUID, standing: Standing, failure: Failure) -> None:
        """The processor has no object of this try, by its own no, or never asked: nothing is to be read there."""

        async def ask(payment: Payment) -> Settled | None:
            if payment.job != try_id or payment.status is not Status.PROCESSING:  # another counts, or it was booked
                return None
            now = self._later_than(payment)
            state = MoneyState(None, standing, payment.total.currency, 0, now, failure=failure)
            return settled(payment, state, now)

        await settle_payment(self.payments, payment_id, ask)

    async def refund_refused(self, payment_id: UUID, refund_id: UUID, why: str) -> None:
        """The processor said no to a refund of ours: what it had reserved is free."""
        try:
            await change_payment(
                self.payments, payment_id, None, lambda payment: refused(payment, refund_id, why, self._now())
            )
        except Conflict as fault:
            raise Unavailable(fault.detail) from None

    def _later_than(self, payment: Payment) -> datetime:
        """What is asked for now is newer than what is booked, however far apart the workers' clocks may be."""
        now = self._now()
        return now if payment.read_at is None else max(now, payment.read_at + _A_TICK)

    def _now(self) -> datetime:
        return to_milliseconds(self.clock())
