"""Payment methods: cards by number or by the name of a test card, kept for a customer or not."""

from typing import Annotated, ClassVar, Literal

import msgspec

from loadtest.stripe import cards
from loadtest.stripe.account import Account, fresh
from loadtest.stripe.cards import Card, Decline
from loadtest.stripe.customer import BillingDetails, Customer, PaymentMethod, shown
from loadtest.stripe.listing import Listing, Page, page
from loadtest.stripe.params import Metadata, Params
from loadtest.stripe.refusals import Refusal, missing, missing_param


class TypedCard(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    number: str | None = None
    exp_month: int = 12
    exp_year: int = 2034
    cvc: str | None = None
    token: str | None = None


class NewMethod(Params, kw_only=True, frozen=True):
    unset: ClassVar[frozenset[str]] = frozenset({"metadata"})

    type: Literal["card"]
    card: TypedCard | None = None
    billing_details: BillingDetails = BillingDetails()
    metadata: Metadata | None = None


class Attaching(Params, kw_only=True, frozen=True):
    customer: str


class MethodListing(Listing, kw_only=True, frozen=True):
    customer: str | None = None
    type: Annotated[str, msgspec.Meta(max_length=40)] | None = None


def create(account: Account, asked: NewMethod) -> PaymentMethod:
    if asked.card is None:
        raise missing_param("card")
    made = _new(account, _card_of(asked.card))
    made.billing_details = asked.billing_details
    made.metadata = {key: value for key, value in (asked.metadata or {}).items() if value}
    return made


def retrieve(account: Account, _asked: Params, sought: str) -> PaymentMethod:
    return use(account, sought, status=404)


def attach_to(account: Account, asked: Attaching, sought: str) -> PaymentMethod:
    customer = account.customers.find(asked.customer, "customer", status=400)
    return attach(account, use(account, sought, status=404), customer)


def detach(account: Account, _asked: Params, sought: str) -> PaymentMethod:
    """It can never be used again."""
    method = use(account, sought, status=404)
    if method.customer is None:
        raise Refusal("The payment method you provided is not attached to a customer so detachment is impossible.")
    previous: dict[str, object] = {"customer": method.customer}
    method.customer = None
    account.consumed.add(method.id)
    account.tell("payment_method.detached", method, previous)
    return method


def listed(account: Account, asked: MethodListing) -> Page:
    if asked.customer is not None:
        account.customers.find(asked.customer, "customer", status=400)
    return page(
        account.payment_methods,
        asked,
        "/v1/payment_methods",
        lambda method: (
            asked.type in (None, method.type)
            and method.customer is not None
            and asked.customer in (None, method.customer)
        ),
    )


def listed_of(account: Account, asked: MethodListing, customer: str) -> Page:
    """The same under the customer's own address."""
    account.customers.find(customer, "customer")
    narrowed = msgspec.structs.replace(asked, customer=customer)
    return msgspec.structs.replace(listed(account, narrowed), url=f"/v1/customers/{customer}/payment_methods")


def use(account: Account, sought: str, param: str = "payment_method", status: int = 400) -> PaymentMethod:
    """The one of that id; a new one each time for a name such as `pm_card_visa`. Raises `Refusal`."""
    if (card := cards.named(sought)) is not None:
        return _new(account, card)
    return account.payment_methods.find(sought, param, status)


def attach(account: Account, method: PaymentMethod, customer: Customer) -> PaymentMethod:
    """Keep it for `customer`. Raises `Refusal` where its issuer says no, or it is another's or spent."""
    card = account.cards[method.id]
    if method.customer not in (None, customer.id):
        raise Refusal("The payment method you provided has already been attached to a customer.")
    if method.id in account.consumed:
        raise spent()
    if card.decline is not None and not card.attaches:
        raise declined(card.decline)
    method.customer = customer.id
    method.card = shown(card, kept=True)
    account.tell("payment_method.attached", method)
    return method


def spent() -> Refusal:
    return Refusal(
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with "
        "a connected account without Customer attachment, or was detached from a Customer. It may not be used again. "
        "To use a PaymentMethod multiple times, you must attach it to a Customer first."
    )


def declined(decline: Decline, **details: object) -> Refusal:
    """402, in the issuer's words."""
    return Refusal(
        decline.message,
        status=402,
        kind="card_error",
        code=decline.code,
        decline_code=decline.reason,
        advice_code=decline.advice,
        **details,
    )


def _new(account: Account, card: Card) -> PaymentMethod:
    made = PaymentMethod(id=fresh("pm"), card=shown(card), created=account.now())
    account.cards[made.id] = card
    return account.payment_methods.put(made)


def _card_of(typed: TypedCard) -> Card:
    if typed.token is not None:
        found = cards.named(f"pm_card_{typed.token.removeprefix('tok_')}")
        if found is None:
            raise missing("token", typed.token, "card[token]", status=400)
        return found
    if typed.number is None:
        raise missing_param("card[number]")
    return cards.numbered(typed.number, typed.exp_month, typed.exp_year)
