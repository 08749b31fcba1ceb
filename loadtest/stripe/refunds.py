"""
Refunds: never more than was captured, whoever asks and however many at once. https://docs.stripe.com/api/refunds

A pending one counts as given back until it fails.
"""

import asyncio
from typing import Annotated, ClassVar, Literal

import msgspec

from loadtest.stripe.account import Account, fresh
from loadtest.stripe.charge import Charge, Refund
from loadtest.stripe.currencies import check_spelling, written
from loadtest.stripe.customers import filled, merged
from loadtest.stripe.listing import DatedListing, Page, page
from loadtest.stripe.params import Metadata, Params
from loadtest.stripe.refusals import Refusal

Settled = Literal["succeeded", "failed"]
_OVER = frozenset({"failed", "canceled"})


class NewRefund(Params, kw_only=True, frozen=True):
    unset: ClassVar[frozenset[str]] = frozenset({"metadata"})

    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None
    charge: str | None = None
    payment_intent: str | None = None
    metadata: Metadata | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None


class ChangedRefund(Params, kw_only=True, frozen=True):
    unset: ClassVar[frozenset[str]] = frozenset({"metadata"})

    metadata: Metadata | msgspec.UnsetType | None = msgspec.UNSET


class RefundListing(DatedListing, kw_only=True, frozen=True):
    charge: str | None = None
    payment_intent: str | None = None


def create(account: Account, asked: NewRefund) -> Refund:
    charge = _charge_to_refund(account, asked)
    if charge.left <= 0:
        raise Refusal(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    amount = charge.left if asked.amount is None else asked.amount
    _check_amount(charge, amount)
    refund = account.refunds.put(_new(account, charge, asked, amount))
    previous: dict[str, object] = {"amount_refunded": charge.amount_refunded, "refunded": charge.refunded}
    _give_back(charge, amount)
    account.tell("refund.created", refund)
    account.tell("charge.refunded", charge, previous)
    _settle_later(account, refund)
    return refund


def settle(account: Account, refund: Refund, status: Settled, reason: str = "expired_or_canceled_card") -> None:
    """Decide a pending one, or take one back that had succeeded. Nothing where it failed before."""
    if refund.status in _OVER or refund.status == status:
        return
    previous: dict[str, object] = {"status": refund.status}
    refund.status, refund.pending_reason = status, msgspec.UNSET
    if status == "failed":
        refund.failure_reason = reason
        _give_back(account.charges[refund.charge], -refund.amount)
        account.tell("refund.failed", refund)
    account.tell("refund.updated", refund, previous)
    account.tell("charge.refund.updated", refund, previous)


def retrieve(account: Account, _asked: Params, sought: str) -> Refund:
    return account.refunds.find(sought, "id")


def change(account: Account, asked: ChangedRefund, sought: str) -> Refund:
    refund = account.refunds.find(sought, "id")
    if asked.metadata is not msgspec.UNSET:
        previous: dict[str, object] = {"metadata": refund.metadata}
        refund.metadata = merged(refund.metadata, asked.metadata)
        account.tell("refund.updated", refund, previous)
        account.tell("charge.refund.updated", refund, previous)
    return refund


def listed(account: Account, asked: RefundListing) -> Page:
    return page(
        account.refunds,
        asked,
        "/v1/refunds",
        lambda refund: (
            asked.dated(refund.created)
            and asked.charge in (None, refund.charge)
            and asked.payment_intent in (None, refund.payment_intent)
        ),
    )


def _charge_to_refund(account: Account, asked: NewRefund) -> Charge:
    if asked.charge is not None:
        charge = account.charges.find(asked.charge, "charge", status=400)
        if asked.payment_intent not in (None, charge.payment_intent):
            raise Refusal("The charge does not belong to the payment_intent.", param="payment_intent")
    elif asked.payment_intent is not None:
        intent = account.intents.find(asked.payment_intent, "payment_intent", status=400)
        found = None if intent.latest_charge is None else account.charges[intent.latest_charge]
        if found is None or not found.captured:
            raise Refusal(f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.")
        charge = found
    else:
        raise Refusal("One of the following params should be provided for this request: payment_intent or charge.")
    if not (charge.paid and charge.captured):
        raise Refusal(f"Charge {charge.id} has not been captured, or failed: there is nothing to refund.")
    return charge


def _check_amount(charge: Charge, amount: int) -> None:
    check_spelling(amount, charge.currency)
    if amount <= charge.left:
        return
    wished, left = written(amount, charge.currency), written(charge.left, charge.currency)
    than = "charge amount" if charge.left == charge.amount else "unrefunded amount on charge"
    raise Refusal(f"Refund amount ({wished}) is greater than {than} ({left})", param="amount")


def _give_back(charge: Charge, amount: int) -> None:
    charge.amount_refunded += amount
    charge.refunded = charge.amount_refunded >= charge.amount_captured > 0


def _new(account: Account, charge: Charge, asked: NewRefund, amount: int) -> Refund:
    pending = account.outcomes.refunds == "pending" or account.cards[charge.payment_method].refund == "succeeded"
    return Refund(
        id=fresh("re"),
        amount=amount,
        charge=charge.id,
        created=account.now(),
        currency=charge.currency,
        destination_details={"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        metadata=filled(asked.metadata),
        payment_intent=charge.payment_intent,
        pending_reason="processing" if pending else msgspec.UNSET,
        reason=asked.reason,
        status="pending" if pending else "succeeded",
    )


def _settle_later(account: Account, refund: Refund) -> None:
    """The cards of asynchronous refunds have theirs decided of itself."""
    fate = account.cards[account.charges[refund.charge].payment_method].refund
    if fate is None or account.outcomes.refund_seconds is None:
        return
    status: Settled = "failed" if fate == "failed" else "succeeded"
    asyncio.get_running_loop().call_later(
        account.outcomes.refund_seconds, lambda: account.of_itself(settle, account, refund, status)
    )
