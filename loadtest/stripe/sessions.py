"""Checkout Sessions: made, paid on their page, expired, listed. https://docs.stripe.com/payments/checkout"""

import asyncio
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from loadtest.stripe import customers, intents
from loadtest.stripe.account import Account, fresh
from loadtest.stripe.attempts import Presence, attempt
from loadtest.stripe.customer import PaymentMethod
from loadtest.stripe.customers import filled
from loadtest.stripe.intent import PROCESSING, SUCCEEDED, WANTS_CAPTURE, WANTS_METHOD, PaymentIntent
from loadtest.stripe.line_items import NewLine, ordered
from loadtest.stripe.listing import DatedListing, Listing, Page, page, page_of
from loadtest.stripe.params import Metadata, Params, Text
from loadtest.stripe.refusals import Refusal
from loadtest.stripe.session import COMPLETE, EXPIRED, OPEN, CustomerDetails, IntentData, LineItem, Session

_SOONEST, _LATEST = 30 * 60, 24 * 3600  # seconds: https://docs.stripe.com/api/checkout/sessions/create expires_at
_MOST_LINES = 100
_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
_DONE_BY_THE_BUYER = frozenset({SUCCEEDED, WANTS_CAPTURE, PROCESSING})


class NewSession(Params, kw_only=True, frozen=True):
    unset: ClassVar[frozenset[str]] = frozenset({"metadata"})

    mode: Literal["payment"]
    line_items: Annotated[tuple[NewLine, ...], msgspec.Meta(min_length=1, max_length=_MOST_LINES)]
    success_url: Text
    cancel_url: Text | None = None
    client_reference_id: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    customer: str | None = None
    customer_creation: Literal["always", "if_required"] = "if_required"
    customer_email: Text | None = None
    expires_at: int | None = None
    locale: str | None = None
    metadata: Metadata | None = None
    payment_intent_data: IntentData = IntentData()
    allowed_payment_method_types: tuple[Literal["card"], ...] | None = None
    submit_type: Literal["auto", "book", "donate", "pay"] | None = None
    ui_mode: Literal["hosted_page"] = "hosted_page"


class SessionListing(DatedListing, kw_only=True, frozen=True):
    customer: str | None = None
    payment_intent: str | None = None
    status: Literal["open", "complete", "expired"] | None = None


def create(account: Account, asked: NewSession) -> Session:
    lines = ordered(account, asked.line_items)
    _check_addresses(asked)
    if asked.customer is not None:
        account.customers.find(asked.customer, "customer", status=400)
    session = account.sessions.put(_new(account, asked, lines))
    account.bought[session.id] = lines
    account.intent_data[session.id] = asked.payment_intent_data
    _expire_in_time(account, session)
    return session


def retrieve(account: Account, _asked: Params, sought: str) -> Session:
    return look(account, account.sessions.find(sought, "session"))


def expire(account: Account, _asked: Params, sought: str) -> Session:
    session = look(account, account.sessions.find(sought, "session"))
    if session.status != OPEN:
        raise Refusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session.status}.",
            param="session",
        )
    close(account, session)
    return session


def listed(account: Account, asked: SessionListing) -> Page:
    look_at_all(account)
    return page(
        account.sessions,
        asked,
        "/v1/checkout/sessions",
        lambda session: (
            asked.dated(session.created)
            and asked.customer in (None, session.customer)
            and asked.payment_intent in (None, session.payment_intent)
            and asked.status in (None, session.status)
        ),
    )


def lines_of(account: Account, asked: Listing, sought: str) -> Page:
    session = account.sessions.find(sought, "session")
    return page_of(account.bought[session.id], asked, f"/v1/checkout/sessions/{session.id}/line_items")


def look(account: Account, session: Session) -> Session:
    """Its time may be up, or what was held for it captured."""
    if session.status == OPEN and session.expires_at <= account.now():
        close(account, session)
    if session.status == COMPLETE and session.payment_intent is not None:
        paid = account.intents[session.payment_intent].status == SUCCEEDED
        session.payment_status = "paid" if paid else session.payment_status
    return session


def look_at_all(account: Account) -> None:
    for session in list(account.sessions.values()):
        look(account, session)


