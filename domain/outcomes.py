"""
What one call to a vendor came to: a value that decides the job's fate.

An adapter answers `Done | Waiting | Retry | Failed`, or raises `OutcomeUnknown`
when the vendor may have acted and nobody can tell. Nothing else ends a call.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

LARGEST_RESULT_BYTES = 12 * 1024 * 1024  # beside a payload of 1 MiB it still fits MongoDB's document of 16 MiB
LARGEST_TAKEN_WITH_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Done:
    """The vendor did it; `result` is JSON text, kept as the vendor wrote it, at most `LARGEST_RESULT_BYTES` of it."""

    result: str
    vendor_status: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    The vendor took it and will tell us by webhook under `reference`, by `deadline`.

    `taken_with` is what it said then that whoever asked is to know, such as where to go on: JSON text, of which more
    than `LARGEST_TAKEN_WITH_BYTES` is not kept.
    """

    reference: str
    deadline: datetime
    vendor_status: int | None = None
    taken_with: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """
    Not this time; asking again may help.

    `after` is the vendor's own word (`Retry-After`) and wins over our backoff.
    `closes_vendor` says that nobody should call this vendor until then (429, 503 with
    `Retry-After`); such an answer costs no attempt. `counted` False: nor does this one.
    """

    code: str
    reason: str
    after: timedelta | None = None
    closes_vendor: bool = False
    vendor_status: int | None = None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The vendor said no, or said something it does not promise; asking again will not help."""

    code: str
    reason: str
    vendor_status: int | None = None


Outcome = Done | Waiting | Retry | Failed
