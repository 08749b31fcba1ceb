"""A charge and a refund, as Stripe shows them."""

from typing import Any

import msgspec

from loadtest.stripe.customer import BillingDetails
from loadtest.stripe.intent import Shipping


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    network_status: str
    reason: str | None = None
    risk_level: str = "normal"
    risk_score: int = 32
    seller_message: str
    type: str


class Charge(msgspec.Struct, kw_only=True):
    """`amount_refunded` has refunds that are pending, and loses those that fail."""

    id: str
    object: str = "charge"
    amount: int
    amount_captured: int = 0
    amount_refunded: int = 0
    application: None = None
    application_fee: None = None
    application_fee_amount: None = None
    balance_transaction: None = None  # Stripe's books are not simulated
    billing_details: BillingDetails
    calculated_statement_descriptor: str | None = "SIMULATED SHOP"
    captured: bool = False
    created: int
    currency: str
    customer: str | None
    description: str | None
    disputed: bool = False
    failure_balance_transaction: None = None
    failure_code: str | None = None
    failure_message: str | None = None
    fraud_details: dict[str, str] = {}
    livemode: bool = False
    metadata: dict[str, str]
    on_behalf_of: None = None
    outcome: Outcome
    paid: bool
    payment_intent: str
    payment_method: str
    payment_method_details: dict[str, Any]
    radar_options: dict[str, str] = {}
    receipt_email: str | None
    receipt_number: None = None
    receipt_url: str | None
    refunded: bool = False
    review: None = None
    shipping: Shipping | None
    source: None = None
    source_transfer: None = None
    statement_descriptor: str | None
    statement_descriptor_suffix: str | None
    status: str
    transfer_data: None = None
    transfer_group: str | None

    @property
    def left(self) -> int:
        """What can still be refunded."""
        return self.amount_captured - self.amount_refunded


class Refund(msgspec.Struct, kw_only=True, omit_defaults=False):
    id: str
    object: str = "refund"
    amount: int
    balance_transaction: None = None
    charge: str
    created: int
    currency: str
    destination_details: dict[str, Any]
    failure_reason: str | None | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, str]
    payment_intent: str
    pending_reason: str | None | msgspec.UnsetType = msgspec.UNSET
    reason: str | None
    receipt_number: None = None
    source_transfer_reversal: None = None
    status: str
    transfer_reversal: None = None