def close(account: Account, session: Session) -> None:
    """Nobody can pay it any more, and what was begun for it is called off."""
    session.status, session.url = EXPIRED, None
    intent = None if session.payment_intent is None else account.intents[session.payment_intent]
    if intent is not None and intent.status not in {SUCCEEDED, WANTS_CAPTURE}:
        intents.call_off(account, intent, "automatic")
    account.tell("checkout.session.expired", session)


def pay(account: Account, session: Session, method: PaymentMethod, email: str | None) -> PaymentIntent:
    """What the page's Pay button does; the session must be open. Raises `Refusal` when the card says no."""
    intent = _intent_of(account, session)
    session.customer_details = CustomerDetails(email=email or session.customer_email)
    attempt(account, intent, method, Presence(return_url=f"{account.base_url}/pay/{session.id}/return"))
    complete(account, session, intent)
    return intent


def complete(account: Account, session: Session, intent: PaymentIntent) -> None:
    """Where the buyer has done all that they can; nothing where they have not, or the session has ended."""
    if session.status != OPEN or intent.status not in _DONE_BY_THE_BUYER:
        return
    session.status, session.url = COMPLETE, None
    session.payment_status = "paid" if intent.status == SUCCEEDED else "unpaid"
    if session.customer is None and session.customer_creation == "always":
        email = None if session.customer_details is None else session.customer_details.email
        session.customer = customers.create(account, customers.NewCustomer(email=email)).id
    account.tell("checkout.session.completed", session)


def hear_of(account: Account, intent: PaymentIntent) -> None:
    """Its intent has been settled, long after the buyer had gone."""
    session = account.checkout_of.get(intent.id)
    if session is None or session.status != COMPLETE or session.payment_status == "paid":
        return
    if intent.status == SUCCEEDED:
        session.payment_status = "paid"
        account.tell("checkout.session.async_payment_succeeded", session)
    elif intent.status == WANTS_METHOD:
        account.tell("checkout.session.async_payment_failed", session)


def way_back(session: Session) -> str:
    """Where a buyer who has paid is sent."""
    return session.success_url.replace(_PLACEHOLDER, session.id)


def _intent_of(account: Account, session: Session) -> PaymentIntent:
    """The one that it has since the first attempt."""
    if session.payment_intent is not None:
        return account.intents[session.payment_intent]
    told = account.intent_data[session.id]
    asked = intents.NewIntent(
        amount=session.amount_total,
        currency=session.currency,
        customer=session.customer,
        allowed_payment_method_types=("card",),
        **msgspec.structs.asdict(told),
    )
    intent = intents.create(account, asked)
    session.payment_intent = intent.id
    account.checkout_of[intent.id] = session
    return intent


def _check_addresses(asked: NewSession) -> None:
    for name in ("success_url", "cancel_url"):
        address = getattr(asked, name)
        if address is not None and urlsplit(address).scheme not in {"http", "https"}:
            raise Refusal("Not a valid URL", code="url_invalid", param=name)
    if asked.customer is not None and asked.customer_email is not None:
        raise Refusal("You may only specify one of these parameters: customer, customer_email.")


def _new(account: Account, asked: NewSession, lines: tuple[LineItem, ...]) -> Session:
    made, now = fresh("cs_test"), account.now()
    expires_at = now + _LATEST if asked.expires_at is None else asked.expires_at
    if expires_at < now + _SOONEST:
        raise _bad_expiry("at least 30 minutes")
    if expires_at > now + _LATEST:
        raise _bad_expiry("less than 24 hours")
    total = sum(line.amount_total for line in lines)
    return Session(
        id=made,
        allowed_payment_method_types=asked.allowed_payment_method_types,
        amount_subtotal=total,
        amount_total=total,
        cancel_url=asked.cancel_url,
        client_reference_id=asked.client_reference_id,
        created=now,
        currency=lines[0].currency,
        customer=asked.customer,
        customer_creation=None if asked.customer else asked.customer_creation,
        customer_email=asked.customer_email,
        expires_at=expires_at,
        locale=asked.locale,
        metadata=filled(asked.metadata),
        submit_type=asked.submit_type,
        success_url=asked.success_url,
        url=f"{account.base_url}/pay/{made}",
    )


def _bad_expiry(what: str) -> Refusal:
    return Refusal(f"The `expires_at` timestamp must be {what} from Checkout Session creation.", param="expires_at")


def _expire_in_time(account: Account, session: Session) -> None:
    asyncio.get_running_loop().call_later(
        session.expires_at - account.now() + 1, lambda: account.of_itself(look, account, session)
    )
