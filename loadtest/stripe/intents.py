"""Payment intents: made, confirmed, captured, cancelled, listed. https://docs.stripe.com/api/payment_intents"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec

from loadtest.stripe.account import Account, fresh
from loadtest.stripe.attempts import Presence, attempt, receive
from loadtest.stripe.currencies import check_charge, read_currency, written
from loadtest.stripe.customer import PaymentMethod
from loadtest.stripe.customers import filled, merged
from loadtest.stripe.intent import (
    CANCELED,
    PROCESSING,
    SUCCEEDED,
    WANTS_CAPTURE,
    WANTS_CONFIRMATION,
    WANTS_METHOD,
    AutomaticMethods,
    PaymentIntent,
    Shipping,
)
from loadtest.stripe.listing import DatedListing, Page, page
from loadtest.stripe.params import Metadata, Params, Text
from loadtest.stripe.payment_methods import spent, use
from loadtest.stripe.refusals import Refusal, missing, unexpected_state

Positive = Annotated[int, msgspec.Meta(ge=1)]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"]
_ONLY_WITH_CONFIRM = ("return_url", "off_session", "error_on_requires_action")
_ALLOWED = "allowed_payment_method_types"
_ENDED = frozenset({SUCCEEDED, CANCELED, PROCESSING, WANTS_CAPTURE})


class Confirming(Params, kw_only=True, frozen=True):
    """What can be said when an intent is confirmed, at its making too."""

    unset: ClassVar[frozenset[str]] = frozenset({"metadata", "receipt_email"})
    # https://docs.stripe.com/changelog/endive/2026-09-30
    removed: ClassVar[Mapping[str, str]] = {"payment_method_types": "payment_method_types_no_longer_supported"}

    error_on_requires_action: bool = False
    off_session: bool = False
    payment_method: str | None = None
    receipt_email: Text | None = None
    return_url: Text | None = None
    setup_future_usage: Literal["off_session", "on_session"] | None = None
    use_stripe_sdk: bool = False

    @property
    def presence(self) -> Presence:
        return Presence(self.off_session, self.return_url, self.error_on_requires_action)


class NewIntent(Confirming, kw_only=True, frozen=True):
    amount: Positive
    currency: str
    allowed_payment_method_types: tuple[str, ...] | None = None
    automatic_payment_methods: AutomaticMethods | None = None
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    confirm: bool = False
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    customer: str | None = None
    description: Text | None = None
    metadata: Metadata | None = None
    shipping: Shipping | None = None
    statement_descriptor: Annotated[str, msgspec.Meta(max_length=22)] | None = None
    statement_descriptor_suffix: Annotated[str, msgspec.Meta(max_length=22)] | None = None
    transfer_group: Text | None = None


class Capturing(Params, kw_only=True, frozen=True):
    unset: ClassVar[frozenset[str]] = frozenset({"metadata"})

    amount_to_capture: Positive | None = None
    final_capture: bool = True
    metadata: Metadata | msgspec.UnsetType | None = msgspec.UNSET


class Cancelling(Params, kw_only=True, frozen=True):
    cancellation_reason: Reason | None = None


class IntentListing(DatedListing, kw_only=True, frozen=True):
    customer: str | None = None


class Retrieving(Params, kw_only=True, frozen=True):
    client_secret: str | None = None


def create(account: Account, asked: NewIntent) -> PaymentIntent:
    """Confirmed at once where it says so; then a decline is raised although the intent was made and stays."""
    currency = read_currency(asked.currency)
    check_charge(asked.amount, currency)
    _check_said_together(asked)
    if asked.customer is not None:
        account.customers.find(asked.customer, "customer", status=400)
    method = _usable(account, asked.payment_method, asked.customer) if asked.payment_method else None
    made = _new(account, asked, currency)
    if asked.confirm:
        _check_confirmable(made, asked, method)
    intent = account.intents.put(made)
    intent.payment_method = None if method is None else method.id
    intent.status = WANTS_METHOD if method is None else WANTS_CONFIRMATION
    account.tell("payment_intent.created", intent)
    if asked.confirm and method is not None:
        attempt(account, intent, method, asked.presence)
    return intent


def confirm(account: Account, asked: Confirming, sought: str) -> PaymentIntent:
    intent = account.intents.find(sought, "intent")
    if intent.status in _ENDED:
        why = {
            SUCCEEDED: "because it has already succeeded after being previously confirmed",
            CANCELED: "because it has a status of canceled",
            PROCESSING: "because it has a status of processing",
            WANTS_CAPTURE: "because it has already been confirmed and waits for its capture",
        }[intent.status]
        raise unexpected_state(f"You cannot confirm this PaymentIntent {why}.", payment_intent=intent)
    wished = asked.payment_method or intent.payment_method
    method = _usable(account, wished, intent.customer) if wished else None
    _check_confirmable(intent, asked, method)
    intent.receipt_email = asked.receipt_email or intent.receipt_email
    intent.setup_future_usage = asked.setup_future_usage or intent.setup_future_usage
    if method is not None:
        attempt(account, intent, method, asked.presence)
    return intent


def retrieve(account: Account, _asked: Retrieving, sought: str) -> PaymentIntent:
    return account.intents.find(sought, "intent")


def capture(account: Account, asked: Capturing, sought: str) -> PaymentIntent:
    """What is not captured is let go."""
    intent = account.intents.find(sought, "intent")
    if intent.status != WANTS_CAPTURE or intent.latest_charge is None:
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent.status}. Only a "
            f"PaymentIntent with one of the following statuses may be captured: {WANTS_CAPTURE}.",
            payment_intent=intent,
        )
    amount = intent.amount_capturable if asked.amount_to_capture is None else asked.amount_to_capture
    if amount > intent.amount_capturable:
        most = written(intent.amount_capturable, intent.currency)
        raise Refusal(
            f"The amount_to_capture must be no more than what can be captured, {most}.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    check_charge(amount, intent.currency, "amount_to_capture")
    if asked.metadata is not msgspec.UNSET:
        intent.metadata = merged(intent.metadata, asked.metadata)
    made = account.charges[intent.latest_charge]
    receive(intent, made, amount)
    account.tell("charge.captured", made)
    account.tell("payment_intent.succeeded", intent)
    return intent


def cancel(account: Account, asked: Cancelling, sought: str) -> PaymentIntent:
    intent = account.intents.find(sought, "intent")
    if intent.status in {SUCCEEDED, CANCELED, PROCESSING}:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. Only a PaymentIntent "
            "with one of the following statuses may be canceled: requires_payment_method, requires_capture, "
            "requires_reauthorization, requires_confirmation, requires_action.",
            payment_intent=intent,
        )
    call_off(account, intent, asked.cancellation_reason)
    return intent


def call_off(account: Account, intent: PaymentIntent, reason: str | None) -> None:
    """What was held on the card is let go; nothing was taken, so nothing is refunded."""
    intent.status, intent.canceled_at, intent.cancellation_reason = CANCELED, account.now(), reason
    intent.amount_capturable, intent.next_action = 0, None
    account.tell("payment_intent.canceled", intent)


def listed(account: Account, asked: IntentListing) -> Page:
    return page(
        account.intents,
        asked,
        "/v1/payment_intents",
        lambda intent: asked.dated(intent.created) and asked.customer in (None, intent.customer),
    )


def _check_said_together(asked: NewIntent) -> None:
    if asked.automatic_payment_methods is not None and asked.allowed_payment_method_types is not None:
        raise Refusal(
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types."
        )
    if asked.allowed_payment_method_types is not None and "card" not in asked.allowed_payment_method_types:
        raise Refusal("None of the allowed payment method types is simulated: allow card.", param=_ALLOWED)
    said = [name for name in _ONLY_WITH_CONFIRM if getattr(asked, name)]
    if said and not asked.confirm:
        raise Refusal(
            f"The parameter `{said[0]}` cannot be passed when creating a PaymentIntent unless `confirm` is set to "
            "true.",
            param=said[0],
        )


def _usable(account: Account, sought: str, customer: str | None) -> PaymentMethod:
    method = use(account, sought)
    if method.id in account.consumed:
        raise spent()
    if method.customer is not None and customer is None:
        raise Refusal(
            f"The PaymentMethod provided ({method.id}) belongs to the Customer {method.customer}. Please include the "
            "Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if method.customer not in (None, customer):
        raise missing("PaymentMethod", method.id, "payment_method", status=400)
    return method


def _check_confirmable(intent: PaymentIntent, asked: Confirming, method: PaymentMethod | None) -> None:
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            payment_intent=intent,
        )
    automatic = intent.automatic_payment_methods
    if automatic is not None and automatic.enabled and automatic.allow_redirects == "always" and not asked.return_url:
        raise Refusal(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            payment_intent=intent,
        )


def _new(account: Account, asked: NewIntent, currency: str) -> PaymentIntent:
    made = fresh("pi")
    of_themselves = AutomaticMethods(enabled=True) if asked.allowed_payment_method_types is None else None
    return PaymentIntent(
        id=made,
        allowed_payment_method_types=asked.allowed_payment_method_types,
        amount=asked.amount,
        automatic_payment_methods=asked.automatic_payment_methods or of_themselves,
        capture_method=asked.capture_method,
        client_secret=f"{made}_{fresh('secret')}",
        confirmation_method=asked.confirmation_method,
        created=account.now(),
        currency=currency,
        customer=asked.customer,
        description=asked.description,
        metadata=filled(asked.metadata),
        payment_method=None,
        payment_method_options={
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        receipt_email=asked.receipt_email,
        setup_future_usage=asked.setup_future_usage,
        shipping=asked.shipping,
        statement_descriptor=asked.statement_descriptor,
        statement_descriptor_suffix=asked.statement_descriptor_suffix,
        transfer_group=asked.transfer_group,
    )
