"""
Stripe, as the gateway asks it: one method for each thing, through the official SDK.

Docs: docs/stripe.md, https://docs.stripe.com/api
Quirk: what is asked for twice under one key must be the same to the letter: nothing hangs on the time or on chance.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import stripe

from domain.errors import NotNow
from domain.outcomes import Failed, Retry
from domain.vendors import Call
from vendors.http import VendorHttp
from vendors.stripe.asking import ask
from vendors.stripe.currencies import NotChargeable, to_stripe
from vendors.stripe.faults import StoredFault
from vendors.stripe.own_account import Account, OwnAccount
from vendors.stripe.pages import Listed, Pages, find_made, page_after, pages_of, to_the_last
from vendors.stripe.settings import StripeSettings
from vendors.stripe.transport import open_client
from vendors.stripe.wire import (
    ChargeWire,
    CustomerWire,
    IntentWire,
    RefundWire,
    SessionWire,
    read_object,
)
from vendors.stripe.words import (
    GENERATION,
    JOB,
    Charge,
    Customer,
    CustomerAsked,
    Intent,
    IntentAsked,
    Refund,
    RefundAsked,
    Session,
    SessionAsked,
)

Word = TypeVar("Word", Customer, Session, Intent, Refund)

_CHARGE = ["latest_charge"]
_INTENT = ["payment_intent.latest_charge"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIER = timedelta(minutes=10)  # Stripe's clock and ours differ


class StripeDoor:
    """
    For the event loop of `http`, by which it is opened and closed.

    What changes anything at Stripe goes under `call.idempotency_key`; a question goes without a key. A key is good for
    one thing: who asks for a second one in a call does so under another `operation`, or Stripe refuses it. Each method
    answers the object in our words, or `Retry | Failed`, and raises `NotNow`, `OutcomeUnknown` as `Vendor.call` does.
    """

    def __init__(self, settings: StripeSettings, http: VendorHttp) -> None:
        self._v1 = open_client(settings, http).v1
        self._own_account = OwnAccount(settings, self._v1.accounts.retrieve_current_async)

    async def own_account(self, call: Call) -> Account | Retry:
        """Whose key ours is, asked once. Raises `NotNow`."""
        return await self._own_account.told(call)

    def doubt_own_account(self) -> None:
        """Something is not its: a key that could not tell whose it is may have got the right to."""
        self._own_account.doubt()

    async def create_customer(self, asked: CustomerAsked, call: Call) -> Customer | Retry | Failed:
        params: Any = {"name": asked.name, "email": asked.email, "metadata": _marked(asked.metadata, call)}
        send = partial(self._v1.customers.create_async, params, _under(call))
        return await _move(send, partial(read_object, kind=CustomerWire), call, self._customers(call, _begun(call)))

    async def create_session(self, asked: SessionAsked, call: Call) -> Session | Retry | Failed:
        """A page to pay on. The intent behind it is made when somebody pays, and carries the same metadata."""
        try:
            amount, currency = to_stripe(asked.money)
        except NotChargeable as fault:
            return _not_chargeable(fault)
        marks = _marked(asked.metadata, call)
        price = {"currency": currency, "unit_amount": amount, "product_data": {"name": asked.product_name}}
        params: Any = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "success_url": asked.success_url,
            "cancel_url": asked.cancel_url,
            "metadata": marks,
            "payment_intent_data": {"metadata": marks},
            **_given(client_reference_id=asked.reference, customer=asked.customer),
        }
        if asked.expires_at is not None:
            params["expires_at"] = int(asked.expires_at.timestamp())
        send = partial(self._v1.checkout.sessions.create_async, params, _under(call))
        return await _move(send, partial(read_object, kind=SessionWire), call, self._sessions(call, _begun(call)))

    async def retrieve_session(self, session_id: str, call: Call) -> Session | Retry | Failed:
        """With its intent, if it has one yet, and that one's latest charge."""
        send = partial(self._v1.checkout.sessions.retrieve_async, session_id, {"expand": _INTENT})
        return await ask(send, partial(read_object, kind=SessionWire), call, moves=False)

    async def expire_session(self, session_id: str, call: Call) -> Session | Retry | Failed:
        """Nobody can pay it any more. `Failed` where it is no longer open: ask it how it stands."""
        send = partial(self._v1.checkout.sessions.expire_async, session_id, {}, _under(call))
        return await ask(send, partial(read_object, kind=SessionWire), call, moves=True)

    async def create_intent(self, asked: IntentAsked, call: Call) -> Intent | Retry | Failed:
        """A payment, tried at once: `Declined` is the bank's word."""
        try:
            amount, currency = to_stripe(asked.money)
        except NotChargeable as fault:
            return _not_chargeable(fault)
        params: Any = {
            "amount": amount,
            "currency": currency,
            "payment_method": asked.payment_method,
            "confirm": True,
            "return_url": asked.return_url,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "always" if asked.redirects else "never"},
            "metadata": _marked(asked.metadata, call),
            "expand": _CHARGE,
            **_given(customer=asked.customer),
        }
        send = partial(self._v1.payment_intents.create_async, params, _under(call))
        return await _move(send, partial(read_object, kind=IntentWire), call, self._intents(call, _begun(call)))

    async def retrieve_intent(self, intent_id: str, call: Call) -> Intent | Retry | Failed:
        """With its latest charge."""
        send = partial(self._v1.payment_intents.retrieve_async, intent_id, {"expand": _CHARGE})
        return await ask(send, partial(read_object, kind=IntentWire), call, moves=False)

    async def cancel_intent(self, intent_id: str, call: Call) -> Intent | Retry | Failed:
        """Nobody can pay it any more. `Failed` where it is too late for that: ask it how it stands."""
        send = partial(self._v1.payment_intents.cancel_async, intent_id, {}, _under(call))
        return await ask(send, partial(read_object, kind=IntentWire), call, moves=True)

    async def create_refund(self, asked: RefundAsked, call: Call) -> Refund | Retry | Failed:
        """Give money back. A refund may fail at the bank days later: `refund.failed`."""
        try:
            amount, _ = to_stripe(asked.money)
        except NotChargeable as fault:
            return _not_chargeable(fault)
        params: Any = {
            "payment_intent": asked.intent_id,
            "amount": amount,
            "metadata": _marked(asked.metadata, call),
            **_given(reason=asked.reason.value if asked.reason is not None else None),
        }
        send = partial(self._v1.refunds.create_async, params, _under(call))
        return await _move(send, partial(read_object, kind=RefundWire), call, self._refunds_of(asked.intent_id, call))

    async def retrieve_refund(self, refund_id: str, call: Call) -> Refund | Retry | Failed:
        send = partial(self._v1.refunds.retrieve_async, refund_id)
        return await ask(send, partial(read_object, kind=RefundWire), call, moves=False)

    async def list_refunds(self, intent_id: str, call: Call) -> tuple[Refund, ...] | Retry | Failed:
        """All refunds of a payment, the newest first: those that were made in Stripe's dashboard too."""
        found: list[Refund] = []
        async for page in self._refunds_of(intent_id, call):
            if isinstance(page, Retry | Failed):
                return page
            found += page
        return tuple(found)

    def intents(self, since: datetime, call: Call) -> AsyncIterator[Intent]:
        """All intents made since then, the newest first, with their latest charges. Raises as `to_the_last` does."""
        return to_the_last(self._intents(call, since))

    def charges(self, since: datetime, call: Call) -> AsyncIterator[Charge]:
        return to_the_last(self._charges(call, since))

    def refunds(self, since: datetime, call: Call) -> AsyncIterator[Refund]:
        return to_the_last(self._refunds(call, since))

    async def intents_after(self, after: str | None, since: datetime, call: Call) -> Listed[Intent] | Retry | Failed:
        """One page of the intents made since then, the newest first, with their latest charges: anybody's."""
        expand = ["data.latest_charge"]
        list_them = self._v1.payment_intents.list_async
        return await page_after(list_them, IntentWire, call, after, created=_from(since), expand=expand)

    async def refunds_after(self, after: str | None, since: datetime, call: Call) -> Listed[Refund] | Retry | Failed:
        return await page_after(self._v1.refunds.list_async, RefundWire, call, after, created=_from(since))

    async def sessions_after(self, after: str | None, since: datetime, call: Call) -> Listed[Session] | Retry | Failed:
        """Without their intents."""
        return await page_after(self._v1.checkout.sessions.list_async, SessionWire, call, after, created=_from(since))

    def _customers(self, call: Call, since: datetime) -> Pages[Customer]:
        return pages_of(self._v1.customers.list_async, CustomerWire, call, created=_from(since))

    def _sessions(self, call: Call, since: datetime) -> Pages[Session]:
        return pages_of(self._v1.checkout.sessions.list_async, SessionWire, call, created=_from(since))

    def _intents(self, call: Call, since: datetime) -> Pages[Intent]:
        expand = ["data.latest_charge"]
        return pages_of(self._v1.payment_intents.list_async, IntentWire, call, created=_from(since), expand=expand)

    def _charges(self, call: Call, since: datetime) -> Pages[Charge]:
        return pages_of(self._v1.charges.list_async, ChargeWire, call, created=_from(since))

    def _refunds(self, call: Call, since: datetime) -> Pages[Refund]:
        return pages_of(self._v1.refunds.list_async, RefundWire, call, created=_from(since))

    def _refunds_of(self, intent_id: str, call: Call) -> Pages[Refund]:
        return pages_of(self._v1.refunds.list_async, RefundWire, call, payment_intent=intent_id)


