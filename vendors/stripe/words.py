"""
What is asked of Stripe and what it answers, in our words: frozen, money in our minor units, times in UTC.

`text` is the whole object as Stripe wrote it, JSON, for clients that are promised it; "" where it came within another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import Money

SHORTEST_SESSION = timedelta(minutes=30)  # how long a Checkout Session stays open, by Stripe's rule
LONGEST_SESSION = timedelta(hours=24)
_SLACK = timedelta(minutes=2)  # for a call that comes late

JOB, GENERATION = "job", "generation"  # what all that we make carries in its metadata, besides what is asked
PAYMENT = "payment"  # in the metadata of what is made for a payment: our id of it
REFUND = "refund"  # in a refund's metadata: our id of it


class Reason(StrEnum):
    """Why money goes back; Stripe takes no other."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED = "requested_by_customer"


@dataclass(frozen=True, slots=True)
class CustomerAsked:
    name: str
    email: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionAsked:
    """`expires_at`: see `session_end`. `reference` is what the session's `client_reference_id` will be."""

    money: Money
    product_name: str
    success_url: str
    cancel_url: str
    expires_at: datetime | None = None
    reference: str | None = None
    customer: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IntentAsked:
    """Paid at once with `payment_method`. Who has to prove who they are comes back to `return_url`."""

    money: Money
    payment_method: str
    return_url: str
    redirects: bool = True  # False: no payment method whose page is elsewhere
    customer: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """Always with its amount: "all that is left" would be another one at the second try."""

    intent_id: str
    money: Money
    reason: Reason | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    name: str | None
    email: str | None
    metadata: Mapping[str, str]
    created_at: datetime
    livemode: bool
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a payment failed, in Stripe's words: `code` for programs, `decline_code` the bank's, `message` for people."""

    code: str | None
    decline_code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Charge:
    id: str
    status: str  # succeeded, pending or failed
    money: Money
    captured: Money
    refunded: Money
    intent_id: str | None
    failure: Failure | None
    receipt_url: str | None
    metadata: Mapping[str, str]
    created_at: datetime
    livemode: bool
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Intent:
    """`charge` is the latest one, where it was asked for with it; its id is there in any case."""

    id: str
    status: str
    money: Money
    received: Money
    charge_id: str | None
    charge: Charge | None
    failure: Failure | None
    next_action_url: str | None
    metadata: Mapping[str, str]
    created_at: datetime
    livemode: bool
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    status: str | None  # open, complete or expired
    payment_status: str  # paid, unpaid or no_payment_required
    money: Money
    url: str | None  # gone once it is no longer open
    intent_id: str | None
    intent: Intent | None
    reference: str | None
    metadata: Mapping[str, str]
    expires_at: datetime
    created_at: datetime
    livemode: bool
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    status: str | None  # pending, requires_action, succeeded, failed or canceled
    money: Money
    intent_id: str | None
    charge_id: str | None
    reason: str | None
    failure_reason: str | None
    metadata: Mapping[str, str]
    created_at: datetime
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """An object of a list that is in none of our words, such as an amount of a currency that there is no longer."""

    id: str
    metadata: Mapping[str, str]


def session_end(begun: datetime, wanted: datetime | None) -> datetime | None:
    """
    The end nearest to `wanted` that Stripe takes of a session that is asked for from `begun` on.

    It hangs on nothing but its arguments, both on record: the same key with another end would be refused.
    """
    if wanted is None:
        return None
    return min(max(wanted, begun + SHORTEST_SESSION + _SLACK), begun + LONGEST_SESSION - _SLACK)
