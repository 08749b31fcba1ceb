"""
A store that came back from a backup knows nothing of what was called since: which jobs may have been, and their end.

A vendor that honours keys is asked again under the same key, which does no harm while it remembers that. With any
other vendor nobody can tell, and a second call might be a second effect: those jobs end as every unknown does.

Nor does it know the versions that it gave out since, and would give them out once more, for something else.
"""

import uuid
from dataclasses import replace
from datetime import datetime

from domain.accounts.doers import Doer
from domain.callbacks import VENDOR as CALLBACKS
from domain.configurations import Configuration
from domain.interventions import is_called
from domain.jobs import AttemptOutcome, Job
from domain.outcomes import Failed
from domain.timeline import close_attempt
from domain.transitions import Rules, fail, signed
from domain.vendors import VendorPolicy

LEAP = 100_000  # versions: more than anybody makes between a backup and its restore


def may_have_been_called(job: Job, policy: VendorPolicy | None, taken_at: datetime, now: datetime) -> bool:
    """
    Whether a call since the backup may have acted that the vendor would not recognise by its key.

    `policy` None: the tables no longer know the vendor. A job that its vendor had taken is not called again anyway,
    nobody calls one before its time, and one that was submitted since is no memory.
    """
    if job.ended or job.vendor == CALLBACKS or job.vendor_ref is not None:
        return False
    if job.run_at > now or job.created_at > taken_at:
        return False
    return policy is None or not policy.repeatable or now - _first_use(job, taken_at) >= policy.key_lifetime


def doubt(job: Job, taken_at: datetime, rules: Rules, now: datetime) -> Job:
    """The job as failed with `outcome_unknown`; whoever knows that it was not called may retry it."""
    why = f"the store came back from a backup of {taken_at.isoformat()}; the vendor may have been called since"
    own = signed(job, f"restored:{uuid.uuid4().hex}")
    if is_called(own):
        own = close_attempt(own, now, AttemptOutcome.CRASHED, None, counted=False, detail=why)
    return fail(own, Failed("outcome_unknown", why), rules, now)


def _first_use(job: Job, taken_at: datetime) -> datetime:
    """The earliest moment at which the vendor can have seen the key."""
    if job.attempts_folded:
        return job.created_at
    return min([taken_at, *(attempt.started_at for attempt in job.attempts)])


def leap(stored: Configuration, doer: Doer) -> Configuration:
    """The same text under a number that nobody has seen: who has a later one than this may not take it for that."""
    about = replace(stored.about, number=stored.number + LEAP, changed_at=doer.at, changed_by=doer.actor)
    return Configuration(about, stored.text)
