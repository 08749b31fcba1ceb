"""
How an instance treats its requests: `{"mode": "slow", "seconds": 2, "times": 3}`. After so many `times` it is well.

    well    answers
    fail    answers with `status`
    slow    answers after `seconds`
    drip    its head at once, its body in pieces over `seconds`
    hang    reads, and never answers
    drop    reads, and hangs up without a byte
    cut     half of what it promised, then hangs up
    long    more than it promised
    rubbish what is no HTTP
    dead    nobody listens, and every connection is cut; it does not count
"""

from typing import Annotated, Literal

import msgspec

MODES = Literal["well", "fail", "slow", "drip", "hang", "drop", "cut", "long", "rubbish", "dead"]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: MODES = "well"
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 500
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None


WELL = Wish()
