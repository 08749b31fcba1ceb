"""Payments, refunds and movements of money as those see them whose they are, and as the shop does."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from api.order_views import SHOP
from api.payment_bodies import Reason
from api.product_views import Id
from domain.payments.payments import Kind, Method, Payment, Refund, RefundStatus, Status, Transaction
from domain.payments.settling import PROCESSOR

# Not the enumerations themselves: in the OpenAPI document their names would be those of the jobs' and the orders'.
StatusName = Annotated[str, Meta(extra_json_schema={"enum": [status.value for status in Status]})]
RefundStatusName = Annotated[str, Meta(extra_json_schema={"enum": [status.value for status in RefundStatus]})]
MethodName = Annotated[str | None, Meta(extra_json_schema={"enum": [*(method.value for method in Method), None]})]
ReasonName = Annotated[str | None, Meta(extra_json_schema={"enum": [*(reason.value for reason in Reason), None]})]
KindName = Annotated[str, Meta(extra_json_schema={"enum": [kind.value for kind in Kind]})]
Amount = Annotated[int, Meta(description="In minor units: 2000 USD is $20.00, 2000 JPY is ¥2000.")]
Currency = Annotated[str, Meta(description="ISO 4217.")]
JobId = Annotated[str | None, Meta(description="The job's id, a UUIDv7; null: there is none.")]


class FailureView(msgspec.Struct, frozen=True):
    """Why it was not paid, in the processor's words."""

    code: str
    message: str


class RefundView(msgspec.Struct, frozen=True):
    """Money that goes back, or went, by the processor's word; `pending` is reserved until that is heard."""

    id: Id
    payment_id: Id
    request_id: JobId
    status: RefundStatusName
    amount: Amount
    currency: Currency
    reason: ReasonName
    failure: Annotated[str | None, Meta(description="The processor's word for why it was not made.")]
    by: Annotated[str, Meta(description="A client, `processor` (made there by hand) or, to others, `shop`.")]
    created_at: datetime


class PaymentView(msgspec.Struct, frozen=True):
    """A payment as it stands. What was captured and refunded is the processor's word, and nobody else's."""

    id: Id
    client: Annotated[str, Meta(description="Whose it is.")]
    status: StatusName
    amount: Amount
    currency: Currency
    payment_method: MethodName
    payment_method_id: Annotated[str | None, Meta(description="The processor's id of the way to pay last tried.")]
    details: Annotated[Raw, Meta(description="The client's own, as it was sent; or null.")]
    order_id: Annotated[str | None, Meta(description="The order that it pays, if it is one's.")]
    request_id: Annotated[JobId, Meta(description="Of the last try's job.")]
    captured: Amount
    refunded: Annotated[int, Meta(description="Given back.")]
    refunding: Annotated[int, Meta(description="Reserved by refunds that are pending.")]
    refundable: Annotated[int, Meta(description="What can still be given back.")]
    refunds: list[RefundView]
    failure: FailureView | None
    next_action: Annotated[str | None, Meta(description="Where the buyer has to go on, while `requires_action`.")]
    receipt_url: str | None
    created_at: datetime
    updated_at: datetime


class PaymentStatusView(msgspec.Struct, frozen=True):
    """How a payment stands, in short."""

    payment_id: Id
    status: StatusName
    request_id: JobId
    failure: FailureView | None
    next_action: str | None
    updated_at: datetime


class TryView(msgspec.Struct, frozen=True):
    """A try that is on record; it ends by the processor's explicit word alone."""

    payment_id: Id
    request_id: JobId
    status: StatusName


class TransactionView(msgspec.Struct, frozen=True):
    """One movement of money at the processor. `refund_reversed`: a refund that the bank would not take."""

    id: Id
    payment_id: Id
    client: Annotated[str, Meta(description="Whose payment it is.")]
    type: KindName
    amount: Amount
    currency: Currency
    reference: Annotated[str, Meta(description="The processor's id of it.")]
    created_at: Annotated[datetime, Meta(description="When it moved.")]


class TransactionList(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[TransactionView]
    next_cursor: str | None


def tag_of(payment: Payment) -> str:
    return f'"{payment.epoch}"'


def payment_view(payment: Payment, *, to_admin: bool) -> PaymentView:
    return PaymentView(
        id=str(payment.id),
        client=payment.client,
        status=payment.status,
        amount=payment.total.amount,
        currency=payment.total.currency,
        payment_method=payment.method,
        payment_method_id=payment.payment_method,
        details=Raw((payment.details or "null").encode()),
        order_id=None if payment.order is None else str(payment.order),
        request_id=_job(payment),
        captured=payment.captured,
        refunded=payment.refunded,
        refunding=payment.refunding,
        refundable=payment.refundable,
        refunds=[refund_view(refund, payment, to_admin=to_admin) for refund in payment.refunds],
        failure=_failure_view(payment),
        next_action=payment.next_action,
        receipt_url=payment.receipt_url,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


def status_view(payment: Payment) -> PaymentStatusView:
    return PaymentStatusView(
        payment_id=str(payment.id),
        status=payment.status,
        request_id=_job(payment),
        failure=_failure_view(payment),
        next_action=payment.next_action,
        updated_at=payment.updated_at,
    )


def try_view(payment: Payment) -> TryView:
    return TryView(str(payment.id), _job(payment), payment.status)


def refund_view(refund: Refund, payment: Payment, *, to_admin: bool) -> RefundView:
    """A buyer is not told which of the shop's people it was."""
    return RefundView(
        id=str(refund.id),
        payment_id=str(payment.id),
        request_id=None if refund.by == PROCESSOR else str(refund.id),
        status=refund.status,
        amount=refund.amount,
        currency=payment.total.currency,
        reason=refund.reason,
        failure=refund.failure,
        by=refund.by if to_admin or refund.by in (payment.client, PROCESSOR) else SHOP,
        created_at=refund.created_at,
    )


def transaction_view(transaction: Transaction) -> TransactionView:
    return TransactionView(
        id=str(transaction.id),
        payment_id=str(transaction.payment),
        client=transaction.client,
        type=transaction.kind,
        amount=transaction.amount.amount,
        currency=transaction.amount.currency,
        reference=transaction.reference,
        created_at=transaction.at,
    )


def _job(payment: Payment) -> str | None:
    return None if payment.job is None else str(payment.job)


def _failure_view(payment: Payment) -> FailureView | None:
    return None if payment.failure is None else FailureView(payment.failure.code, payment.failure.message)
