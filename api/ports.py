"""What the API needs of the outside, handed in by the composition root or, in tests, faked."""

from dataclasses import dataclass
from typing import Protocol

from domain.callers import Caller
from domain.ports import HealthCheck, JobIntake, JobReader


class CallerDirectory(Protocol):
    def find(self, bearer_token: str) -> Caller | None:
        """Who holds this token, or None. Takes the same time for every wrong one."""
        ...


@dataclass(frozen=True, slots=True)
class ApiPorts:
    intake: JobIntake
    jobs: JobReader
    vendors: frozenset[str]
    callers: CallerDirectory
    anonymous_allowed: bool
    cursor_secret: bytes
    health: tuple[HealthCheck, ...]  # named "db" and "redis"
