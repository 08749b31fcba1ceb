"""What the API needs of the outside, handed in by the composition root or, in tests, faked."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from domain.callers import Caller
from domain.ports import HealthCheck, JobControl, JobIntake, JobReader
from domain.vendor_states import VendorStates


class CallerDirectory(Protocol):
    def find(self, bearer_token: str) -> Caller | None:
        """Who holds this token, or None. Takes the same time for every wrong one."""
        ...


@dataclass(frozen=True, slots=True)
class ApiPorts:
    intake: JobIntake
    jobs: JobReader
    control: JobControl
    vendors: Collection[str]  # live: a table may be added or taken away
    vendor_states: VendorStates
    callers: CallerDirectory
    anonymous_allowed: bool
    cursor_secret: bytes
    health: tuple[HealthCheck, ...]  # named "db" and "redis"
    callbacks_anywhere: bool = False  # in development only: over http, and to private addresses
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # set when the process is told to stop
