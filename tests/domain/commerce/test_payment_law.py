"""
The law of money, played at random: what was charged, less what was given back, is what the paid orders come to.

Answers get lost, words come late, twice and before their time, buyers pay at the last moment, processes die between any
two writes. In the end, when everybody answers again, the books agree.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, assert_never

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from domain import interventions
from domain.commerce.cancelling import cancel_order
from domain.commerce.orders import Order, Status, Step
from domain.commerce.paying import begin_payment
from domain.commerce.payments import LIFETIME, REFUND, Asked, Checkout, Refund, Withdrawal, is_unsettled
from domain.commerce.upkeep import Upkeep
from domain.errors import Conflict, Unavailable
from domain.interventions import ORDER, note_late
from domain.jobs import Job
from domain.matching import Fit, fit_by_id
from domain.outcomes import Done, Failed, Outcome, Waiting
from domain.request_ids import new_request_id
from domain.transitions import Rules, settle, start
from domain.unknowns import Unknown, never_sent, unanswered, worker_died
from domain.vendors import VendorPolicy
from domain.webhooks import Notice
from tests.fakes_orders import FakePaymentJobs
from tests.payments import PAGE, Till

RULES = Rules(VendorPolicy(attempts=3, repeatable=True, key_lifetime=LIFETIME))
ROUNDS = 40  # more than it takes until everything is told and done
UNKNOWN: dict[str, Callable[[], Unknown]] = {"lost": lambda: unanswered("no answer"), "crashed": worker_died}
WORDS: dict[str, Any] = {
    "paid": Done('"paid"'),
    "declined": Failed("vendor_failed", "no"),
    "expired": Failed("vendor_failed", "no"),
}
T = TypeVar("T")
picks = st.integers(0, 9)  # which of several, modulo their number


@dataclass
class Page:
    """A checkout at the processor."""

    reference: str
    job: Job
    status: str = "open"
    known: bool = False  # whether anybody was ever told of it, and can pay
    refunded: bool = False


class Processor:
    """It honours keys, and says of each checkout how it stands."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}  # by key
        self.refunds: set[str] = set()

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
            case Refund(reference=reference):
                page = self.find(reference)
                if page.status != "paid" or (page.refunded and job.attempts[-1].key not in self.refunds):
                    return Failed("vendor_rejected", "no", 409)
                page.refunded = True
                self.refunds.add(job.attempts[-1].key)
                return Done("{}")
            case _:
                assert_never(asked)

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
        self.till, self.processor = Till(CarefulJobs()), Processor()
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
    def webhook(self, pick: int) -> None:
        """Any word that the processor would give, as often as it likes."""
        pages = [*self.processor.pages.values()]
        page = pages[pick % len(pages)]
        job = self.till.payments.stored[page.job.id]
        word = WORDS.get(page.status)
        if word is not None and fit_by_id(Notice(page.reference, job.id, word), "payments", job) is Fit.LIVE:
            self.store(interventions.hear(job, word, RULES, self.till.now, event=new_request_id()))

    @precondition(lambda self: self.untold)
    @rule(pick=picks, dies=st.booleans())
    def tell(self, pick: int, dies: bool) -> None:
        job = self.untold[pick % len(self.untold)]
        with suppress(Unavailable):
            self.run(self.till.ends.tell(job))
            if not dies:
                self.store(interventions.followed_up(job, ORDER, self.till.now))

    @rule(minutes=st.sampled_from([0, 0, 1, 1, 1, 40, 300]))
    def sweep(self, minutes: int) -> None:
        self.till.now += timedelta(minutes=minutes)
        self.run(Upkeep(self.till.orders, self.till.following).once(self.till.now))

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
        if isinstance(outcome, Waiting):
            self.processor.find(outcome.reference).known = True
        late = job.ended
        self.store(note_late(job, outcome, self.till.now) if late else settle(job, outcome, RULES, self.till.now))

    def settle_all(self) -> None:
        """Everybody answers from now on, nobody dies, and an admin retries the refunds that failed."""
        for _ in range(ROUNDS):
            for job in self.called:
                self.come_to(job, "answered")
            for _job in self.idle:
                self.call(0)
            for _job in self.untold:
                self.tell(0, dies=False)
            for job in self.till.payments.of_kind(REFUND):
                if is_unsettled(job) and not interventions.owes_follow_up(job):
                    self.store(interventions.retry(job, self.till.now))
            self.sweep(5)
            if self.order.status is not Status.AWAITING_PAYMENT:
                self.processor.close_all()
        pages = [*self.processor.pages.values()]
        kept = sum(page.status == "paid" and not page.refunded for page in pages)
        order = self.order
        note = (order, self.jobs, pages)
        assert kept == (order.status is Status.PAID), note
        assert not order.owed, note
        assert order.status is not Status.AWAITING_PAYMENT, note
        assert (order.status is Status.REFUNDED) == any(page.refunded for page in pages), note
        assert self.till.stock == (7 if order.stock_held else 10), note
        assert len(self.till.notices.templates) == len(set(self.till.notices.templates))

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
