"""`expand[]`: an id is shown as the thing itself, four steps deep. https://docs.stripe.com/api/expanding_objects"""

from typing import Any

import msgspec

from loadtest.stripe import customers, refunds, sessions
from loadtest.stripe.account import Account
from loadtest.stripe.listing import Listing
from loadtest.stripe.params import Params
from loadtest.stripe.refusals import Refusal

_DEEPEST = 4
_KINDS = {
    "customer": {},
    "payment_method": {"customer": "customer"},
    "payment_intent": {"customer": "customer", "payment_method": "payment_method", "latest_charge": "charge"},
    "charge": {"customer": "customer", "payment_intent": "payment_intent", "refunds": "refunds"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "refunds": {},
    "checkout.session": {"customer": "customer", "payment_intent": "payment_intent", "line_items": "line_items"},
    "line_items": {},
    "event": {},
    "account": {},
    "item": {},
}  # what can be expanded in a thing of which kind, and what it becomes


def check(paths: tuple[str, ...], kind: str, *, listed: bool) -> None:
    """Raises `Refusal` for what cannot be expanded, before anything is done."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise Refusal(f"You cannot expand more than {_DEEPEST} levels of a property ({path}).", param="expand")
        if listed and steps.pop(0) != "data":
            raise _no(path)
        inner = kind
        for step in steps:
            if step not in _KINDS[inner]:
                raise _no(path)
            inner = _KINDS[inner][step]


def shown(account: Account, thing: Any, paths: tuple[str, ...]) -> bytes:
    """As JSON, with what `paths` name expanded. They have been checked."""
    if not paths:
        return msgspec.json.encode(thing)
    built = msgspec.to_builtins(thing)
    for path in paths:
        _expand(account, built, path.split("."))
    return msgspec.json.encode(built)


def _no(path: str) -> Refusal:
    return Refusal(f"This property cannot be expanded ({path}).", param="expand")


def _expand(account: Account, built: Any, steps: list[str]) -> None:
    if isinstance(built, list):
        for each in built:
            _expand(account, each, steps)
    elif steps and isinstance(built, dict):
        step, *rest = steps
        kind = _KINDS.get(built.get("object", ""), {}).get(step)
        if kind is not None and (found := _found(account, kind, built, step)) is not None:
            built[step] = found
        _expand(account, built.get(step), rest)


def _found(account: Account, kind: str, built: dict[str, Any], step: str) -> Any:
    """What stands behind an id; None where there is nothing to expand, or it is expanded already."""
    match kind, built.get(step):
        case "refunds", None:
            found: Any = refunds.listed(account, refunds.RefundListing(charge=built["id"]))
        case "line_items", None:
            found = sessions.lines_of(account, Listing(), built["id"])
        case "customer", str(sought):
            found = customers.retrieve(account, Params(), sought)
        case _, str(sought):
            found = _shelves(account)[kind][sought]
        case _:
            return None
    return msgspec.to_builtins(found)


def _shelves(account: Account) -> dict[str, Any]:
    return {
        "payment_method": account.payment_methods,
        "payment_intent": account.intents,
        "charge": account.charges,
    }
