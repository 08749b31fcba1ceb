"""
Suspects: jobs that were in flight whenever their workers died.

A crash alone proves nothing: a hundred neighbours were in flight too. After `CRASHES_IN_COMPANY` in a row a job is a
suspect, and suspects run one at a time in a process of their own. Only the death of that process says whose
fault it was, and the third sets the job aside. Any answer in between clears the suspicion. All of it stands in the
job, so that every process and the sweep agree on it. Why so: docs/adr/0013-suspects-run-apart.md.
"""

from domain.jobs import Attempt, AttemptOutcome, Job
from domain.outcomes import Failed

CRASHES_IN_COMPANY = 3  # two in a row happen to neighbours of a worker that is killed by something else
CRASHES_ALONE = 3

# Ends that tell nothing of the job: it was not sent, was cut by a stop, or the vendor wished to hear it later.
SAYS_NOTHING = frozenset({AttemptOutcome.RELEASED, AttemptOutcome.DRAINED, AttemptOutcome.THROTTLED})


def is_suspect(job: Job) -> bool:
    """Whether it may run apart only."""
    return job.crashes_in_a_row >= CRASHES_IN_COMPANY


def is_poison(job: Job) -> bool:
    """Whether it has been proved that it kills whatever runs it."""
    return job.crashes_alone >= CRASHES_ALONE


def weighed(job: Job, closed: Attempt) -> dict[str, int]:
    """What is known against a job after this end of its last attempt, as fields of the job."""
    if closed.outcome in SAYS_NOTHING:
        return {}
    if closed.outcome is not AttemptOutcome.CRASHED:
        return {"crashes_in_a_row": 0, "crashes_alone": 0}
    return {
        "crashes": job.crashes + 1,
        "crashes_in_a_row": job.crashes_in_a_row + 1,
        "crashes_alone": job.crashes_alone + closed.apart,
    }


def marked_apart(begun: Job) -> Job:
    """The job with the attempt that has just begun marked: its process runs nothing else."""
    *earlier, last = begun.attempts
    return begun.model_copy(update={"attempts": [*earlier, last.model_copy(update={"apart": True})]})


def poison(job: Job) -> Failed:
    """Why it is set aside, with the evidence."""
    alone = [attempt for attempt in job.attempts if attempt.apart and attempt.outcome is AttemptOutcome.CRASHED]
    evidence = ", ".join(f"attempt {attempt.number} ({attempt.worker})" for attempt in alone[-CRASHES_ALONE:])
    why = f"set aside: {job.crashes_alone} processes in a row died that ran nothing but this job: {evidence}"
    return Failed("poison", why)
