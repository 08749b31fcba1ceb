"""How a payment stands at Stripe: asked now, by the id that its job waits under."""

from datetime import datetime

from domain.money import Money
from domain.outcomes import Failed, Retry
from domain.payments.money_state import MoneyState
from domain.vendors import Call
from vendors.stripe.client import StripeDoor
from vendors.stripe.money import state_of_intent, state_of_session
from vendors.stripe.words import Intent, Refund, Session

SESSION = "cs_"  # how the id of a session begins


async def look_at(
    door: StripeDoor, reference: str, call: Call, *, asked: Money, read_at: datetime
) -> MoneyState | Retry | Failed:
    """
    The state of the session or intent `reference`, for which `asked` was to be paid.

    `read_at` is before anything is asked. Refunds are asked for after the payment, so that none is missed that it
    tells of. Raises `Contradiction`, `NotNow`.
    """
    if reference.startswith(SESSION):
        return await _look_at_session(door, reference, call, asked, read_at)
    intent = await door.retrieve_intent(reference, call)
    if isinstance(intent, Retry | Failed):
        return intent
    refunds = await _refunds_of(door, intent, call)
    return refunds if isinstance(refunds, Retry | Failed) else state_of_intent(intent, refunds, asked, read_at)


async def _look_at_session(
    door: StripeDoor, reference: str, call: Call, asked: Money, read_at: datetime
) -> MoneyState | Retry | Failed:
    session: Session | Retry | Failed = await door.retrieve_session(reference, call)
    if isinstance(session, Retry | Failed):
        return session
    refunds = await _refunds_of(door, session.intent, call)
    return refunds if isinstance(refunds, Retry | Failed) else state_of_session(session, refunds, asked, read_at)


async def _refunds_of(door: StripeDoor, intent: Intent | None, call: Call) -> tuple[Refund, ...] | Retry | Failed:
    """Of what was never taken nothing can have been given back: nobody is asked."""
    if intent is None or intent.received.amount == 0:
        return ()
    return await door.list_refunds(intent.id, call)
