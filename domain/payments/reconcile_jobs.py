"""
A run of the reconciliation: a chain of jobs of the vendor `payments`, each of which puts the next page's on record.

So only workers ask the processor, under the fleet's limit, and of any number of them one does. The id of a page's job
derives from the run's and the page's number, not from where the page begins: a page that is compared twice, because its
worker died, may end elsewhere, and the run must not fork there.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.commerce.payments import VENDOR
from domain.jobs import Job, Priority
from domain.payments.reconciling import Phase, Report
from domain.request_ids import derived_id
from domain.submissions import QUEUED_WITHIN
from domain.submitted_fields import to_milliseconds

RECONCILE = "payments.reconcile"
CLIENT = "gateway"  # whose jobs they are: ourselves; admins see everybody's
LIFETIME = timedelta(hours=6)  # of a page; where the processor is away for longer, the next run compares


class Reconcile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag=RECONCILE):
    """
    `after` is what the page begins behind: the processor's id, or in the last phase ours; None: at the newest.

    `account` is whose lists the pages before were: by another's nobody can tell what is not there.
    """

    run: UUID
    since: datetime
    page: int = 0
    phase: Phase = Phase.INTENTS
    after: str | None = None
    report: Report = Report()
    account: str | None = None

    def on(self, report: Report, after: str) -> "Reconcile":
        """The rest of the same list."""
        return replace(self, page=self.page + 1, after=after, report=report)

    def next_phase(self, report: Report) -> "Reconcile | None":
        """The next list, from its beginning; None after the last."""
        phases = list(Phase)
        following = phases[phases.index(self.phase) + 1 :]
        if not following:
            return None
        return replace(self, page=self.page + 1, phase=following[0], after=None, report=report)


class Compared(msgspec.Struct, frozen=True):
    """The result of a page's job: all that the run has found so far, and where it goes on; None: it has ended."""

    since: datetime
    report: Report
    next: UUID | None = None


def page_id(run: UUID, page: int) -> UUID:
    """The run's first page has the run's own id."""
    return run if page == 0 else derived_id(run, f"{run}:reconcile:{page}")


def page_job(asked: Reconcile, now: datetime) -> Job:
    """After all that moves money."""
    created = to_milliseconds(now)
    return Job(
        id=page_id(asked.run, asked.page),
        client=CLIENT,
        vendor=VENDOR,
        payload=msgspec.json.encode(asked).decode(),
        metadata={"kind": RECONCILE, "run_id": str(asked.run)},
        priority=Priority.LOW,
        run_at=created,
        deadline=created + LIFETIME,
        parent=None if asked.page == 0 else asked.run,
        created_at=created,
        updated_at=created,
        sweep_at=created + QUEUED_WITHIN,
    )
