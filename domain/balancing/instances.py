"""Instances of a service, and how each of them stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Instance:
    """
    One of those that do the same. `url` is without a slash at its end, and its name too; `weight` is 1 or more.

    Those of a higher `priority` number are for when none of a lower one can be used (RFC 2782).
    """

    url: str
    weight: int = 1
    priority: int = 0


@dataclass(frozen=True, slots=True)
class InstanceLook:
    """
    One instance as one process sees it, for people to read.

    `healthy` is what the active checks say, `ejected_until` what came of calls; `calls` and `failures` count since it
    was listed.
    """

    url: str
    weight: int
    healthy: bool
    ejected_until: datetime | None
    outstanding: int
    calls: int
    failures: int


class Strategy(StrEnum):
    ROUND_ROBIN = "round_robin"  # by weight, evenly mixed
    LEAST_OUTSTANDING = "least_outstanding"  # whoever has the fewest calls under way for its weight
