"""A till for tests: the vendor on a simulated Stripe, the books that it writes, and what gets lost on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pydantic import SecretStr

from domain.commerce.payments import Checkout
from domain.commerce.ports import PaymentJobs
from domain.infra.mongo import Database
from domain.infra.payments.payments import MongoPaymentStore
from domain.jobs import Job, JobError
from domain.jobs import Status as JobStatus
from domain.money import Money
from domain.outcomes import Done, Outcome, Waiting
from domain.payments.hearing import Hearing
from domain.payments.jobs import give_back_job, try_job
from domain.payments.payments import Payment, Refund, Status
from domain.payments.ports import TransactionFilter
from domain.payments.processing import begun
from domain.payments.reconcile_jobs import Compared, Reconcile, page_job
from domain.payments.reconciling import Report
from domain.request_ids import new_request_id
from domain.submitted_fields import to_milliseconds
from domain.vendors import Call
from tests.fakes_orders import FakePaymentJobs
from tests.loadtest.client import Vendors
from tests.loadtest.stripe.api import PAID, Api
from vendors.http import VendorHttp
from vendors.payments.stripe import StripePayments
from vendors.stripe.client import StripeDoor
from vendors.stripe.settings import StripeSettings
from vendors.stripe.webhooks import StripeWebhooks

PRICE = Money(amount=2000, currency="USD")
BACK = "https://shop.test/back"
VISA, DECLINED = "pm_card_visa", "pm_card_visa_chargeDeclined"
A_DAY = timedelta(hours=24, minutes=1)
UNKNOWN = JobError(code="outcome_unknown", message="nobody knows")
TEN_MINUTES = timedelta(minutes=10)
EVERYTHING = TransactionFilter(None, limit=1000)


def now() -> datetime:
    return to_milliseconds(datetime.now(UTC))


@dataclass
class Till:
    """The vendor, the books that it writes, the jobs that are on record, and the Stripe behind all that."""

    store: MongoPaymentStore
    stripe: Api
    jobs: FakePaymentJobs
    later: timedelta = timedelta(0)  # by how much our clock is ahead
    _vendor: StripePayments | None = None

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.later

    @property
    def vendor(self) -> StripePayments:
        assert self._vendor is not None
        return self._vendor

    async def call(self, job: Job) -> Outcome:
        return await self.vendor.call(Call(job.id, job.payload, timedelta(seconds=10), job.generation))

    async def tried(self, payment: Payment | None = None, card: str = VISA) -> tuple[Payment, Job]:
        """A payment of which a try has begun, and the try's job on record, not yet run."""
        draft = payment or Payment(
            id=new_request_id(), client="acme", total=PRICE, created_at=now(), updated_at=now()
        )  # fmt: skip
        before = draft if payment is not None else await self.store.add(draft)
        after = begun(before, card, now()).model_copy(update={"owed": None, "sweep_at": None})
        assert await self.store.change(before, after)
        job = try_job(after, BACK, now())
        await self.jobs.put(job)
        return after, job

    async def paid(self) -> Payment:
        payment, job = await self.tried()
        assert isinstance(await self.call(job), Done)
        self.end(job)
        return await self.look(payment)

    def end(self, job: Job, **changes: Any) -> None:
        ended = {"status": JobStatus.COMPLETE, "updated_at": now(), **changes}
        self.jobs.stored[job.id] = job.model_copy(update=ended)

    def end_in_doubt(self, job: Job) -> None:
        self.end(job, status=JobStatus.FAILED, error=UNKNOWN)

    async def refunding(self, payment: Payment, amount: int) -> tuple[Refund, Job]:
        """A refund that is reserved, and its job, not yet run."""
        refund = Refund(id=new_request_id(), amount=amount, by="acme", created_at=now())
        after = await self.store.reserve(payment.id, None, refund)
        assert after is not None
        done = after.model_copy(update={"epoch": after.epoch + 1, "owed": None, "sweep_at": None})
        assert await self.store.change(after, done)
        job = give_back_job(done, refund, now())
        await self.jobs.put(job)
        return refund, job

    def charge_behind_our_back(self, job: Job, payment: Payment, card: str = VISA) -> str:
        """What the job's call does, its answer lost."""
        marks = {"payment": str(payment.id), "job": str(job.id), "generation": "1"}
        answer = self.stripe.post("payment_intents", {**PAID, "payment_method": card, "metadata": marks})
        found = answer.json if answer.status == 200 else answer.json["error"]["payment_intent"]
        return str(found["id"])

    async def page_of_an_order(self) -> tuple[Payment, Waiting]:
        """An order's payment whose page is open, and whose job has ended in doubt."""
        made = new_request_id()
        under_way: dict[str, Any] = {"status": Status.PROCESSING, "order": new_request_id(), "job": made, "tries": 1}
        payment = await self.store.add(
            Payment(id=made, client="acme", total=PRICE, created_at=now(), updated_at=now(), **under_way)
        )
        asked = Checkout(made, PRICE.amount, PRICE.currency, None, now())
        job = page_job(Reconcile(made, now()), now())
        job = job.model_copy(update={"payload": msgspec.json.encode(asked).decode()})
        waiting = await self.call(job)
        assert isinstance(waiting, Waiting)
        self.end_in_doubt(job)
        return payment, waiting

    async def compare(self, since: datetime | None = None) -> Report:
        """A whole run."""
        asked = Reconcile(new_request_id(), since or now() - TEN_MINUTES)
        await self.jobs.put(page_job(asked, now()))
        compared = await self.page(self.jobs.stored[asked.run])
        while compared.next is not None:
            compared = await self.page(self.jobs.stored[compared.next])
        return compared.report

    async def page(self, job: Job) -> Compared:
        outcome = await self.call(job)
        assert isinstance(outcome, Done), outcome
        return msgspec.json.decode(outcome.result, type=Compared)

    async def look(self, payment: Payment) -> Payment:
        found = await self.store.find(payment.id, None)
        assert found is not None
        return found

    async def held(self) -> int:
        return sum(each.signed for each in await self.store.list_transactions(EVERYTHING))

    async def adds_up(self) -> bool:
        """What is judged: charges less refunds at the processor are the sum of our transactions."""
        return bool(await self.held() == self.stripe.totals()["left"].get("usd", 0))


@asynccontextmanager
async def till_at(
    vendors: Vendors, database: Database, jobs: PaymentJobs | None = None, key: str = "sk_test_simulated"
) -> AsyncIterator[Till]:
    """The vendor puts jobs on record in `jobs`, where they are given, and else in the till's own."""
    base = f"http://127.0.0.1:{vendors.port}/stripe"
    settings = StripeSettings(SecretStr(key), SecretStr("whsec_x"), base)
    async with VendorHttp() as http:
        here = Till(MongoPaymentStore(database), Api(vendors), FakePaymentJobs())
        hearing, webhooks = Hearing(here.store, here.clock), StripeWebhooks.of(settings)
        door = StripeDoor(settings, http)
        here._vendor = StripePayments(door, hearing, jobs or here.jobs, webhooks, "https://shop.test", limit=None)
        yield here
