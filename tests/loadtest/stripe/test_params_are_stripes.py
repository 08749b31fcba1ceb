"""Each parameter that the simulated Stripe takes is one of the SDK's, with no word that the SDK does not know."""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from stripe import params
from stripe.params import checkout

from loadtest.stripe import customers, intents, payment_methods, refunds, sessions
from loadtest.stripe.charges import ChargeListing
from loadtest.stripe.event_lists import EventListing
from loadtest.stripe.listing import Listing, Range
from loadtest.stripe.routes import ROUTES

PROMISED: dict[type[msgspec.Struct], type] = {
    customers.NewCustomer: params.CustomerCreateParams,
    customers.ChangedCustomer: params.CustomerUpdateParams,
    customers.CustomerListing: params.CustomerListParams,
    payment_methods.NewMethod: params.PaymentMethodCreateParams,
    payment_methods.Attaching: params.PaymentMethodAttachParams,
    payment_methods.MethodListing: params.PaymentMethodListParams,
    intents.NewIntent: params.PaymentIntentCreateParams,
    intents.Confirming: params.PaymentIntentConfirmParams,
    intents.Capturing: params.PaymentIntentCaptureParams,
    intents.Cancelling: params.PaymentIntentCancelParams,
    intents.IntentListing: params.PaymentIntentListParams,
    intents.Retrieving: params.PaymentIntentRetrieveParams,
    ChargeListing: params.ChargeListParams,
    refunds.NewRefund: params.RefundCreateParams,
    refunds.ChangedRefund: params.RefundUpdateParams,
    refunds.RefundListing: params.RefundListParams,
    sessions.NewSession: checkout.SessionCreateParams,
    sessions.SessionListing: checkout.SessionListParams,
    Listing: checkout.SessionListLineItemsParams,
    EventListing: params.EventListParams,
}


def faults(ours: type[msgspec.Struct], theirs: type, place: str = "") -> Iterator[str]:
    promised = inspect.get_annotations(theirs)
    for field in msgspec.structs.fields(ours):
        named = f"{place}[{field.name}]"
        if field.name not in promised:
            yield f"{named}: the SDK does not know it"
            continue
        told = str(promised[field.name])
        words = set(re.findall(r"'([^']*)'", told))
        strange = set(_words(field.type)) - words
        if words and strange:
            yield f"{named}: {strange} are none of the SDK's words"
        for inner in _structs(field.type):
            yield from faults(inner, _class_in(told, theirs), named)


def _words(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    for inner in get_args(kind):
        if not isinstance(inner, str):
            yield from _words(inner)


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not Range:
        yield kind
    for inner in get_args(kind):
        yield from _structs(inner)


def _class_in(told: str, near: type) -> type:
    module = vars(sys.modules[near.__module__])
    [name] = {word for word in re.findall(r"\w+", told) if word.startswith(near.__name__)}
    return module[name]  # type: ignore[no-any-return]


def test_every_operation_is_looked_at() -> None:
    bare = {route.takes for route in ROUTES} - PROMISED.keys()
    assert {kind.__name__ for kind in bare} == {"Params"}


@pytest.mark.parametrize("ours", PROMISED, ids=lambda kind: f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}")
def test_no_parameter_is_invented(ours: type[msgspec.Struct]) -> None:
    assert list(faults(ours, PROMISED[ours])) == []
