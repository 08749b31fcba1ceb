"""
How a payment stands: what Stripe says of it now, and nothing that anybody remembers.

| session    | its intent                                | stands           |
|------------|-------------------------------------------|------------------|
| none, open, complete | succeeded                       | paid             |
| open       | none yet, or its last try was declined    | open             |
| none, open, complete | requires_action                 | requires_action  |
| any        | processing, requires_capture              | processing       |
| none, complete | its last try was declined             | declined         |
| none       | not tried yet                             | open             |
| any        | canceled                                  | closed           |
| expired    | none yet, or any other                    | closed           |

Read from a session or an intent that has just been retrieved, with its charge, and from the list of its refunds. What
contradicts itself, or what was asked for, is a `Contradiction`: nothing is booked of it, and a person looks.
"""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from domain.money import Money
from domain.payments.money_state import MoneyState, RefundState, Standing
from domain.payments.payments import Failure, RefundStatus
from domain.payments.settling import Contradiction
from domain.request_ids import read_request_id
from vendors.stripe.words import JOB, REFUND, Charge, Intent, Refund, Session

_INTENTS = frozenset(
    {
        *("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"),
        *("processing", "succeeded", "canceled"),
    }
)
_SESSIONS = frozenset({"open", "complete", "expired"})
_REFUNDS = MappingProxyType(
    {
        None: RefundStatus.PENDING,
        "pending": RefundStatus.PENDING,
        "requires_action": RefundStatus.PENDING,
        "succeeded": RefundStatus.COMPLETED,
        "failed": RefundStatus.FAILED,
        "canceled": RefundStatus.FAILED,
    }
)


def state_of_session(session: Session, refunds: Sequence[Refund], asked: Money, read_at: datetime) -> MoneyState:
    """Of a session that was retrieved with its intent, for which `asked` was to be paid. Raises `Contradiction`."""
    intent = session.intent
    _require(session.status in _SESSIONS, "the session's status is none that we know")
    _require(session.money == asked, "the session is not of the amount that was asked for")
    _require(session.intent_id is None or intent is not None, "the session came without its intent")
    if intent is None:
        _require(session.payment_status == "unpaid", "the session says paid, and there is no intent")
        _require(session.status != "complete", "the session is complete, and nobody has tried to pay")
        _require(not refunds, "something was given back of what nobody paid")
        is_open = session.status == "open"
        standing, page = (Standing.OPEN, session.url) if is_open else (Standing.CLOSED, None)
        return MoneyState(session.id, standing, asked.currency, 0, read_at, next_action=page)
    _require(intent.livemode == session.livemode, "session and intent differ in their modes")
    standing = _of_session(session, _of_intent(intent))
    page = session.url if standing in {Standing.OPEN, Standing.REQUIRES_ACTION} else None
    return _state(standing, intent, refunds, asked, read_at, page)


def state_of_intent(intent: Intent, refunds: Sequence[Refund], asked: Money, read_at: datetime) -> MoneyState:
    """Of an intent that was retrieved with its charge, for which `asked` was to be paid. Raises `Contradiction`."""
    standing = _of_intent(intent)
    page = intent.next_action_url if standing is Standing.REQUIRES_ACTION else None
    return _state(standing, intent, refunds, asked, read_at, page)


def standing_of_intent(intent: Intent) -> Standing:
    """As a list shows it, for a comparison alone: what contradicts itself is left to who reads it again."""
    try:
        return _of_intent(intent)
    except Contradiction:
        return Standing.PROCESSING


def refund_state(refund: Refund) -> RefundState:
    """Likewise. A status that nobody knows is nobody's end."""
    status = _REFUNDS.get(refund.status, RefundStatus.PENDING)
    ours = read_request_id(refund.metadata.get(REFUND, ""))
    return RefundState(refund.id, refund.money.amount, status, refund.created_at, ours, refund.failure_reason)


