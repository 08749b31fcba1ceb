"""The books of the simulated processor: checkouts, what was charged for them, and what was given back."""

from collections import Counter, OrderedDict
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from loadtest.vendors.signing import fresh_id

OPEN, PAID, DECLINED, EXPIRED = "open", "paid", "declined", "expired"
_MOST_CHECKOUTS = 100_000

Amount = Annotated[int, msgspec.Meta(ge=0, le=99_999_999)]


class Metadata(msgspec.Struct):
    job: str | None = None


class Opening(msgspec.Struct):
    """What is asked for."""

    amount: Amount
    currency: str
    order_id: str
    success_url: str
    cancel_url: str
    webhook_url: str
    metadata: Metadata = msgspec.field(default_factory=Metadata)
    expires_at: datetime | None = None


class Refunding(msgspec.Struct):
    checkout: str
    amount: Amount
    currency: str


class Checkout(msgspec.Struct):
    id: str
    asked: Opening
    page: str
    status: str = OPEN
    refunded: int = 0

    def look(self) -> None:
        """Its time may be up."""
        expires_at = self.asked.expires_at
        if self.status == OPEN and expires_at is not None and expires_at <= datetime.now(UTC):
            self.status = EXPIRED

    def told(self) -> dict[str, object]:
        return {
            "id": self.id,
            "status": self.status,
            "amount": self.asked.amount,
            "currency": self.asked.currency,
            "order_id": self.asked.order_id,
            "url": self.page,
            "refunded": self.refunded,
            "metadata": {"job": self.asked.metadata.job},
            **({"message": "the card was declined"} if self.status == DECLINED else {}),
            **({"message": "the checkout has expired"} if self.status == EXPIRED else {}),
        }


class Totals(msgspec.Struct, omit_defaults=True):
    """Minor units by currency, over all checkouts, or over those of one order."""

    charged: dict[str, int]
    refunded: dict[str, int]
    statuses: dict[str, int]
    order_id: str | UnsetType = UNSET


class Books:
    def __init__(self) -> None:
        self._checkouts: OrderedDict[str, Checkout] = OrderedDict()

    def open(self, asked: Opening, base: str) -> Checkout:
        made = fresh_id("co")
        checkout = Checkout(made, asked, f"{base}/processor/pay/{made}")
        self._checkouts[made] = checkout
        if len(self._checkouts) > _MOST_CHECKOUTS:
            self._checkouts.popitem(last=False)
        return checkout

    def find(self, checkout_id: str) -> Checkout | None:
        found = self._checkouts.get(checkout_id)
        if found is not None:
            found.look()
        return found

    def close(self, checkout: Checkout, status: str) -> bool:
        """Whether it was open: what was paid, declined or expired stays so."""
        if checkout.status != OPEN:
            return False
        checkout.status = status
        return True

    def refund(self, checkout: Checkout, amount: int) -> bool:
        """Whether there was so much left of what was charged."""
        left = checkout.asked.amount - checkout.refunded if checkout.status == PAID else 0
        if not 0 < amount <= left:
            return False
        checkout.refunded += amount
        return True

    def totals(self, order_id: str | None) -> Totals:
        charged, refunded, statuses = Counter[str](), Counter[str](), Counter[str]()
        for checkout in self._checkouts.values():
            if order_id not in (None, checkout.asked.order_id):
                continue
            checkout.look()
            statuses[checkout.status] += 1
            refunded[checkout.asked.currency] += checkout.refunded
            charged[checkout.asked.currency] += checkout.asked.amount if checkout.status == PAID else 0
        return Totals(dict(charged), dict(refunded), dict(statuses), order_id or UNSET)
