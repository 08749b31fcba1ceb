"""A Checkout Session and what is bought in it, as Stripe shows them. https://docs.stripe.com/api/checkout/sessions"""

from typing import Any, Final, Literal

import msgspec

from loadtest.stripe.params import Metadata, Text

OPEN: Final = "open"
COMPLETE: Final = "complete"
EXPIRED: Final = "expired"


class IntentData(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What the session's payment intent is made with."""

    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    description: Text | None = None
    metadata: Metadata | None = None
    receipt_email: Text | None = None
    setup_future_usage: Literal["off_session", "on_session"] | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_group: str | None = None


class Price(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "price"
    active: bool = False  # as of one that was made for a session alone
    billing_scheme: str = "per_unit"
    created: int
    currency: str
    custom_unit_amount: None = None
    livemode: bool = False
    lookup_key: None = None
    metadata: dict[str, str] = {}
    nickname: None = None
    product: str
    recurring: None = None
    tax_behavior: str
    tiers_mode: None = None
    transform_quantity: None = None
    type: str = "one_time"
    unit_amount: int
    unit_amount_decimal: str


class LineItem(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "item"
    adjustable_quantity: None = None
    amount_discount: int = 0
    amount_subtotal: int
    amount_tax: int = 0
    amount_total: int
    currency: str
    description: str
    metadata: dict[str, str] = {}
    price: Price
    quantity: int

    @property
    def created(self) -> int:
        return self.price.created


class CustomerDetails(msgspec.Struct, kw_only=True, frozen=True):
    address: dict[str, str | None] | None = None
    business_name: str | None = None
    email: str | None = None
    individual_name: str | None = None
    name: str | None = None
    phone: str | None = None
    tax_exempt: str = "none"
    tax_ids: tuple[Any, ...] = ()


class Session(msgspec.Struct, kw_only=True):
    id: str
    object: str = "checkout.session"
    allowed_payment_method_types: tuple[str, ...] | None
    adaptive_pricing: dict[str, bool] = msgspec.field(default_factory=lambda: {"enabled": False})
    after_expiration: None = None
    allow_promotion_codes: None = None
    amount_subtotal: int
    amount_total: int
    automatic_tax: dict[str, Any] = msgspec.field(
        default_factory=lambda: {"enabled": False, "liability": None, "provider": None, "status": None}
    )
    billing_address_collection: None = None
    cancel_url: str | None
    client_reference_id: str | None
    client_secret: None = None
    collected_information: None = None
    consent: None = None
    consent_collection: None = None
    created: int
    currency: str
    currency_conversion: None = None
    custom_fields: tuple[Any, ...] = ()
    custom_text: dict[str, None] = msgspec.field(
        default_factory=lambda: dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        )
    )
    customer: str | None
    customer_creation: str | None
    customer_details: CustomerDetails | None = None
    customer_email: str | None
    discounts: tuple[Any, ...] = ()
    expires_at: int
    invoice: None = None
    livemode: bool = False
    locale: str | None
    metadata: dict[str, str]
    mode: str = "payment"
    payment_intent: str | None = None
    payment_link: None = None
    payment_method_collection: str = "if_required"
    payment_method_configuration_details: None = None
    payment_method_options: dict[str, Any] = {}
    payment_method_types: tuple[str, ...] = ("card",)
    payment_status: str = "unpaid"
    phone_number_collection: dict[str, bool] = msgspec.field(default_factory=lambda: {"enabled": False})
    recovered_from: None = None
    setup_intent: None = None
    shipping_address_collection: None = None
    shipping_cost: None = None
    shipping_options: tuple[Any, ...] = ()
    status: str = OPEN
    submit_type: str | None
    subscription: None = None
    success_url: str
    total_details: dict[str, int] = msgspec.field(
        default_factory=lambda: {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    )
    ui_mode: str = "hosted_page"
    url: str | None
