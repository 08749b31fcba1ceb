"""Which requests the simulated Stripe answers: one line each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from loadtest.stripe import (
    charges,
    customers,
    event_lists,
    intents,
    own_account,
    payment_methods,
    refunds,
    sessions,
)
from loadtest.stripe.listing import Listing
from loadtest.stripe.params import Params
from loadtest.stripe.refusals import unknown_address

_ID = "{id}"


@dataclass(frozen=True, slots=True)
class Route:
    """`act(account, parameters, id…)`; `kind` is what is shown, or listed."""

    method: str
    path: str
    takes: type[Params]
    act: Callable[..., Any]
    kind: str
    listed: bool = False


OWN_ACCOUNT = Route("GET", "/v1/account", Params, own_account.retrieve, "account")

ROUTES = (
    OWN_ACCOUNT,
    Route("POST", "/v1/customers", customers.NewCustomer, customers.create, "customer"),
    Route("GET", "/v1/customers", customers.CustomerListing, customers.listed, "customer", listed=True),
    Route("GET", "/v1/customers/{id}", Params, customers.retrieve, "customer"),
    Route("POST", "/v1/customers/{id}", customers.ChangedCustomer, customers.change, "customer"),
    Route("DELETE", "/v1/customers/{id}", Params, customers.delete, "customer"),
    Route(
        "GET", "/v1/customers/{id}/payment_methods", payment_methods.MethodListing, payment_methods.listed_of,
        "payment_method", listed=True,
    ),
    Route("POST", "/v1/payment_methods", payment_methods.NewMethod, payment_methods.create, "payment_method"),
    Route(
        "GET", "/v1/payment_methods", payment_methods.MethodListing, payment_methods.listed, "payment_method",
        listed=True,
    ),
    Route("GET", "/v1/payment_methods/{id}", Params, payment_methods.retrieve, "payment_method"),
    Route(
        "POST", "/v1/payment_methods/{id}/attach", payment_methods.Attaching, payment_methods.attach_to,
        "payment_method",
    ),
    Route("POST", "/v1/payment_methods/{id}/detach", Params, payment_methods.detach, "payment_method"),
    Route("POST", "/v1/payment_intents", intents.NewIntent, intents.create, "payment_intent"),
    Route("GET", "/v1/payment_intents", intents.IntentListing, intents.listed, "payment_intent", listed=True),
    Route("GET", "/v1/payment_intents/{id}", intents.Retrieving, intents.retrieve, "payment_intent"),
    Route("POST", "/v1/payment_intents/{id}/confirm", intents.Confirming, intents.confirm, "payment_intent"),
    Route("POST", "/v1/payment_intents/{id}/capture", intents.Capturing, intents.capture, "payment_intent"),
    Route("POST", "/v1/payment_intents/{id}/cancel", intents.Cancelling, intents.cancel, "payment_intent"),
    Route("GET", "/v1/charges", charges.ChargeListing, charges.listed, "charge", listed=True),
    Route("GET", "/v1/charges/{id}", Params, charges.retrieve, "charge"),
    Route("POST", "/v1/refunds", refunds.NewRefund, refunds.create, "refund"),
    Route("GET", "/v1/refunds", refunds.RefundListing, refunds.listed, "refund", listed=True),
    Route("GET", "/v1/refunds/{id}", Params, refunds.retrieve, "refund"),
    Route("POST", "/v1/refunds/{id}", refunds.ChangedRefund, refunds.change, "refund"),
    Route("POST", "/v1/checkout/sessions", sessions.NewSession, sessions.create, "checkout.session"),
    Route("GET", "/v1/checkout/sessions", sessions.SessionListing, sessions.listed, "checkout.session", listed=True),
    Route("GET", "/v1/checkout/sessions/{id}", Params, sessions.retrieve, "checkout.session"),
    Route("POST", "/v1/checkout/sessions/{id}/expire", Params, sessions.expire, "checkout.session"),
    Route("GET", "/v1/checkout/sessions/{id}/line_items", Listing, sessions.lines_of, "item", listed=True),
    Route("GET", "/v1/events", event_lists.EventListing, event_lists.listed, "event", listed=True),
    Route("GET", "/v1/events/{id}", Params, event_lists.retrieve, "event"),
)  # fmt: skip


def _by_shape() -> dict[tuple[str, int], list[tuple[list[str], Route]]]:
    table: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
    for route in ROUTES:
        steps = route.path.split("/")
        table.setdefault((route.method, len(steps)), []).append((steps, route))
    return table


_TABLE = _by_shape()


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route, and the ids of its address. Raises `Refusal`."""
    asked = path.split("/")
    for steps, route in _TABLE.get((method, len(asked)), ()):
        if all(step in (_ID, given) for step, given in zip(steps, asked, strict=True)):
            return route, tuple(_ids(steps, asked))
    raise unknown_address(method, path)


def _ids(steps: list[str], asked: list[str]) -> Iterator[str]:
    return (given for step, given in zip(steps, asked, strict=True) if step == _ID)
