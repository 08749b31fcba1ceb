"""
One attempt to charge a card for an intent: straight through, by 3-D Secure, or decided later.

A decline leaves a failed charge and an intent that wants another payment method; it is raised as the answer's 402.
"""

from dataclasses import dataclass

from loadtest.stripe.account import Account, fresh
from loadtest.stripe.cards import Card, Decline
from loadtest.stripe.charge import Charge, Outcome
from loadtest.stripe.customer import PaymentMethod
from loadtest.stripe.intent import (
    PROCESSING,
    SUCCEEDED,
    WANTS_ACTION,
    WANTS_CAPTURE,
    WANTS_METHOD,
    LastError,
    PaymentIntent,
)
from loadtest.stripe.payment_methods import declined
from loadtest.stripe.refusals import Refusal

_DOCS = "https://docs.stripe.com/error-codes/"
_LATE_NO = Decline("card_declined", "generic_decline", "Your card was declined.", "try_again_later")
_NOT_AUTHENTICATED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether the buyer is there, and where they go after they were asked to prove who they are."""

    off_session: bool = False
    return_url: str | None = None
    error_on_action: bool = False


def attempt(account: Account, intent: PaymentIntent, method: PaymentMethod, presence: Presence) -> None:
    """Charge it, or ask for what is needed first. Raises `Refusal` when it is declined."""
    intent.payment_method = method.id
    intent.last_payment_error = None
    intent.next_action = None
    if not account.cards[method.id].challenge:
        charge(account, intent, method)
    elif presence.off_session:
        _decline(account, intent, method, _charge_of(account, intent, method), _NOT_AUTHENTICATED)
    elif presence.error_on_action:
        intent.status, intent.payment_method = WANTS_METHOD, None
        raise declined(_NOT_AUTHENTICATED, payment_intent=intent)
    else:
        intent.status = WANTS_ACTION
        intent.next_action = _ask_to_authenticate(account, intent, presence.return_url)
        account.tell("payment_intent.requires_action", intent)


def authenticate(account: Account, intent: PaymentIntent, *, passed: bool) -> None:
    """What the buyer did on the bank's page. Nothing where the intent does not wait for it. A decline is not raised."""
    if intent.status != WANTS_ACTION or intent.payment_method is None:
        return
    method = account.payment_methods[intent.payment_method]
    intent.next_action = None
    if passed:
        try:
            charge(account, intent, method)
        except Refusal:
            return  # it is on the intent, and the buyer's page says so
    else:
        _forget_method(account, intent, _failed_authentication(method))


def charge(account: Account, intent: PaymentIntent, method: PaymentMethod) -> None:
    """Raises `Refusal` when the card says no."""
    made = _charge_of(account, intent, method)
    card = account.cards[method.id]
    if card.decline is not None:
        _decline(account, intent, method, made, card.decline)
    elif account.outcomes.confirmations == "processing":
        made.status, made.paid, intent.status = "pending", False, PROCESSING
        account.tell("charge.pending", made)
        account.tell("payment_intent.processing", intent)
    else:
        _authorize(account, intent, method, made)


def settle(account: Account, intent: PaymentIntent, *, succeeded: bool) -> None:
    """Decide what was left `processing`. Nothing where it is not."""
    if intent.status != PROCESSING or intent.payment_method is None or intent.latest_charge is None:
        return
    method, made = account.payment_methods[intent.payment_method], account.charges[intent.latest_charge]
    if succeeded:
        _authorize(account, intent, method, made)
    else:
        try:
            _decline(account, intent, method, made, _LATE_NO)
        except Refusal:
            return  # there is no call to answer


def receive(intent: PaymentIntent, made: Charge, amount: int) -> None:
    """The money comes in: at once, or when it is captured."""
    made.captured, made.amount_captured = True, amount
    intent.amount_received, intent.amount_capturable = amount, 0
    intent.status = SUCCEEDED


def _authorize(account: Account, intent: PaymentIntent, method: PaymentMethod, made: Charge) -> None:
    made.status, made.paid = "succeeded", True
    _keep_or_spend(account, intent, method)
    if intent.capture_method == "manual":
        intent.status, intent.amount_capturable = WANTS_CAPTURE, intent.amount
        account.tell("charge.succeeded", made)
        account.tell("payment_intent.amount_capturable_updated", intent)
    else:
        receive(intent, made, intent.amount)
        account.tell("charge.succeeded", made)
        account.tell("payment_intent.succeeded", intent)


def _keep_or_spend(account: Account, intent: PaymentIntent, method: PaymentMethod) -> None:
    if method.customer is None and intent.customer is not None and intent.setup_future_usage is not None:
        method.customer = intent.customer
        account.tell("payment_method.attached", method)
    elif method.customer is None:
        account.consumed.add(method.id)


def _decline(account: Account, intent: PaymentIntent, method: PaymentMethod, made: Charge, no: Decline) -> None:
    """Raises `Refusal`, always."""
    made.status, made.paid = "failed", False
    made.failure_code, made.failure_message = no.code, no.message
    made.outcome = Outcome(
        advice_code=no.advice,
        network_status="declined_by_network",
        reason=no.reason or no.code,
        seller_message="The bank did not return any further details with this decline.",
        type="issuer_declined",
    )
    account.tell("charge.failed", made)
    error = LastError(
        type="card_error",
        code=no.code,
        message=no.message,
        doc_url=f"{_DOCS}{no.code.replace('_', '-')}",
        advice_code=no.advice,
        charge=made.id,
        decline_code=no.reason,
        payment_method=method,
    )
    _forget_method(account, intent, error)
    raise declined(no, charge=made.id, payment_intent=intent, payment_method=method)


def _forget_method(account: Account, intent: PaymentIntent, error: LastError) -> None:
    intent.status, intent.payment_method, intent.last_payment_error = WANTS_METHOD, None, error
    account.tell("payment_intent.payment_failed", intent)


def _failed_authentication(method: PaymentMethod) -> LastError:
    code = "payment_intent_authentication_failure"
    return LastError(
        type="invalid_request_error",
        code=code,
        message="The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
        doc_url=f"{_DOCS}{code.replace('_', '-')}",
        payment_method=method,
    )


def _ask_to_authenticate(account: Account, intent: PaymentIntent, return_url: str | None) -> dict[str, object]:
    """By a redirect where there is a way back; else as Stripe.js would have it."""
    page = f"{account.base_url}/authenticate/{intent.id}"
    if return_url is not None:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page, "source": fresh("payatt")},
    }


def _charge_of(account: Account, intent: PaymentIntent, method: PaymentMethod) -> Charge:
    made = Charge(
        id=fresh("ch"),
        amount=intent.amount,
        billing_details=method.billing_details,
        created=account.now(),
        currency=intent.currency,
        customer=intent.customer,
        description=intent.description,
        metadata=dict(intent.metadata),
        outcome=Outcome(network_status="approved_by_network", seller_message="Payment complete.", type="authorized"),
        paid=False,
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details={"card": _card_details(account.cards[method.id], intent.amount), "type": "card"},
        receipt_email=intent.receipt_email,
        receipt_url=f"{account.base_url}/receipts/{intent.id}",
        shipping=intent.shipping,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=intent.statement_descriptor_suffix,
        status="pending",
        transfer_group=intent.transfer_group,
    )
    intent.latest_charge = made.id
    return account.charges.put(made)


def _card_details(card: Card, amount: int) -> dict[str, object]:
    """`Charge.PaymentMethodDetails.Card`."""
    return {
        "amount_authorized": amount if card.decline is None else None,
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": f"fp{card.number[-10:]}",
        "funding": card.funding,
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "network": card.brand,
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
