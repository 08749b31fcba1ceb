"""Payments of orders as tests need them: an order, its payment, the job of that, and what may become of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain import interventions, transitions
from domain.commerce.desk import Desk
from domain.commerce.following import Following, follow_ups
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payment_ends import PaymentEnds
from domain.commerce.payments import LIFETIME
from domain.jobs import Job
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.payments.following import PaymentFollowing
from domain.payments.hearing import Hearing
from domain.payments.job_ends import PaymentJobEnds
from domain.payments.jobs import GiveBack
from domain.payments.money_state import RefundState, Standing
from domain.payments.payments import RefundStatus
from domain.payments.settling import settled
from domain.payments.upkeep import PaymentUpkeep
from domain.transitions import Rules, settle, start
from domain.unknowns import Unknown, unanswered
from domain.vendors import VendorPolicy
from tests.fakes_orders import FakePaymentJobs, Shelf
from tests.fakes_payments import FakePaymentStore, paid_state
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)
ONCE = Rules(VendorPolicy(attempts=1, repeatable=True, key_lifetime=LIFETIME))
PAGE = '{"redirect_url":"https://pay.example/co_1"}'
TAKEN = Waiting("co_1", NOON + LIFETIME, 201, PAGE)
PAID = Done('{"status":"paid"}')
DECLINED = Failed("vendor_failed", "the card was declined")
NO_ANSWER = unanswered("no answer")


class Books(FakePaymentStore):
    """What the processor says is booked, each word newer than the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.words = 0
        self.refunds: dict[UUID, list[RefundState]] = {}

    def hear(self, payment_id: UUID, standing: Standing) -> None:
        self.words += 1
        payment = self.stored[payment_id]
        paid = standing is Standing.PAID
        state = paid_state(
            payment,
            standing=standing,
            captured=payment.total.amount if paid else 0,
            charge=f"ch_{payment_id}" if paid else None,
            refunds=tuple(self.refunds.get(payment_id, ())),
            read_at=NOON + timedelta(microseconds=self.words),
        )
        word = settled(payment, state, LATER)
        if word is not None:
            self._store(word.payment)
            self.transactions |= {each.id: each for each in word.transactions}

    def give_back(self, refund: Job, status: RefundStatus = RefundStatus.COMPLETED) -> None:
        """At the processor, as this job asks for."""
        asked = msgspec.json.decode(refund.payload, type=GiveBack)
        made = RefundState(f"re_{refund.id}", asked.amount, status, LATER, refund.id)
        known = self.refunds.setdefault(asked.payment_id, [])
        if made not in known:
            known.append(made)
        self.hear(asked.payment_id, Standing.PAID)

    @property
    def held(self) -> int:
        return sum(each.signed for each in self.transactions.values())


class Till(Shelf):
    """A fake of each port, and what stands between them."""

    def __init__(self, payments: FakePaymentJobs | None = None) -> None:
        super().__init__()
        self.payments = payments or FakePaymentJobs()
        self.now = LATER
        self.books = Books()
        self.desk = Desk(self.payments, self.books, lambda: self.now)
        self.following = Following(self.orders, follow_ups(self.notices, self.desk))
        self.ends = PaymentEnds(self.following, self.desk, lambda: self.now)
        following = PaymentFollowing(self.books, self.payments, "https://shop.test/back", self.ends)
        self.upkeep = PaymentUpkeep(following)
        self.book_ends = PaymentJobEnds(following, Hearing(self.books, lambda: self.now), lambda: self.now)

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
        """What the processor says is booked first."""
        self.books.hear(job.id, Standing.PAID if isinstance(word, Done) else Standing.CLOSED)
        ended = interventions.hear(job, word, ONCE, self.now, event=job.id)
        self.payments.stored[job.id] = ended
        return ended

    async def given_back(self, refund: Job) -> Job:
        """The processor has made it, and whoever is concerned was told."""
        self.books.give_back(refund)
        done = self.come_to(refund, Done("{}"))
        await self.book_ends.tell(done)
        return done

    def look(self, order: Order) -> Order:
        return self.orders.stored[order.id]

    def kinds(self) -> list[str]:
        return sorted(str((job.metadata or {})["kind"]) for job in self.payments.stored.values())


def begun(job: Job, **fields: Any) -> Job:
    """A job that is just being called."""
    return transitions.start(job, worker="w", key="k", now=LATER).model_copy(update=fields)
