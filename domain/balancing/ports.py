"""What balancing needs of the outside, named for what it does."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol

from domain.balancing.instances import Instance
from domain.breakers import Admission, CallOutcome


class Discovery(Protocol):
    """Where a service's instances come from."""

    def watch(self) -> AsyncIterator[Sequence[Instance]]:
        """
        The instances as soon as they are known, and again after each change; never none of them.

        It does not end by itself: whoever cannot be asked, or knows of no instance, is logged, and the last list stays.
        """
        ...


class Pings(Protocol):
    async def ping(self, instance: Instance) -> bool:
        """Whether it says by itself that it is well; False too where it says nothing in time. Raises nothing."""
        ...


class Breakers(Protocol):
    """
    Guards of the fleet, one a key: `service:{name}:{instance's url}`, `vendor:{name}` or `vendor:{name}:{…}`.

    Raises nothing: a guard that is away lets everybody through.
    """

    async def admit(self, key: str, lasts: timedelta) -> Admission:
        """Whether a call that ends within what it `lasts` may be made now: so long a probe is waited for."""
        ...

    async def report(self, key: str, admission: Admission, outcome: CallOutcome) -> None:
        """What came of an admitted call, exactly once for each."""
        ...
