"""What a processor holds of one payment, as far as the tests of our books ask: it counts, and says what it has."""

from datetime import timedelta

from domain.payments.money_state import MoneyState, RefundState
from domain.payments.payments import Payment, Refund, RefundStatus
from tests.fakes_payments import paid_state
from tests.strategies import NOON


class Processor:
    def __init__(self, payment: Payment) -> None:
        self._payment = payment
        self._refunds: list[RefundState] = []
        self._asked = 0
        self.captured = 0

    def capture(self, amount: int) -> None:
        self.captured = amount

    def give_back(self, refund: Refund, status: RefundStatus, *, ours: bool = True) -> None:
        """Where there is as much left; as its own, where it was not we who asked."""
        amount = min(refund.amount, self.held)
        if amount > 0:
            known_as = refund.id if ours else None
            self._refunds.append(RefundState(f"re_{refund.id}", amount, status, NOON, known_as))

    def state(self) -> MoneyState:
        """Each later than the one before."""
        self._asked += 1
        read_at = NOON + timedelta(seconds=self._asked)
        return paid_state(self._payment, captured=self.captured, refunds=tuple(self._refunds), read_at=read_at)

    @property
    def given_back(self) -> int:
        return sum(refund.amount for refund in self._refunds if refund.status is RefundStatus.COMPLETED)

    @property
    def held(self) -> int:
        return self.captured - self.given_back
