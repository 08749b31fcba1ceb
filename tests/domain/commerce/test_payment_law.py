"""
The law of money, played at random: what the processor charged, less what it gave back, is what our books come to.

Answers get lost, words come late, twice and before their time, buyers pay at the last moment, processes die between any
two writes. In the end, when everybody answers again, the books agree.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, assert_never
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from domain import interventions
from domain.commerce.cancelling import cancel_order
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payments import GIVE_BACK, LIFETIME, Checkout, Withdrawal, is_unsettled
from domain.commerce.upkeep import Upkeep
from domain.errors import Conflict, Unavailable
from domain.interventions import ORDER, PAYMENT, note_late
from domain.jobs import Job
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.payments.job_ends import payment_of_job
from domain.payments.jobs import GiveBack
from domain.payments.money_state import RefundState, Standing
from domain.payments.payments import RefundStatus
from domain.transitions import Rules, settle, start
from domain.unknowns import Unknown, never_sent, unanswered, worker_died
from domain.vendors import VendorPolicy
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payments import a_refund
from tests.payments import LATER, PAGE, Books, Till

RULES = Rules(VendorPolicy(attempts=3, repeatable=True, key_lifetime=LIFETIME))
ROUNDS = 40  # more than it takes until everything is told and done
UNKNOWN: dict[str, Callable[[], Unknown]] = {"lost": lambda: unanswered("no answer"), "crashed": worker_died}
WORDS: dict[str, Any] = {
    "paid": Done('"paid"'),
    "declined": Failed("vendor_failed", "no"),
    "expired": Failed("vendor_failed", "no"),
}
STANDINGS = {
    "open": Standing.OPEN,
    "paid": Standing.PAID,
    "declined": Standing.CLOSED,
    "expired": Standing.CLOSED,
}
Asked = Checkout | Withdrawal | GiveBack
PRICE = 5997
T = TypeVar("T")
picks = st.integers(0, 9)  # which of several, modulo their number


@dataclass
class Page:
    """A checkout at the processor."""

    reference: str
    job: Job
    status: str = "open"
    known: bool = False  # whether anybody was ever told of it, and can pay


class Processor:
    """It honours keys, says of each checkout how it stands, and never gives back more than it took."""

    def __init__(self, books: Books) -> None:
        self.pages: dict[str, Page] = {}  # by key
        self._books = books

    def act(self, job: Job) -> Outcome:
        """What it does for the call that is under way, and would answer."""
        if job.vendor_ref is not None:
            return self._told(self.find(job.vendor_ref))
        asked: Asked = msgspec.json.decode(job.payload, type=Asked)
        match asked:
            case Checkout():
                key = job.attempts[-1].key
                page = self.pages.setdefault(key, Page(f"co_{len(self.pages)}", job))
                return Waiting(page.reference, job.deadline, 201, PAGE)
            case Withdrawal(reference=reference):
                self._close(self.find(reference))
                return Done("{}")
            case GiveBack(payment_id=payment, refund_id=refund, amount=amount):
                made = self.give_back(payment, amount, refund)
                return Done("{}") if made else Failed("vendor_rejected", "no", 409)
            case _:
                assert_never(asked)

    def give_back(self, payment: UUID, amount: int, ours: UUID | None) -> bool:
        made = self._books.refunds.setdefault(payment, [])
        if ours is not None and any(each.ours == ours for each in made):
            return True
        if amount > self.left(payment):
            return False
        made.append(RefundState(f"re_{payment}_{len(made)}", amount, RefundStatus.COMPLETED, LATER, ours))
        return True

    def left(self, payment: UUID) -> int:
        """Of what was paid."""
        paid = any(page.job.id == payment and page.status == "paid" for page in self.pages.values())
        given_back = sum(each.amount for each in self._books.refunds.get(payment, ()))
        return PRICE - given_back if paid else 0

    def say(self, page: Page) -> None:
        """How it stands, which is booked."""
        self._books.hear(page.job.id, STANDINGS[page.status])

    def page_of(self, payment: UUID) -> Page | None:
        return next((page for page in self.pages.values() if page.job.id == payment), None)

    def find(self, reference: str) -> Page:
        return next(page for page in self.pages.values() if page.reference == reference)

    def close_all(self) -> None:
        """Their time is up."""
        for page in self.pages.values():
            self._close(page)

    def _close(self, page: Page) -> None:
        page.status = "expired" if page.status == "open" else page.status

    def _told(self, page: Page) -> Outcome:
        return Waiting(page.reference, page.job.deadline) if page.status == "open" else WORDS[page.status]


class CarefulJobs(FakePaymentJobs):
    """As the real ones: what is called, or still to be told, is not asked for again."""

    async def ask_again(self, job: Job, now: Any) -> bool:
        if interventions.owes_follow_up(job) or interventions.is_called(job):
            raise Unavailable("not yet")
        return await super().ask_again(job, now)


class Law(RuleBasedStateMachine):
    """One order of three mugs of ten, its buyer, the workers, and the processor."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.till = Till(CarefulJobs())
        self.processor = Processor(self.till.books)
        self.order_id = self.run(self.till.order()).id

    def teardown(self) -> None:
        try:
            self.settle_all()
        finally:
            self.runner.close()

    @initialize(opened=st.sampled_from([True, True, False]))
    def begin(self, opened: bool) -> None:
        """Mostly its buyer stands at the processor's page already."""
        self.pay(dies=False)
        if opened:
            self.call(0)
            self.answer(0, "answered")

    @rule(dies=st.booleans())
    def pay(self, dies: bool) -> None:
        with suppress(Conflict):
            order = self.run(
                begin_payment(self.till.orders, self.order_id, "user:ann", self.step(Status.AWAITING_PAYMENT))
            )
            self.follow(order, dies)

    @rule(dies=st.booleans())
    def cancel(self, dies: bool) -> None:
        with suppress(Conflict):
            order = self.run(cancel_order(self.till.orders, self.order_id, "user:ann", self.step(Status.CANCELLED)))
            self.follow(order, dies)

    @precondition(lambda self: self.idle)
    @rule(pick=picks)
    def call(self, pick: int) -> None:
        """A worker puts the call on record."""
        job = self.idle[pick % len(self.idle)]
        operation = "call" if job.vendor_ref is None else "poll"
        key = f"{job.id}:{operation}:{job.generation}"
        self.store(start(job, worker="w", key=key, now=self.till.now, operation=operation))

    @precondition(lambda self: self.called)
    @rule(pick=picks, way=st.sampled_from(["answered", "answered", "lost", "unsent", "refused", "crashed"]))
    def answer(self, pick: int, way: str) -> None:
        self.come_to(self.called[pick % len(self.called)], way)

    @precondition(lambda self: self.processor.pages)
    @rule(pick=picks, status=st.sampled_from(["paid", "paid", "declined", "expired"]))
    def press(self, pick: int, status: str) -> None:
        """The buyer, or the processor's own clock."""
        pages = [*self.processor.pages.values()]
        page = pages[pick % len(pages)]
        if page.status == "open" and (page.known or status == "expired"):
            page.status = status

    @precondition(lambda self: self.processor.pages)
    @rule(pick=picks)
    def look(self, pick: int) -> None:
        """Somebody asks how it stands: after a webhook, or to reconcile."""
        pages = [*self.processor.pages.values()]
        self.processor.say(pages[pick % len(pages)])

    @precondition(lambda self: self.processor.pages)
    @rule(pick=picks, amount=st.sampled_from([1, 4000, PRICE]))
    def refund_by_hand(self, pick: int, amount: int) -> None:
        """At the processor's own desk, of which nobody tells us."""
        pages = [*self.processor.pages.values()]
        self.processor.give_back(pages[pick % len(pages)].job.id, amount, None)

    @precondition(lambda self: self.untold)
    @rule(pick=picks, dies=st.booleans())
    def tell(self, pick: int, dies: bool) -> None:
        job = self.untold[pick % len(self.untold)]
        tellers = {ORDER: self.till.ends.tell, PAYMENT: self.till.book_ends.tell}
        for kind in [kind for kind in job.follow_ups or () if kind in tellers]:
            with suppress(Unavailable):
                self.run(tellers[kind](job))
                if not dies:
                    job = interventions.followed_up(job, kind, self.till.now)
                    self.store(job)

    @rule(minutes=st.sampled_from([0, 0, 1, 1, 1, 40, 300]))
    def sweep(self, minutes: int) -> None:
        self.till.now += timedelta(minutes=minutes)
        self.run(Upkeep(self.till.orders, self.till.following).once(self.till.now))
        self.run(self.till.upkeep.once(self.till.now))

    @property
    def idle(self) -> list[Job]:
        return [job for job in self.jobs if not job.ended and not interventions.is_called(job)]

    @property
    def called(self) -> list[Job]:
        return [job for job in self.jobs if interventions.is_called(job)]

    @property
    def untold(self) -> list[Job]:
        return [job for job in self.jobs if interventions.owes_follow_up(job)]

    @property
    def jobs(self) -> list[Job]:
        return [*self.till.payments.stored.values()]

    def come_to(self, job: Job, way: str) -> None:
        """What the call that is under way comes to, whatever became of its job meanwhile."""
        outcome: Outcome | Unknown
        acted = self.processor.act(job) if way not in {"unsent", "refused"} else None
        if (
            way == "refused"
            and job.vendor_ref is None
            and f"{job.id}:call:{job.generation}" not in self.processor.pages
        ):
            outcome = Failed("vendor_rejected", "no", 400)
        else:
            outcome = acted if acted is not None and way == "answered" else UNKNOWN.get(way, never_sent)()
            if way == "answered":
                self._hear(job)
        if isinstance(outcome, Waiting):
            self.processor.find(outcome.reference).known = True
        late = job.ended
        self.store(note_late(job, outcome, self.till.now) if late else settle(job, outcome, RULES, self.till.now))

    def _hear(self, job: Job) -> None:
        """The vendor reads how the payment stands, and has it booked, before it answers."""
        page = self.processor.page_of(payment_of_job(job))
        if page is not None:
            self.processor.say(page)

    def settle_all(self) -> None:
        """Everybody answers from now on, nobody dies, and an admin sees to the refunds that failed."""
        for _ in range(ROUNDS):
            for job in self.called:
                self.come_to(job, "answered")
            for _job in self.idle:
                self.call(0)
            for _job in self.untold:
                self.tell(0, dies=False)
            self._see_to_refunds()
            self.sweep(5)
            if self.order.status is not Status.AWAITING_PAYMENT:
                self.processor.close_all()
            for page in self.processor.pages.values():
                self.processor.say(page)
        order, books = self.order, self.till.books
        pages = [*self.processor.pages.values()]
        left = sum(self.processor.left(page.job.id) for page in pages)
        note = (order, self.jobs, pages, books.stored)
        assert books.held == left, note
        assert (left > 0) == (order.status is Status.PAID), note
        assert not order.owed, note
        assert not any(payment.owed or payment.refunding for payment in books.stored.values()), note
        assert order.status is not Status.AWAITING_PAYMENT, note
        assert (order.status is Status.REFUNDED) == (left == 0 and any(page.status == "paid" for page in pages)), note
        assert self.till.stock == (7 if order.stock_held else 10), note
        assert len(self.till.notices.templates) == len(set(self.till.notices.templates))

    def _see_to_refunds(self) -> None:
        """Those of which nobody knows are asked for again; for one that came to nothing another is made."""
        for job in self.till.payments.of_kind(GIVE_BACK):
            if is_unsettled(job) and not interventions.owes_follow_up(job):
                self.store(interventions.retry(job, self.till.now))
        payment = self.till.books.stored.get(self.order.payment or self.order.id)
        if payment is None or self.order.status is not Status.CANCELLED:
            return
        if payment.refundable and any(each.status is RefundStatus.FAILED for each in payment.refunds):
            self.run(self.till.books.reserve(payment.id, None, a_refund(payment.refundable)))

    @property
    def order(self) -> Order:
        return self.till.orders.stored[self.order_id]

    def follow(self, order: Order, dies: bool) -> None:
        if not dies:
            self.run(self.till.following.soon(order, self.till.now))

    def store(self, job: Job) -> None:
        self.till.payments.stored[job.id] = job

    def step(self, status: Status) -> Step:
        return Step(at=self.till.now, status=status, by="user:ann")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


def test_in_the_end_the_processors_books_are_those_of_the_paid_orders() -> None:
    enough = settings(
        max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(Law, settings=enough)
