"""
Stripe's lists, the newest first, page by page to the last one.

What is made meanwhile stands before the page we are at, and shifts nothing: each page begins after an object.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from domain.errors import Unavailable
from domain.outcomes import Failed, Retry
from domain.vendors import Call
from vendors.errors import VendorError
from vendors.stripe.asking import ask
from vendors.stripe.wire import Wire, read_page, read_page_of_all
from vendors.stripe.words import GENERATION, JOB, Charge, Customer, Intent, Refund, Session, Unread

PAGE = 100  # Stripe's largest
A_MOMENT = timedelta(seconds=1)
MOST_LOOKED_AT = 10  # pages, for one object that may be there
FOUND = "found at stripe what its answer did not tell"

Word = TypeVar("Word", Charge, Customer, Session, Intent, Refund)
Pages = AsyncGenerator[list[Word] | Retry | Failed, None]  # the last of them may be what a page came to instead
Listed = tuple[list[Word | Unread], bool]  # and whether there is more behind them

_AGAIN = "Stripe's list begins again where it should go on."

log = structlog.get_logger()


async def pages_of(
    ask_for: Callable[[Any], Awaitable[object]], kind: type[Wire[Word]], call: Call, **params: object
) -> Pages[Word]:
    """Each page of a list; at the end what kept the next one from being read, if anything did."""
    last: str | None = None
    while True:
        asked = {**params, "limit": PAGE, **({} if last is None else {"starting_after": last})}
        answer = await ask(partial(ask_for, asked), partial(read_page, kind=kind), call, moves=False)
        if isinstance(answer, Retry | Failed):
            yield answer
            return
        words, more = answer
        if words and words[-1].id == last:
            yield Failed("vendor_error", _AGAIN)
            return
        yield words
        if not (more and words):
            return
        last = words[-1].id


async def page_after(
    ask_for: Callable[[Any], Awaitable[object]],
    kind: type[Wire[Word]],
    call: Call,
    after: str | None,
    **params: object,
) -> Listed[Word] | Retry | Failed:
    """The page behind that object, whoever made what is on it; None: the newest."""
    asked = {**params, "limit": PAGE, **({} if after is None else {"starting_after": after})}
    answer = await ask(partial(ask_for, asked), partial(read_page_of_all, kind=kind), call, moves=False)
    if isinstance(answer, Retry | Failed):
        return answer
    words, more = answer
    if words and words[-1].id == after:
        return Failed("vendor_error", _AGAIN)
    return words, more and bool(words)


async def to_the_last(pages: Pages[Word]) -> AsyncIterator[Word]:
    """
    Every object of a list. Nobody may take a part of it for all of it: where it cannot be read to its end it raises
    `Unavailable` (come back later), `VendorError` (asking again will not help), or `NotNow`.
    """
    async with aclosing(pages):
        async for page in pages:
            for word in _sure(page):
                yield word


def _sure(page: list[Word] | Retry | Failed) -> list[Word]:
    match page:
        case Retry(code=code, reason=reason, after=after):
            raise Unavailable(reason, code=code, retry_after=after or A_MOMENT)
        case Failed(code=code, reason=reason):
            raise VendorError(reason, code=code)
        case words:
            return words


async def find_made(pages: Pages[Word], call: Call) -> Word | None:
    """What was made under the call's key, by its marks. None says nothing: it may lie further back, or come yet."""
    looked_at = 0
    async with aclosing(pages):
        async for page in pages:
            looked_at += 1
            if isinstance(page, Retry | Failed):
                return None
            for word in page:
                if _is_marked(word.metadata, call):
                    log.warning(FOUND, id=word.id, request_id=str(call.request_id))
                    return word
            if looked_at == MOST_LOOKED_AT:
                return None
    return None


def _is_marked(metadata: Mapping[str, str], call: Call) -> bool:
    return (metadata.get(JOB), metadata.get(GENERATION)) == (str(call.request_id), str(call.generation))
