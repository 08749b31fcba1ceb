"""Lists: newest first, a page at a time, from one id on. https://docs.stripe.com/api/pagination"""

from collections.abc import Callable, Iterable
from itertools import dropwhile, islice, takewhile
from typing import Annotated, Any, TypeVar

import msgspec

from loadtest.stripe.account import Held, Shelf
from loadtest.stripe.params import Params

H = TypeVar("H", bound=Held)


class Range(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None

    def holds(self, moment: int) -> bool:
        return (
            (self.gt is None or moment > self.gt)
            and (self.gte is None or moment >= self.gte)
            and (self.lt is None or moment < self.lt)
            and (self.lte is None or moment <= self.lte)
        )


class Listing(Params, frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    starting_after: str | None = None
    ending_before: str | None = None


class DatedListing(Listing, frozen=True):
    created: int | Range | None = None

    def dated(self, moment: int) -> bool:
        match self.created:
            case None:
                return True
            case Range() as wanted:
                return wanted.holds(moment)
            case exactly:
                return moment == exactly


class Page(msgspec.Struct, frozen=True):
    """A list, as Stripe shows it."""

    data: list[Any]
    has_more: bool
    url: str
    object: str = "list"


def page(shelf: Shelf[H], asked: Listing, url: str, keep: Callable[[H], bool] = lambda _thing: True) -> Page:
    """What `keep` takes. Raises `Refusal` where it is to begin at what there is not."""
    for param in ("starting_after", "ending_before"):
        if sought := getattr(asked, param):
            shelf.find(sought, param, status=400)
    found: Iterable[H] = shelf.newest_first()
    if asked.starting_after:
        found = islice(dropwhile(lambda thing: thing.id != asked.starting_after, found), 1, None)
    if asked.ending_before:
        return _before(list(filter(keep, takewhile(lambda thing: thing.id != asked.ending_before, found))), asked, url)
    rows = list(islice(filter(keep, found), asked.limit + 1))
    return Page(rows[: asked.limit], len(rows) > asked.limit, url)


def page_of(things: Iterable[Held], asked: Listing, url: str) -> Page:
    """A page of things that stand in their own order."""
    rows = list(things)
    after = [number for number, thing in enumerate(rows) if thing.id == asked.starting_after]
    rest = rows[after[0] + 1 :] if after else rows
    return Page(rest[: asked.limit], len(rest) > asked.limit, url)


def _before(rows: list[H], asked: Listing, url: str) -> Page:
    return Page(rows[-asked.limit :], len(rows) > asked.limit, url)
