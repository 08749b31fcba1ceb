"""Payments of orders as tests need them: an order, its payment's job, and what may become of that."""

from datetime import datetime, timedelta
from typing import Any

from domain import interventions, transitions
from domain.commerce.desk import Desk
from domain.commerce.following import Following, follow_ups
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payment_ends import PaymentEnds
from domain.commerce.payments import LIFETIME
from domain.jobs import Job
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.transitions import Rules, settle, start
from domain.unknowns import Unknown, unanswered
from domain.vendors import VendorPolicy
from tests.fakes_orders import FakePaymentJobs, Shelf
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)
ONCE = Rules(VendorPolicy(attempts=1, repeatable=True, key_lifetime=LIFETIME))
PAGE = '{"redirect_url":"https://pay.example/co_1"}'
TAKEN = Waiting("co_1", NOON + LIFETIME, 201, PAGE)
PAID = Done('{"status":"paid"}')
DECLINED = Failed("vendor_failed", "the card was declined")
NO_ANSWER = unanswered("no answer")


class Till(Shelf):
    """A fake of each port, and what stands between them."""

    def __init__(self, payments: FakePaymentJobs | None = None) -> None:
        super().__init__()
        self.payments = payments or FakePaymentJobs()
        self.now = LATER
        self.desk = Desk(self.payments, lambda: self.now)
        self.following = Following(self.orders, follow_ups(self.notices, self.desk))
        self.ends = PaymentEnds(self.following, self.payments, lambda: self.now)

    def step(self, at: datetime = LATER) -> Step:
        return Step(at=at, status=Status.AWAITING_PAYMENT, by="user:ann")

    async def paying(self) -> tuple[Order, Job]:
        """An order whose payment is on record, and its job."""
        order = await begin_payment(self.orders, (await self.order()).id, "user:ann", self.step())
        order = await self.following.follow(order, self.now)
        [job] = self.payments.stored.values()
        return order, job

    def come_to(self, job: Job, *outcomes: Outcome | Unknown) -> Job:
        """The job, called once for each of these; the store has it so."""
        for outcome in outcomes:
            job = settle(start(job, worker="w", key=f"{job.id}:call:1", now=self.now), outcome, ONCE, self.now)
        self.payments.stored[job.id] = job
        return job

    def heard(self, job: Job, word: Done | Failed) -> Job:
        """By webhook."""
        ended = interventions.hear(job, word, ONCE, self.now, event=job.id)
        self.payments.stored[job.id] = ended
        return ended

    def look(self, order: Order) -> Order:
        return self.orders.stored[order.id]

    def kinds(self) -> list[str]:
        return sorted(str((job.metadata or {})["kind"]) for job in self.payments.stored.values())


def begun(job: Job, **fields: Any) -> Job:
    """A job that is just being called."""
    return transitions.start(job, worker="w", key="k", now=LATER).model_copy(update=fields)
