"""
Looks into the store for keys that this process has never seen, counted by whence they come.

A key of the right form with a made-up id costs a look, and no memory of refusals helps: no two of them are alike. To
remember which ids are not there would not help either, and a key that was just made has to work at once in every
process. So each address (an IPv6 one with its /64) has `UNSEEN` looks in `SECONDS` that lead to nobody; beyond, it is
told to come back, and no store is asked.

What leads to somebody is given back, and the key is known from then on: it is counted no more, whatever a neighbour at
the same address does, and another secret under its id is refused without a look. The counts are this process' own, as
those of webhooks are: to keep them in Redis would cost a question for each request that they are to make cheap.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import UUID

from domain.errors import TooMany, Unavailable
from domain.infra.failure_limit import MOST_COUNTED, BoundedCounts
from domain.infra.token_owners import Claim, Owner, ShownKey, TokenOwners
from domain.networks import network_of

UNSEEN = 100  # in advance: so many machines behind one address may show their keys for the first time at once
SECONDS = 60
KNOWN = 10_000  # keys; about 3 MB


class KeyLookups:
    """A `TokenOwners` that strangers cannot keep busy."""

    def __init__(self, owners: TokenOwners, clock: Callable[[], float], *, known: int = KNOWN) -> None:
        self._owners = owners
        self._clock = clock
        self._counts = BoundedCounts(clock, MOST_COUNTED)
        self._digests: OrderedDict[UUID, str] = OrderedDict()
        self._most_known = known

    async def find(self, claim: Claim, now: datetime, address: str) -> Owner | None:
        """Who holds it, if they may come in. Raises `TooMany`, `Unavailable`."""
        if not isinstance(claim, ShownKey):
            return await self._owners.find(claim, now)
        digest = self._digests.get(claim.id)
        if digest is not None:
            return await self._owners.find(claim, now) if compare_digest(digest, claim.digest) else None
        return await self._find_unseen(claim, now, network_of(address))

    async def _find_unseen(self, key: ShownKey, now: datetime, whence: str) -> Owner | None:
        self._count(whence)
        try:
            owner = await self._owners.find(key, now)
        except Unavailable:
            self._give_back(whence)
            raise
        if owner is not None:
            self._give_back(whence)
            self._remember(key)
        return owner

    def _count(self, whence: str) -> None:
        """Before the look, so that many at once get no further than one after the other."""
        if self._counts.get(whence) >= UNSEEN:
            wait = max(0.0, self._counts.get_expiry(whence) - self._clock())
            told = "too many keys from your address that nobody here has; come back when Retry-After says"
            raise TooMany(told, retry_after=timedelta(seconds=wait))
        self._counts.incr(whence, SECONDS)

    def _give_back(self, whence: str) -> None:
        if self._counts.get(whence) > 0:
            self._counts.incr(whence, SECONDS, -1)

    def _remember(self, key: ShownKey) -> None:
        """The oldest is forgotten where there are too many: it is counted once more, and known again."""
        self._digests[key.id] = key.digest
        if len(self._digests) > self._most_known:
            self._digests.popitem(last=False)
