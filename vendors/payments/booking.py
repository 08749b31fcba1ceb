"""How a payment, or a refund of one, stands at Stripe: read there, booked, and told as a job's outcome."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import msgspec
import structlog

from domain.commerce.payments import LIFETIME, TakenWith
from domain.errors import NotFound, NotNow, Unavailable
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.payments.hearing import Hearing
from domain.payments.money_state import MoneyState, Standing
from domain.payments.payments import Failure, Payment, RefundStatus
from domain.payments.processing import is_over
from domain.payments.settling import Contradiction
from domain.vendors import Call
from vendors.stripe.client import StripeDoor
from vendors.stripe.looking import look_at
from vendors.stripe.own_account import Account

AWAY = timedelta(seconds=1)  # until a store is asked again
LATER = timedelta(minutes=15)  # until it is asked again what a person has to look at

OTHER_ACCOUNT = "other_account"
ELSEWHERE = Retry(  # which costs no try: it is for nobody to give up while the key is the wrong one
    OTHER_ACCOUNT,
    "It goes through another Stripe account than that of STRIPE_SECRET_KEY, and waits for a key of that one.",
    after=timedelta(minutes=1),
    counted=False,
)

OVER = Failed("try_over", "Stripe said no to this try, and another one of the payment has begun: nothing was sent.")

log = structlog.get_logger()


class Over(Exception):
    """Another try of the payment counts, of which nothing is booked yet; this one is not sent again."""


class NotHeard(Exception):
    """Stripe did not say how it stands; the outcome says why. `refused`: nor will it, unless something is changed."""

    def __init__(self, outcome: Retry, *, refused: bool = False) -> None:
        super().__init__()
        self.outcome = outcome
        self.refused = refused


class Booking:
    """
    All methods raise what `told` turns into outcomes.

    A payment goes through one account at Stripe: another knows nothing of it, and to be told so says nothing of it.
    """

    def __init__(self, door: StripeDoor, hearing: Hearing) -> None:
        self._door = door
        self._hearing = hearing
        self._named: set[str] = set()  # accounts that the log has told of

    async def begin(self, payment_id: UUID, call: Call) -> Payment:
        """
        The payment, once it is on record that it goes through our account. Before that nothing is sent for it.

        Raises `Over`: the record of where a try went is gone with it, so only the try that counts is sent.
        """
        account = await self._own_account(call)
        payment = await self._hearing.pinned(payment_id, account.name, call.request_id)
        if is_over(payment, call.request_id) and payment.captured == 0:
            raise Over
        await self.check(payment, call)
        return payment

    async def check(self, payment: Payment, call: Call) -> None:
        """Raises `NotHeard` where it goes through another account than ours: then nothing is asked there either."""
        if payment.account is None:
            return
        account = await self._own_account(call)
        if account.goes_by(payment.account):
            return
        self._door.doubt_own_account()
        if payment.account not in self._named:
            self._named.add(payment.account)
            log.error(
                "payments wait for a key of another stripe account",
                code=OTHER_ACCOUNT,
                theirs=payment.account,
                ours=account.name,
                payment_id=str(payment.id),
                remedy="set STRIPE_SECRET_KEY to a key of theirs; gateway payments accounts counts all that wait",
            )
        raise NotHeard(ELSEWHERE, refused=True)

    async def standing_of(self, payment_id: UUID, reference: str, call: Call) -> Outcome:
        state = await self.hear(payment_id, reference, call)
        match state.standing:
            case Standing.PAID:
                return Done(_text_of(state))
            case Standing.DECLINED | Standing.CLOSED:
                why = state.failure or Failure(code="payment_closed", message="Nobody can pay it any more.")
                return Failed(why.code, why.message)
            case Standing.OPEN | Standing.REQUIRES_ACTION | Standing.PROCESSING:
                return Waiting(reference, state.read_at + LIFETIME, taken_with=_page(state.next_action))
            case never:
                assert_never(never)

    async def refund_of(self, payment_id: UUID, reference: str, refund_id: UUID, call: Call) -> Outcome:
        state = await self.hear(payment_id, reference, call)
        return refund_in(state, refund_id) or Retry(
            "refund_not_told", "Stripe took the refund, and does not tell of it yet."
        )

    async def of_made(self, doing: Awaitable[Outcome], call: Call, reference: str, page: str | None = None) -> Outcome:
        """
        What Stripe has made is never asked for again: where it cannot be booked now, its job waits, and is polled.

        Asked for after a day it would be made a second time, and a job that gave up would say that it never was made.
        """
        try:
            outcome = await told(doing, call)
        except NotNow:  # held back before the look; what was made was sent
            outcome = Retry("held_back", "What Stripe made is looked at later.")
        if not isinstance(outcome, Retry):
            return outcome
        log.warning("what stripe made waits to be booked", request_id=str(call.request_id), why=outcome.code)
        return Waiting(reference, self._hearing.clock() + LIFETIME, taken_with=_page(page))

    async def _own_account(self, call: Call) -> Account:
        account = await self._door.own_account(call)
        if isinstance(account, Retry):
            raise NotHeard(account)
        return account

    async def hear(self, payment_id: UUID, reference: str, call: Call) -> MoneyState:
        async def read(payment: Payment, read_at: datetime) -> MoneyState:
            await self.check(payment, call)
            state = await look_at(self._door, reference, call, asked=payment.total, read_at=read_at)
            match state:
                case Retry():
                    raise NotHeard(state)
                case Failed(code=code, reason=reason):  # a question that was refused says nothing of the money
                    raise NotHeard(Retry(code, reason, LATER), refused=True)
                case MoneyState():
                    return state

        return await self._hearing.hear(payment_id, read)


def refund_in(state: MoneyState, refund_id: UUID) -> Outcome | None:
    """What became of our refund; None: Stripe does not tell of it."""
    refund = next((refund for refund in state.refunds if refund.ours == refund_id), None)
    if refund is None:
        return None
    match refund.status:
        case RefundStatus.COMPLETED:
            return Done(_text_of(state))
        case RefundStatus.FAILED:
            return Failed("refund_failed", refund.failure or "The bank did not take it.")
        case RefundStatus.PENDING:
            return Waiting(refund.reference, state.read_at + LIFETIME)
        case never:
            assert_never(never)


async def told(doing: Awaitable[Outcome], call: Call) -> Outcome:
    """Whatever keeps us from booking what Stripe says is no word of Stripe's: it is asked again."""
    try:
        return await doing
    except NotHeard as nothing:
        return nothing.outcome
    except Over:
        return OVER
    except Unavailable as fault:
        return Retry("store_away", f"What Stripe said could not be booked ({fault.detail}).", AWAY)
    except NotFound:
        log.exception("a payment is not on record whose job is", request_id=str(call.request_id))
        return Retry("payment_not_on_record", "The payment of this job is not on record.", LATER)
    except Contradiction as fault:
        log.exception("stripe says of a payment what cannot be", request_id=str(call.request_id))
        return Retry("processor_contradicts", f"A person has to look: {fault}.", LATER)


def _page(url: str | None) -> str | None:
    return None if url is None else msgspec.json.encode(TakenWith(url)).decode()


def _text_of(state: MoneyState) -> str:
    return msgspec.json.encode(state).decode()
