"""
A script: how calls are to be treated, one after the other.

One behaviour or a list of them: each holds for its `times` calls, then the next; after the
last the vendor is well again.
"""

import random
from collections.abc import Sequence

import msgspec

from loadtest.vendors.misbehaviour import AnyBehaviour, Behaviour, Normal

NORMAL = Normal()


def read_script(body: bytes) -> tuple[Behaviour, ...]:
    """The script that `body` spells: one behaviour or a list. Raises `msgspec.ValidationError` or `DecodeError`."""
    script = msgspec.json.decode(body, type=AnyBehaviour | list[AnyBehaviour])
    return tuple(script) if isinstance(script, list) else (script,)


def pick(script: Sequence[Behaviour], nth: int) -> Behaviour:
    """How a script treats the `nth` call (from 0). The same call is always treated the same."""
    left = nth
    for behaviour in script:
        if behaviour.times is None or left < behaviour.times:
            return behaviour if _falls_on(behaviour, nth) else NORMAL
        left -= behaviour.times
    return NORMAL


def _falls_on(behaviour: Behaviour, nth: int) -> bool:
    if behaviour.probability >= 1.0:
        return True
    return random.Random(f"{behaviour.seed}:{nth}").random() < behaviour.probability
