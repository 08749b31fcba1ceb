"""Whose turn it is, of the instances that the fleet's breakers let be called: for services and for vendors alike."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.balancing.balancer import Balancer
from domain.balancing.instances import Instance
from domain.balancing.ports import Breakers
from domain.breakers import Admission, CallOutcome


@dataclass(frozen=True, slots=True)
class Turn:
    """One call's at `instance`, begun there: the balancer is told its end, and the breaker too."""

    instance: Instance
    admission: Admission


class NobodyLeft(Exception):
    """Until when those are shut that might have been called, as far as that is known."""

    def __init__(self, shut_until: Sequence[datetime]) -> None:
        super().__init__()
        self.shut_until = shut_until


async def next_turn(
    balancer: Balancer,
    breakers: Breakers,
    key_of: Callable[[Instance], str],
    lasts: timedelta,
    without: Collection[str] = (),
) -> Turn:
    """A call's that ends within what it `lasts`, at none of those `without`. Raises `NobodyLeft`."""
    passed, shut_until = set(without), list[datetime]()
    while (instance := balancer.pick(passed)) is not None:
        balancer.begun(instance)
        try:
            admission = await breakers.admit(key_of(instance), lasts)
        except BaseException:
            balancer.ended(instance, CallOutcome.IGNORED)
            raise
        if admission.allowed:
            return Turn(instance, admission)
        balancer.ended(instance, CallOutcome.IGNORED)
        passed.add(instance.url)
        if admission.until is not None:
            shut_until.append(admission.until)
    raise NobodyLeft(shut_until)
