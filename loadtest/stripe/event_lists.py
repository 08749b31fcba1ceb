"""Events: looked at, and listed. https://docs.stripe.com/api/events"""

from fnmatch import fnmatchcase

from loadtest.stripe.account import Account
from loadtest.stripe.events import Event
from loadtest.stripe.listing import DatedListing, Page, page
from loadtest.stripe.params import Params
from loadtest.stripe.refusals import Refusal


class EventListing(DatedListing, kw_only=True, frozen=True):
    """`type` may end in `*`; `delivery_success` false are those that some endpoint has not taken."""

    delivery_success: bool | None = None
    type: str | None = None
    types: tuple[str, ...] = ()


def retrieve(account: Account, _asked: Params, sought: str) -> Event:
    return account.events.find(sought, "id")


def listed(account: Account, asked: EventListing) -> Page:
    if asked.type is not None and asked.types:
        raise Refusal("You may only specify one of these parameters: type, types.")
    wanted = asked.types or (asked.type or "*",)
    return page(
        account.events,
        asked,
        "/v1/events",
        lambda event: (
            asked.dated(event.created)
            and any(fnmatchcase(event.type, pattern) for pattern in wanted)
            and asked.delivery_success in (None, event.pending_webhooks == 0)
        ),
    )
