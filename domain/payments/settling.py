"""
A payment after the processor's word: what it says is captured and given back is, whoever did it and whenever we heard.

The transactions follow from that alone, each under an id of its own, so that to hear the same word twice writes none
twice, and the sum of all is what the processor holds for us.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from domain.money import Money
from domain.payments.money_state import MoneyState, RefundState, Standing
from domain.payments.payments import Kind, Payment, Refund, RefundStatus, Status, Transaction
from domain.payments.refunding import SOONEST
from domain.request_ids import dated_id, derived_id

PROCESSOR = "processor"  # who made a refund that we did not ask for
ORDER_PAID = "order_paid"  # owed: its order is to learn that it was paid
ORDER_REFUNDED = "order_refunded"  # likewise that all of it went back


class Contradiction(Exception):
    """The processor says of a payment what cannot be: it is left as it is, for a person to look at."""


@dataclass(frozen=True, slots=True)
class Settled:
    payment: Payment
    transactions: tuple[Transaction, ...]  # those that are new by this word


def settled(payment: Payment, state: MoneyState, now: datetime) -> Settled | None:
    """None where it changes nothing: an older word, or the same, or an earlier try's. Raises `Contradiction`."""
    if _is_an_earlier_trys(payment, state):
        return None
    _check(payment, state)
    if payment.read_at is not None and state.read_at <= payment.read_at:
        return None
    refunds = _refunds(payment, state)
    refunded = sum(refund.amount for refund in refunds if refund.status is RefundStatus.COMPLETED)
    changes = {
        "captured": state.captured,
        "refunds": refunds,
        "refunded": refunded,
        "refunding": sum(refund.amount for refund in refunds if refund.status is RefundStatus.PENDING),
        "reference": state.reference or payment.reference,
        "charge": state.charge or payment.charge,
        "status": _status(payment, state, refunded),
        "failure": state.failure,
        "next_action": state.next_action,
        "receipt_url": state.receipt_url or payment.receipt_url,
    }
    if all(getattr(payment, name) == value for name, value in changes.items()):
        return None
    after = payment.model_copy(
        update={**changes, "read_at": state.read_at, "epoch": payment.epoch + 1, "updated_at": now}
    )
    for kind in _news_for_its_order(payment, after):
        after = _owing(after, kind, now)
    return Settled(after, tuple(_new_transactions(payment, after, state)))


def check_change(before: Payment, after: Payment, transactions: Sequence[Transaction]) -> None:
    """No money changes without a transaction, in any `PaymentStore`. Raises `ValueError`, `Contradiction`."""
    if (after.id, after.client, after.epoch) != (before.id, before.client, before.epoch + 1):
        raise ValueError("a change is of one payment, and to the next epoch")
    if any((each.payment, each.client) != (after.id, after.client) for each in transactions):
        raise ValueError("with a payment its own transactions are written")
    if sum(each.signed for each in transactions) != _held(after) - _held(before):
        raise Contradiction("its transactions do not add up to what the processor holds")


def _news_for_its_order(before: Payment, after: Payment) -> Iterator[str]:
    if after.order is not None and after.captured > before.captured == 0:
        yield ORDER_PAID
    if after.order is not None and after.status is Status.REFUNDED is not before.status:
        yield ORDER_REFUNDED


def _owing(payment: Payment, kind: str, now: datetime) -> Payment:
    soon = now + SOONEST
    owed = [*(each for each in payment.owed or () if each != kind), kind]
    return payment.model_copy(update={"owed": owed, "sweep_at": min(soon, payment.sweep_at or soon)})


def _held(payment: Payment) -> int:
    return payment.captured - payment.refunded


def _is_an_earlier_trys(payment: Payment, state: MoneyState) -> bool:
    """It took nothing, so it ends nothing: what became of the try that counts now, only that one's own word says."""
    return state.captured == 0 and payment.job is not None and state.made_by not in {None, payment.job}


def _check(payment: Payment, state: MoneyState) -> None:
    if state.currency != payment.total.currency:
        raise Contradiction(f"it is in {state.currency}, and not in {payment.total.currency}")
    if state.captured > payment.total.amount:
        raise Contradiction("more was captured than was asked for")
    if state.captured < payment.captured and state.read_at > (payment.read_at or state.read_at):
        raise Contradiction("less is captured than was before")
    if (state.captured > 0) != (state.charge is not None):
        raise Contradiction("money was captured without a charge, or the other way round")
    if state.charge is not None and payment.charge not in {None, state.charge}:
        raise Contradiction("it was charged twice")


def _status(payment: Payment, state: MoneyState, refunded: int) -> Status:
    if state.captured > 0:
        return Status.REFUNDED if refunded >= state.captured else Status.COMPLETED
    match state.standing:
        case Standing.PAID:
            return Status.COMPLETED
        case Standing.DECLINED:
            return Status.FAILED
        case Standing.CLOSED:
            return Status.CANCELLED
        case Standing.REQUIRES_ACTION:
            return Status.REQUIRES_ACTION
        case Standing.OPEN | Standing.PROCESSING:
            return Status.PENDING if payment.status is Status.PENDING else Status.PROCESSING
        case never:
            assert_never(never)


def _refunds(payment: Payment, state: MoneyState) -> list[Refund]:
    """Ours as the processor has them, in our order, and after them those that were made there."""
    told = {refund.ours: refund for refund in state.refunds if refund.ours is not None}
    by_reference = {refund.reference: refund for refund in state.refunds}
    known = [
        _as_told(refund, told.get(refund.id) or by_reference.get(refund.reference or "")) for refund in payment.refunds
    ]
    references = {refund.reference for refund in known}
    return [*known, *(_made_there(payment, refund) for refund in state.refunds if refund.reference not in references)]


def _as_told(refund: Refund, told: RefundState | None) -> Refund:
    """One that the processor does not know, or not yet, is as it was: unknown is not failed."""
    if told is None:
        return refund
    return refund.model_copy(
        update={"status": told.status, "amount": told.amount, "reference": told.reference, "failure": told.failure}
    )


def _made_there(payment: Payment, told: RefundState) -> Refund:
    return Refund(
        id=derived_id(payment.id, f"{payment.id}:refund:{told.reference}"),
        amount=told.amount,
        status=told.status,
        reference=told.reference,
        failure=told.failure,
        by=PROCESSOR,
        created_at=told.created_at,
    )


def _new_transactions(before: Payment, after: Payment, state: MoneyState) -> Iterator[Transaction]:
    if after.captured > before.captured and after.charge is not None:
        yield _transaction(
            after, Kind.CHARGE, after.captured - before.captured, after.charge, state.charged_at or state.read_at
        )
    was = {refund.id: refund.status for refund in before.refunds}
    for refund in after.refunds:
        earlier, reference = was.get(refund.id), refund.reference or str(refund.id)
        if refund.status is RefundStatus.COMPLETED and earlier is not RefundStatus.COMPLETED:
            yield _transaction(after, Kind.REFUND, refund.amount, reference, state.read_at)
        elif refund.status is not RefundStatus.COMPLETED and earlier is RefundStatus.COMPLETED:
            yield _transaction(after, Kind.REFUND_REVERSED, refund.amount, reference, state.read_at)


def _transaction(payment: Payment, kind: Kind, amount: int, reference: str, at: datetime) -> Transaction:
    return Transaction(
        id=dated_id(at, f"{payment.id}:{payment.epoch}:{kind}:{reference}"),
        payment=payment.id,
        client=payment.client,
        kind=kind,
        amount=Money(amount=amount, currency=payment.total.currency),
        reference=reference,
        at=at,
    )