def _of_session(session: Session, of_intent: Standing) -> Standing:
    """The intent's word on money wins; the session's, on whether anybody may still pay."""
    paid = of_intent is Standing.PAID
    _require(paid or session.payment_status == "unpaid", "the session says paid, and its intent does not")
    if session.status == "expired":  # a bank may be at it still, or have been, and then the money is there
        return of_intent if of_intent in {Standing.PROCESSING, Standing.PAID} else Standing.CLOSED
    if session.status == "open":
        return Standing.OPEN if of_intent is Standing.DECLINED else of_intent  # another card may be tried
    _require(of_intent is not Standing.OPEN, "the session is complete, and nobody has tried to pay")
    return of_intent


def _of_intent(intent: Intent) -> Standing:
    _require(intent.status in _INTENTS, "the intent's status is none that we know")
    _require((intent.status == "succeeded") == (intent.received.amount > 0), "the intent's status and money differ")
    match intent.status:
        case "succeeded":
            return Standing.PAID
        case "processing" | "requires_capture":
            return Standing.PROCESSING
        case "requires_action":
            return Standing.REQUIRES_ACTION
        case "canceled":
            return Standing.CLOSED
        case _:
            return Standing.OPEN if _failure_of(intent) is None else Standing.DECLINED


def _state(  # noqa: PLR0913, PLR0917 - one line for each thing that is read
    standing: Standing,
    intent: Intent,
    refunds: Sequence[Refund],
    asked: Money,
    read_at: datetime,
    page: str | None,
) -> MoneyState:
    paid, charge = standing is Standing.PAID, intent.charge
    taken = charge if paid else None
    _require(intent.money == asked, "the intent is not of the amount that was asked for")
    _require(intent.received.currency == asked.currency, "the intent's amounts are in two currencies")
    _require(not paid or intent.received == asked, "what was taken is not what was asked for")
    _check_charge(intent, charge, paid=paid)
    known = tuple(_known(refund, intent) for refund in refunds)
    given_back = sum(refund.amount for refund in known if refund.status is not RefundStatus.FAILED)
    _require(given_back <= intent.received.amount, "more was given back than was taken")
    return MoneyState(
        intent.id,
        standing,
        asked.currency,
        intent.received.amount,
        read_at,
        charge=taken.id if taken is not None else None,
        charged_at=taken.created_at if taken is not None else None,
        refunds=known,
        failure=None if paid else _failure_of(intent),
        next_action=page,
        receipt_url=taken.receipt_url if taken is not None else None,
        made_by=read_request_id(intent.metadata.get(JOB, "")),
    )


def _check_charge(intent: Intent, charge: Charge | None, *, paid: bool) -> None:
    _require(intent.charge_id is None or charge is not None, "the intent came without its charge")
    if charge is None:
        return _require(not paid, "the intent is paid, and there is no charge")
    _require(charge.intent_id in {None, intent.id}, "the charge is of another intent")
    _require(charge.livemode == intent.livemode, "intent and charge differ in their modes")
    _require(charge.money == intent.money, "intent and charge differ in their amounts")
    _require(charge.captured.amount <= charge.money.amount, "more was taken than was charged")
    _require(charge.refunded.amount <= charge.captured.amount, "more was given back than was taken")
    if paid:
        _require(charge.status == "succeeded", "the intent is paid, and its charge is not")
        _require(charge.captured == intent.received, "intent and charge differ in what was taken")
    return None


def _known(refund: Refund, intent: Intent) -> RefundState:
    _require(refund.status in _REFUNDS, "a refund's status is none that we know")
    _require(refund.intent_id == intent.id, "a refund is of another intent")
    _require(refund.money.currency == intent.money.currency, "a refund is in another currency")
    return refund_state(refund)


def _failure_of(intent: Intent) -> Failure | None:
    """Stripe's code and message, and the bank's own code behind it."""
    told = intent.failure or (intent.charge.failure if intent.charge is not None else None)
    if told is None:
        return None
    message = told.message or "Stripe says that it failed."
    bank = f" ({told.decline_code})" if told.decline_code else ""
    return Failure(code=told.code or "card_declined", message=message + bank)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Contradiction(otherwise)
