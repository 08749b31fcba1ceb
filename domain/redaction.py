"""
What is left of an ended job when strangers' words are removed from it: its history, and its place in every list.

Payload, result, what the vendor took it with, and its words in errors, attempts and progress go. Who, when, how often
and with what outcome stays; so do the client's own labels (metadata, callback_url), the idempotency key, and the
vendor's reference.
"""

from datetime import datetime

from domain.interventions import LONG_GONE, is_called
from domain.jobs import Job

REMOVED = "the vendor's words were removed with the job's payload; the code tells what went wrong"


def redact(job: Job, now: datetime) -> Job:
    """
    A transition, after which the job can no longer be run again: a rival who read the payload before loses.

    `redact_at` stays for who still has to empty the job's webhooks; `updated_at` still tells of the end.
    """
    return job.model_copy(
        update={
            "epoch": job.epoch + 1,
            "payload": "",
            "result": None,
            "taken_with": None,
            "error": job.error and job.error.model_copy(update={"message": REMOVED}),
            "attempts": [attempt.model_copy(update={"detail": None}) for attempt in job.attempts],
            "progress": job.progress and [said.model_copy(update={"status": ""}) for said in job.progress],
            "redacted_at": now,
        }
    )


def may_be_redacted(job: Job, now: datetime) -> bool:
    """Whether no call of it needs its payload any more: one that is under way may end in a word to its vendor."""
    return not (is_called(job) and job.attempts[-1].started_at > now - LONG_GONE)
