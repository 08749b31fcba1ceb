"""
One Stripe account: everything it holds, by kind and id, in the order in which it was made.

Everything happens on one event loop and no operation waits, so each is atomic: that is what makes concurrent
refunds come out right here.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, ParamSpec, Protocol, TypeVar
from uuid import uuid4

import msgspec

from loadtest.stripe.cards import Card
from loadtest.stripe.charge import Charge, Refund
from loadtest.stripe.clock import Clock
from loadtest.stripe.customer import Customer, PaymentMethod
from loadtest.stripe.events import Event, EventData, EventRequest
from loadtest.stripe.intent import PaymentIntent
from loadtest.stripe.refusals import missing
from loadtest.stripe.session import IntentData, LineItem, Session

_MOST_OF_A_KIND = 200_000


class Held(Protocol):
    """What an account holds."""

    @property
    def id(self) -> str: ...

    @property
    def created(self) -> int: ...


H = TypeVar("H", bound=Held)
A = ParamSpec("A")
R = TypeVar("R")


def fresh(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex[:24]}"


class Shelf(OrderedDict[str, H]):
    """The things of one kind, oldest first; beyond what it can hold the oldest are forgotten."""

    def __init__(self, noun: str) -> None:
        super().__init__()
        self.noun = noun

    def put(self, thing: H) -> H:
        self[thing.id] = thing
        if len(self) > _MOST_OF_A_KIND:
            self.popitem(last=False)
        return thing

    def find(self, sought: str, param: str, status: int = 404) -> H:
        """Raises `Refusal`: 404 for the subject of the address, 400 for one that a parameter names."""
        found = self.get(sought)
        if found is None:
            raise missing(self.noun, sought, param, status)
        return found

    def newest_first(self) -> Iterator[H]:
        return iter(reversed(self.values()))


class Outcomes(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """
    What becomes of things that are not decided at once: set by the control route.

    `refund_seconds`: after how long the cards of asynchronous refunds have theirs; None is on command only.
    """

    confirmations: Literal["at_once", "processing"] = "at_once"
    refunds: Literal["at_once", "pending"] = "at_once"
    refund_seconds: float | None = 1.0


@dataclass(slots=True)
class Account:
    """`new_events` are those of the call that is being answered; whoever answers it takes them and sends them."""

    id: str = "acct_simulated"
    clock: Clock = field(default_factory=Clock)
    outcomes: Outcomes = field(default_factory=Outcomes)
    base_url: str = "http://127.0.0.1/stripe"  # where the call that is being answered found us
    request: EventRequest = field(default_factory=EventRequest)
    customers: Shelf[Customer] = field(default_factory=lambda: Shelf("customer"))
    payment_methods: Shelf[PaymentMethod] = field(default_factory=lambda: Shelf("PaymentMethod"))
    intents: Shelf[PaymentIntent] = field(default_factory=lambda: Shelf("payment_intent"))
    charges: Shelf[Charge] = field(default_factory=lambda: Shelf("charge"))
    refunds: Shelf[Refund] = field(default_factory=lambda: Shelf("refund"))
    sessions: Shelf[Session] = field(default_factory=lambda: Shelf("checkout.session"))
    bought: dict[str, tuple[LineItem, ...]] = field(default_factory=dict)  # by session
    intent_data: dict[str, IntentData] = field(default_factory=dict)  # by session
    checkout_of: dict[str, Session] = field(default_factory=dict)  # by payment intent
    cards: dict[str, Card] = field(default_factory=dict)  # by payment method
    deleted: set[str] = field(default_factory=set)  # customers
    consumed: set[str] = field(default_factory=set)  # payment methods without a customer that have paid once
    events: Shelf[Event] = field(default_factory=lambda: Shelf("event"))
    new_events: list[Event] = field(default_factory=list)
    heard: Callable[[str], int] = lambda _type: 0  # how many endpoints hear of events of a type
    send: Callable[[list[Event]], object] = lambda _events: None  # begins to tell the endpoints

    def now(self) -> int:
        return self.clock.now()

    def tell(self, kind: str, thing: Held, previous: dict[str, object] | None = None) -> None:
        """Say that something happened to `thing`, as it is now. `previous`: what changed, as it was before."""
        made = Event(
            id=fresh("evt"),
            created=self.now(),
            data=EventData(msgspec.Raw(msgspec.json.encode(thing)), msgspec.UNSET if previous is None else previous),
            pending_webhooks=self.heard(kind),
            request=self.request,
            type=kind,
        )
        self.events.put(made)
        self.new_events.append(made)

    def take_new_events(self) -> list[Event]:
        taken, self.new_events = self.new_events, []
        return taken

    def of_itself(self, act: Callable[A, R], *given: A.args, **named: A.kwargs) -> R:
        """Do what no call asked for: a person's doing, or the clock's. It is told of like everything else."""
        self.request = EventRequest()
        try:
            return act(*given, **named)
        finally:
            self.send(self.take_new_events())

    def forget(self) -> None:
        """Everything that it holds."""
        held = (
            self.customers, self.payment_methods, self.intents, self.charges, self.refunds, self.sessions, self.events,
            self.bought, self.intent_data, self.checkout_of, self.cards,
        )  # fmt: skip
        for things in held:
            things.clear()
        self.deleted.clear()
        self.consumed.clear()
        self.outcomes = Outcomes()
