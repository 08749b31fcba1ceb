"""What the processes need of the stores, named for what it does. The real ones are in `domain.infra`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.jobs import Job, Priority, Status
from domain.suspects import is_suspect
from domain.webhooks import Notice, WebhookEvent


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a submission: the job as stored, and whether an earlier one with the same key was found."""

    job: Job
    replayed: bool = False


# Characters of results in one page of a list; a page that is cut there goes on by cursor.
LARGEST_PAGE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list: newest first, at most `limit` of them, older than `before`."""

    owner: str | None  # None: everybody's
    limit: int = 20
    vendor: str | None = None
    status: Status | None = None
    created_after: datetime | None = None
    before: UUID | None = None


class JobIntake(Protocol):
    async def take_in(self, job: Job) -> Accepted:
        """
        Store a job durably, once for each (client, idempotency key), then queue it in the background.

        Raises `KeyReused` when the key came with another fingerprint, `Unavailable` when the
        store did not say that it has it (asking again with the same key is safe).
        """
        ...

    async def replay(self, client: str, key: str, fingerprint: str) -> Accepted | None:
        """
        The job that this client submitted under this key, if any: for a body that would be refused by now.

        Raises `KeyReused` when it came with another fingerprint, `Unavailable` when the store does not answer.
        """
        ...


class JobReader(Protocol):
    async def find(self, request_id: UUID, owner: str | None) -> Job | None:
        """The job, if there is one and `owner` may see it (None: an admin, who sees everybody's)."""
        ...

    def find_many(self, ids: Sequence[UUID], owner: str | None) -> AsyncIterator[list[Job | None]]:
        """The jobs in the order of `ids`, in groups of about `LARGEST_PAGE`: as much as memory should hold at once."""
        ...

    async def list(self, which: JobFilter) -> list[Job]:
        """The jobs; it may end early, after the one whose result takes the page over `LARGEST_PAGE`."""
        ...

    async def wait_until_ended(self, request_id: UUID, owner: str | None, seconds: float) -> Job | None:
        """The job as soon as it has ended, or as it stands after `seconds`. None at once where there is none."""
        ...

    async def wait_for_change(self, job: Job, seconds: float) -> Job:
        """The job as soon as its epoch differs from `job`'s, or as it stands after `seconds`."""
        ...


@dataclass(frozen=True, slots=True)
class Queued:
    """What the queue is told of a job: never its payload."""

    request_id: UUID
    vendor: str
    priority: Priority
    due_at: datetime
    client: str = ""  # whose lane it stands in: clients take turns
    apart: bool = False  # it may kill its worker, so it runs while nothing else does
    held: bool = False  # somebody may hold it until it is due; if nobody did, it goes before all others then

    @classmethod
    def of(cls, job: Job) -> "Queued":
        return cls(job.id, job.vendor, job.priority, job.run_at, job.client, is_suspect(job))


@dataclass(frozen=True, slots=True)
class ReplayFilter:
    """Which ended jobs to run again: those of one vendor and status, created in [from, to)."""

    vendor: str
    status: Status  # failed or cancelled
    error_code: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """`matched` as counted before; `queued` run again, the others went on meanwhile or wait for another call."""

    matched: int
    queued: int


class JobControl(Protocol):
    """
    What a client may do to its job. All raise `NotFound` and `Unavailable`; `owner` None is an admin.

    A cancelled job whose call is still under way can be neither retried nor deleted yet: `Conflict`.
    """

    async def cancel(self, request_id: UUID, owner: str | None) -> Job:
        """End it now. Raises `Conflict` when it has ended."""
        ...

    async def retry(self, request_id: UUID, owner: str | None) -> Job:
        """Run a failed or cancelled job once more. Raises `Conflict` for any other."""
        ...

    async def delete(self, request_id: UUID, owner: str | None) -> None:
        """Forget an ended job but for its idempotency key. Raises `Conflict` when it has not ended."""
        ...

    async def replay(self, which: ReplayFilter, *, dry_run: bool) -> Replayed:
        """Retry every job that matches, at most 10,000 in one call; `dry_run` counts only."""
        ...


class FollowUpRunner(Protocol):
    """Does what an ended job asks for: see `Job.follow_ups`. The sweep is the net under both."""

    def soon(self, job: Job) -> None:
        """Begin, behind the answer's back."""
        ...

    async def do(self, jobs: Sequence[Job]) -> None:
        """
        Return when they are done, or on record as jobs of their own. Raises `Unavailable`.

        `jobs` may lack their payload.
        """
        ...


class LateLooks(Protocol):
    """
    Whose word to look again is, once its job has ended, or where no job has its reference.

    A refund that somebody makes in a processor's own pages comes long after the payment's job.
    """

    async def take_up(self, vendor: str, notice: Notice, job: Job | None) -> bool:
        """
        See to it that somebody looks; False where the event is of nothing that is known here.

        Done twice it changes nothing more. Raises `Unavailable`: the event is then applied once more.
        """
        ...


class StoredEvent(StrEnum):
    """What the inbox says of an event that was handed in."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICTING = "conflicting"  # the id came before with another body


class WebhookInbox(Protocol):
    async def take_in(self, event: WebhookEvent) -> StoredEvent:
        """
        Store an event durably, once for each (vendor, webhook id), then queue it in the background.

        Raises `Unavailable` when the store did not say that it has it: the vendor must send it again.
        """
        ...


class FailureLimit(Protocol):
    def failed(self, who: str, vendor: str) -> timedelta | None:
        """
        Count one failure of a sender at a vendor's webhooks.

        None while they are tolerated, else how long until they are again. Whoever succeeds is never asked about.
        """
        ...


class HealthCheck(Protocol):
    @property
    def name(self) -> str: ...

    async def check(self) -> None:
        """Return when the part answers; raise `Unavailable` with the reason when it does not, within 2 s."""
        ...
