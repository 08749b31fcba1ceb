"""
Payments as jobs of the vendor `payments`: what they carry, and what they are called.

    customer.create    a customer at the processor
    checkout.create    a page to pay on, of no order, and its payment
    payment.process    a payment is tried with a way to pay; it ends by the processor's explicit word alone
    payment.give_back  a refund that was reserved
    payment.look       the processor is asked how a payment stands: somebody said that it changed

Ids derive from the payment's, so that whoever makes one, and however often, makes the same one. Those of orders, whose
payments these are too, are in `domain.commerce.payments`.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain.commerce.payments import GIVE_BACK, LIFETIME, PROCESS, VENDOR
from domain.interventions import PAYMENT
from domain.jobs import Job
from domain.payments.payments import Payment, Refund
from domain.request_ids import derived_id, new_request_id
from domain.submissions import QUEUED_WITHIN
from domain.submitted_fields import to_milliseconds

CREATE_CUSTOMER, CREATE_CHECKOUT = "customer.create", "checkout.create"
LOOK = "payment.look"
SOON = timedelta(hours=1)  # of what its caller waits for


class NewCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=CREATE_CUSTOMER):
    name: str
    email: str


class NewCheckout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=CREATE_CHECKOUT):
    """
    Minor units. It ends when the page is there; what becomes of its payment, events tell.

    Where the buyer is sent back to stands here: another URL under the same key would be refused.
    """

    payment_id: UUID
    currency: str
    product_name: str
    amount: int
    success_url: str
    cancel_url: str


class Try(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=PROCESS):
    payment_id: UUID
    amount: int
    currency: str
    payment_method: str  # the processor's id of it
    return_url: str


class GiveBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=GIVE_BACK):
    payment_id: UUID
    refund_id: UUID
    reference: str  # the processor's id of the payment
    amount: int
    currency: str
    reason: str | None = None


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=LOOK):
    payment_id: UUID
    reference: str


Asked = NewCustomer | NewCheckout | Try | GiveBack | Look


def customer_job(client: str, asked: NewCustomer, now: datetime) -> Job:
    return _job(new_request_id(), client, asked, now)


def page_job(payment: Payment, now: datetime) -> Job:
    """The job of `payment.job`: its caller waits for the page."""
    if payment.job is None or payment.page is None:
        raise ValueError("no page of this payment was begun")
    page, total = payment.page, payment.total
    asked = NewCheckout(payment.id, total.currency, page.product_name, total.amount, page.success_url, page.cancel_url)
    job = _job(payment.job, payment.client, asked, now, payment=payment.id)
    return job.model_copy(update={"deadline": job.created_at + SOON})


def try_id(payment: Payment) -> UUID:
    """Of the payment's next try."""
    return derived_id(payment.id, f"{payment.id}:try:{payment.tries + 1}")


def try_job(payment: Payment, return_url: str, now: datetime) -> Job:
    """The job of `payment.job`."""
    if payment.job is None or payment.payment_method is None:
        raise ValueError("no try of this payment was begun")
    asked = Try(payment.id, payment.total.amount, payment.total.currency, payment.payment_method, return_url)
    return _job(payment.job, payment.client, asked, now, payment=payment.id)


def give_back_job(payment: Payment, refund: Refund, now: datetime) -> Job:
    """The refund's id is its job's."""
    if payment.reference is None:
        raise ValueError("nothing was captured under a name that the processor knows")
    asked = GiveBack(payment.id, refund.id, payment.reference, refund.amount, payment.total.currency, refund.reason)
    return _job(refund.id, payment.client, asked, now, payment=payment.id, parent=payment.job)


def look_job(payment: Payment, reference: str, now: datetime) -> Job:
    """At what the processor calls so, at the end of this second, and one for all who ask for it within."""
    at = now.replace(microsecond=0) + timedelta(seconds=1)
    made = derived_id(payment.id, f"{payment.id}:look:{reference}:{at:%Y%m%dT%H%M%S}")
    job = _job(made, payment.client, Look(payment.id, reference), now, payment=payment.id)
    return job.model_copy(update={"run_at": at})


def _job(made: UUID, client: str, asked: Asked, now: datetime, payment: UUID | None = None, **fields: Any) -> Job:
    """Whoever waits for one that is no payment's waits seconds, and not days."""
    created = to_milliseconds(now)
    about = {} if payment is None else {"payment_id": str(payment)}
    return Job(
        id=made,
        client=client,
        vendor=VENDOR,
        payload=msgspec.json.encode(asked).decode(),
        metadata={"kind": str(asked.__struct_config__.tag), **about},
        run_at=created,
        deadline=created + (SOON if payment is None else LIFETIME),
        created_at=created,
        updated_at=created,
        sweep_at=created + QUEUED_WITHIN,
        at_end=None if payment is None else [PAYMENT],
        **fields,
    )
