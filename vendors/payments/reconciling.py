"""
One page of a run that compares Stripe's lists with our books: `domain.payments.reconciling` has the words.

A page that takes long, or that Stripe cuts short, ends where it got to, and the next job goes on from there: what was
compared is on record, and nothing is compared for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, assert_never
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from domain.commerce.ports import PaymentJobs
from domain.errors import NotNow, Unavailable
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.payments.hearing import Hearing
from domain.payments.reconcile_jobs import Compared, Reconcile, page_id, page_job
from domain.payments.reconciling import FOR_A_PERSON, Phase, Report
from domain.vendors import Call
from vendors.payments.booking import OTHER_ACCOUNT, Booking, NotHeard
from vendors.payments.comparing import Comparing, Note
from vendors.payments.doubts import Doubts
from vendors.stripe.client import StripeDoor
from vendors.stripe.pages import Listed
from vendors.stripe.words import Intent, Refund, Session, Unread

MOST_HEARD = 10  # payments that one job reads again, at two or three requests each
LONGEST_SECONDS = 4.0  # then it begins nothing more: the call's own timeout must not cut what is being booked
OURS_AT_ONCE = 50  # payments of ours: nothing of most of them is asked at Stripe

KEY_CHANGED = Failed(
    OTHER_ACCOUNT, "STRIPE_SECRET_KEY became another Stripe account's while this run was at work: run it again."
)

log = structlog.get_logger()

Thing = TypeVar("Thing", Intent, Refund, Session)
Compare = Callable[[], Awaitable[list[Note]]]


@dataclass(frozen=True, slots=True)
class _Page:
    """By what the next page begins behind each, and how it is compared."""

    rows: Sequence[tuple[str, Compare]]
    more: bool


class Reconciliation:
    def __init__(self, door: StripeDoor, hearing: Hearing, jobs: PaymentJobs) -> None:
        self._door = door
        self._hearing = hearing
        self._booking = Booking(door, hearing)
        self._jobs = jobs

    async def compare(self, asked: Reconcile, call: Call) -> Outcome:
        """
        Compare the page, mend what differs, and put the next one on record.

        Where that is there already, an earlier try of this job came to its end: it is not done twice. Raises as
        `Vendor.call` does, where nothing was compared yet.
        """
        following = page_id(asked.run, asked.page + 1)
        if await self._jobs.find(following) is not None:
            return _told(asked, following)
        account = await self._door.own_account(call)
        if isinstance(account, Retry):
            return account
        if asked.account is not None and not account.goes_by(asked.account):
            self._door.doubt_own_account()
            log.error("the reconciliation ended", why=KEY_CHANGED.reason, theirs=asked.account, ours=account.name)
            return KEY_CHANGED
        asked = replace(asked, account=account.name)
        comparing = Comparing(self._booking, self._hearing.payments, self._jobs, call)
        page = await self._page(asked, comparing, call)
        if isinstance(page, Retry | Failed):
            return page
        rest = await _compared(page, asked, comparing)
        if isinstance(rest, Compared):
            _tell(asked.run, rest.report)
            return Done(msgspec.json.encode(rest).decode())
        await self._jobs.put(page_job(rest, self._hearing.clock()))
        return _told(rest, following)

    async def _page(self, asked: Reconcile, comparing: Comparing, call: Call) -> _Page | Retry | Failed:
        door, after, since = self._door, asked.after, asked.since
        match asked.phase:
            case Phase.INTENTS:
                return _page_of(await door.intents_after(after, since, call), comparing.intent)
            case Phase.REFUNDS:
                return _page_of(await door.refunds_after(after, since, call), comparing.refund)
            case Phase.PAGES:
                return _page_of(await door.sessions_after(after, since, call), comparing.session)
            case Phase.OURS:
                return await self._page_of_ours(asked, comparing, call)
            case never:
                assert_never(never)

    async def _page_of_ours(self, asked: Reconcile, comparing: Comparing, call: Call) -> _Page:
        doubts = Doubts(self._door, self._hearing, self._jobs, comparing, call)
        behind = None if asked.after is None else UUID(asked.after)
        ours = await self._hearing.payments.unsettled(behind, OURS_AT_ONCE)
        rows = [(str(payment.id), partial(doubts.of, payment, asked.since)) for payment in ours]
        return _Page(rows, more=bool(ours))  # one that cannot be read is left out of them, so none is full for certain


async def _compared(page: _Page, asked: Reconcile, comparing: Comparing) -> Reconcile | Compared:
    """What is left of the run after this page, or after what was done of it."""
    report, reached = asked.report, asked.after
    ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
    for number, (row, compare) in enumerate(page.rows):
        if number and (comparing.heard >= MOST_HEARD or asyncio.get_running_loop().time() > ends):
            return asked.on(report, reached or row)
        try:
            notes = await compare()
        except (NotHeard, NotNow, Unavailable):
            if number == 0:
                raise
            return asked.on(report, reached or row)
        for finding, subject in notes:
            report = report.noting(finding, subject)
        reached = row
    if page.more and reached is not None:
        return asked.on(report, reached)
    return asked.next_phase(report) or Compared(asked.since, report)


def _page_of(
    listed: Listed[Thing] | Retry | Failed, compare: Callable[[Thing | Unread], Awaitable[Note]]
) -> _Page | Retry | Failed:
    if isinstance(listed, Retry | Failed):
        return listed
    things, more = listed

    async def one(thing: Thing | Unread) -> list[Note]:
        return [await compare(thing)]

    return _Page([(thing.id, partial(one, thing)) for thing in things], more)


def _told(asked: Reconcile, following: UUID) -> Done:
    return Done(msgspec.json.encode(Compared(asked.since, asked.report, following)).decode())


def _tell(run: UUID, report: Report) -> None:
    """The log is all that a person sees of a run that nobody asked for."""
    found = {finding.value: number for finding, number in report.counts.items()}
    if report.left:
        named = {f"{finding.value}_ids": report.ids[finding] for finding in FOR_A_PERSON if finding in report.ids}
        log.error("the books and stripe differ, and a person has to look", run_id=str(run), **found, **named)
    else:
        log.info("the books agree with stripe", run_id=str(run), **found)
