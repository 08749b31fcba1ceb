"""
Who was ejected comes back as soon as the fleet's breaker lets it be tried, in every process at once.

An ejection is one process's own, and lasts for as long as that process saw failures: without this, some processes would
leave out for minutes whom others use again, and the calls would be uneven for so long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from domain.balancing.balancer import Balancer
from domain.balancing.checking import Sleep
from domain.breakers import BreakerLook, BreakerState

LOOK_SECONDS = 1.0

Looks = Callable[[Sequence[str]], Awaitable[Sequence[BreakerLook]]]  # at breakers, by their keys; raises nothing
KeyOf = Callable[[str], str]  # the breaker's, from an instance's URL


async def keep_letting_in(balancer: Balancer, looks: Looks, key_of: KeyOf, *, sleep: Sleep = asyncio.sleep) -> None:
    """Until it is cancelled. Nobody is asked while nobody is ejected."""
    barred = frozenset[str]()
    while True:
        await sleep(LOOK_SECONDS)
        barred = await let_in(balancer, looks, key_of, barred)


async def let_in(balancer: Balancer, looks: Looks, key_of: KeyOf, barred: frozenset[str]) -> frozenset[str]:
    """
    Let those of the `barred` in whose breakers are not open any more; answers whose are.

    Whose breaker was not open stays out: it fails here and nowhere else.
    """
    ejected = balancer.ejected()
    if not ejected:
        return frozenset()
    found = await looks([key_of(url) for url in ejected])
    still = {url for url, look in zip(ejected, found, strict=True) if look.state is BreakerState.OPEN}
    for url in ejected:
        if url in barred and url not in still:
            balancer.let_in(url)
    return frozenset(still)
