"""A payment intent, as Stripe shows it. https://docs.stripe.com/payments/paymentintents/lifecycle"""

from typing import Any, Final, Literal

import msgspec

from loadtest.stripe.customer import Address, PaymentMethod

WANTS_METHOD: Final = "requires_payment_method"
WANTS_CONFIRMATION: Final = "requires_confirmation"
WANTS_ACTION: Final = "requires_action"
PROCESSING: Final = "processing"
WANTS_CAPTURE: Final = "requires_capture"
SUCCEEDED: Final = "succeeded"
CANCELED: Final = "canceled"


class AutomaticMethods(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    enabled: bool
    allow_redirects: Literal["always", "never"] = "always"


class Shipping(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    address: Address
    name: str
    carrier: str | None = None
    phone: str | None = None
    tracking_number: str | None = None


class LastError(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """`PaymentIntent.LastPaymentError`: what is not said is not there."""

    type: str
    code: str
    message: str
    doc_url: str
    advice_code: str | None = None
    charge: str | None = None
    decline_code: str | None = None
    payment_method: PaymentMethod | None = None


class PaymentIntent(msgspec.Struct, kw_only=True):
    id: str
    object: str = "payment_intent"
    allowed_payment_method_types: tuple[str, ...] | None
    amount: int
    amount_capturable: int = 0
    amount_details: dict[str, Any] = msgspec.field(default_factory=lambda: {"tip": {}})
    amount_received: int = 0
    application: None = None
    application_fee_amount: None = None
    automatic_payment_methods: AutomaticMethods | None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    capture_method: str
    client_secret: str
    confirmation_method: str
    created: int
    currency: str
    customer: str | None
    description: str | None
    excluded_payment_method_types: None = None
    last_payment_error: LastError | None = None
    latest_charge: str | None = None
    livemode: bool = False
    metadata: dict[str, str]
    next_action: dict[str, Any] | None = None
    on_behalf_of: None = None
    payment_method: str | None
    payment_method_configuration_details: None = None
    payment_method_options: dict[str, Any]
    payment_method_types: tuple[str, ...] = ("card",)
    processing: None = None
    receipt_email: str | None
    review: None = None
    setup_future_usage: str | None
    shipping: Shipping | None
    source: None = None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    status: str = WANTS_METHOD
    transfer_data: None = None
    transfer_group: str | None
