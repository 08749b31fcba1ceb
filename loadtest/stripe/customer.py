"""A customer and a payment method, as Stripe shows them: each field is known to the SDK's class of that name."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from loadtest.stripe.cards import Card


class Address(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class InvoiceSettings(msgspec.Struct, kw_only=True, frozen=True):
    custom_fields: None = None
    default_payment_method: str | None = None
    footer: None = None
    rendering_options: None = None


class Customer(msgspec.Struct, kw_only=True):
    id: str
    object: str = "customer"
    address: Address | None = None
    balance: int = 0
    created: int
    currency: str | None = None
    default_source: None = None
    delinquent: bool = False
    description: str | None = None
    discount: None = None
    email: str | None = None
    invoice_prefix: str
    invoice_settings: InvoiceSettings = InvoiceSettings()
    livemode: bool = False
    metadata: dict[str, str] = {}
    name: str | None = None
    next_invoice_sequence: int = 1
    phone: str | None = None
    preferred_locales: tuple[str, ...] = ()
    shipping: None = None
    tax_exempt: str = "none"
    test_clock: None = None


class DeletedCustomer(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "customer"
    deleted: bool = True


class BillingDetails(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    address: Address = Address()
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    tax_id: str | None = None


class Checks(msgspec.Struct, kw_only=True, frozen=True):
    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    cvc_check: str | None = None


class CardShown(msgspec.Struct, kw_only=True, frozen=True):
    """`PaymentMethod.Card`."""

    brand: str
    checks: Checks
    country: str = "US"
    display_brand: str
    exp_month: int
    exp_year: int
    fingerprint: str
    funding: str
    generated_from: None = None
    last4: str
    networks: dict[str, Any]
    regulated_status: str = "unregulated"
    three_d_secure_usage: dict[str, bool] = msgspec.field(default_factory=lambda: {"supported": True})
    wallet: None = None


class PaymentMethod(msgspec.Struct, kw_only=True):
    id: str
    object: str = "payment_method"
    allow_redisplay: str = "unspecified"
    billing_details: BillingDetails = BillingDetails()
    card: CardShown
    created: int
    customer: str | None = None
    livemode: bool = False
    metadata: dict[str, str] = {}
    type: str = "card"
    radar_options: dict[str, Any] | UnsetType = UNSET


def shown(card: Card, *, kept: bool = False) -> CardShown:
    """`kept`: for a customer, whose security code was looked at then."""
    return CardShown(
        brand=card.brand,
        checks=Checks(cvc_check="pass" if kept else "unchecked"),
        display_brand=card.brand,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        fingerprint=f"fp{card.number[-10:]}",
        funding=card.funding,
        last4=card.last4,
        networks={"available": [card.brand], "preferred": None},
    )
