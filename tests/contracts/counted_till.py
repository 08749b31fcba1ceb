"""Our vendor of payments on an account at Stripe, or what stands for one, and the books that it writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain.money import Money
from domain.outcomes import Done, Outcome
from domain.payments.hearing import Hearing
from domain.payments.jobs import GiveBack, Try
from domain.payments.payments import Payment, Refund, Status
from domain.payments.ports import PaymentStore, TransactionFilter
from domain.request_ids import new_request_id
from domain.vendors import Call
from tests.contracts.stripe_accounts import Account
from tests.fakes_orders import FakePaymentJobs
from vendors.payments.stripe import StripePayments
from vendors.stripe.client import StripeDoor
from vendors.stripe.webhooks import StripeWebhooks

PRICE = Money(amount=2000, currency="USD")
BACK = "https://shop.test/back"
CARD = "4242424242424242"


@dataclass
class Till:
    vendor: StripePayments
    store: PaymentStore
    account: Account
    made: list[UUID] = field(default_factory=list)
    calls: dict[UUID, Call] = field(default_factory=dict)

    async def payment(self, **fields: Any) -> Payment:
        """An order's is the job of its own page."""
        now, made = datetime.now(UTC), new_request_id()
        usual = {
            "client": "acme",
            "total": PRICE,
            "status": Status.PROCESSING,
            "created_at": now,
            "updated_at": now,
            "job": made if fields.get("order") else new_request_id(),
        }
        payment = await self.store.add(Payment(id=made, **{**usual, **fields}))
        self.made.append(payment.id)
        return payment

    async def do(self, asked: msgspec.Struct, request_id: UUID | None = None) -> Outcome:
        made = request_id or new_request_id()
        call = self.calls.setdefault(made, Call(made, msgspec.json.encode(asked).decode(), timedelta(seconds=10)))
        return await self.vendor.call(call)

    async def poll(self, request_id: UUID, reference: str) -> Outcome:
        return await self.vendor.poll(replace(self.calls[request_id], operation="poll"), reference)

    async def tried(self, payment: Payment, card: str = "pm_card_visa", request_id: UUID | None = None) -> Outcome:
        """By the try that the payment names, where nobody says which; after that by others."""
        named = payment.job if payment.job not in self.calls else None
        return await self.do(Try(payment.id, PRICE.amount, PRICE.currency, card, BACK), request_id or named)

    async def paid(self) -> Payment:
        payment = await self.payment()
        assert isinstance(await self.tried(payment), Done)
        return await self.now(payment)

    async def reserved(self, payment: Payment, amount: int) -> Refund:
        refund = Refund(id=new_request_id(), amount=amount, by="acme", created_at=datetime.now(UTC))
        assert await self.store.reserve(payment.id, None, refund) is not None
        return refund

    async def give_back(self, payment: Payment, refund: Refund) -> Outcome:
        reference = payment.reference or ""
        return await self.do(GiveBack(payment.id, refund.id, reference, refund.amount, "USD"), refund.id)

    async def now(self, payment: Payment) -> Payment:
        found = await self.store.find(payment.id, None)
        assert found is not None
        return found

    async def held(self) -> int:
        """By our transactions, as by the account itself: both count the same, whenever anybody asks."""
        told = await self.store.list_transactions(TransactionFilter(owner=None, limit=100))
        ours = sum(transaction.signed for transaction in told)
        assert ours == self.account.held([str(payment) for payment in self.made])
        return ours


@asynccontextmanager
async def till_at(account: Account, store: PaymentStore) -> AsyncIterator[Till]:
    """At its end what the account holds must be what the books say."""
    account.empty()
    async with account.open_http() as http:
        settings = account.settings
        door, webhooks = StripeDoor(settings, http), StripeWebhooks.of(settings)
        hearing, jobs = Hearing(store), FakePaymentJobs()
        vendor = StripePayments(door, hearing, jobs, webhooks, "https://shop.test", limit=None)
        till = Till(vendor, store, account)
        yield till
        await till.held()