async def _move(
    send: Callable[[], Awaitable[object]], read: Callable[[bytes], Word], call: Call, made: Pages[Word]
) -> Word | Retry | Failed:
    """
    Make something. Where Stripe has stored a fault of its own under our key, what was made is looked for among `made`.

    It is found, or it stays unknown: that it is not there yet proves nothing, and another key might make a second one.
    """
    try:
        return await ask(send, read, call, moves=True)
    except StoredFault:
        with suppress(NotNow):  # the first request was made all the same
            found = await find_made(made, call)
            if found is not None:
                return found
        raise


def _under(call: Call) -> stripe.RequestOptions:
    return {"idempotency_key": call.idempotency_key}


def _marked(metadata: Mapping[str, str], call: Call) -> dict[str, str]:
    """What is asked for, and by what it is found again."""
    return {**metadata, JOB: str(call.request_id), GENERATION: str(call.generation)}


def _given(**params: object) -> dict[str, object]:
    return {name: value for name, value in params.items() if value is not None}


def _from(since: datetime) -> dict[str, int]:
    return {"gte": int(since.timestamp())}


def _begun(call: Call) -> datetime:
    """Before the call's first try: the id of its job is of the time it was made, or of a parent's."""
    return _EPOCH + timedelta(milliseconds=call.request_id.int >> 80) - _EARLIER


def _not_chargeable(fault: NotChargeable) -> Failed:
    return Failed("amount_not_chargeable", str(fault))
