"""
Mails as jobs of our own: stored durably, once for each key, before whoever asks for one is answered.

The key is the job's idempotency key, and its id is a new one. An id that is worked out of the key alone would lie about
its time, and pages, replays and the local inbox go by that.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

from domain.accounts.mails import VENDOR, Mail
from domain.jobs import Job
from domain.ports import Accepted, JobIntake
from domain.request_ids import new_request_id
from domain.submissions import QUEUED_WITHIN
from domain.submitted_fields import to_milliseconds

CLIENT = "gateway"  # whose jobs they are: ourselves, and no caller goes by that name
LINK_LIFETIME = timedelta(hours=1)  # a link that comes later than that is one that nobody waits for any more
LIFETIME = timedelta(hours=24)


class JobPost:
    """A `domain.accounts.ports.Post`."""

    def __init__(self, intake: JobIntake, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._intake = intake
        self._clock = clock

    async def send(self, mail: Mail, key: str) -> Accepted:
        """Store a job that sends it, once for each `key`: of two mails the first is sent. Raises `Unavailable`."""
        return await self._intake.take_in(mail_job(mail, key, self._clock()))


def mail_job(mail: Mail, key: str, now: datetime) -> Job:
    created = to_milliseconds(now)
    return Job(
        id=new_request_id(),
        client=CLIENT,
        vendor=VENDOR,
        payload=msgspec.json.encode(mail).decode(),
        run_at=created,
        deadline=created + (LIFETIME if mail.link is None else LINK_LIFETIME),
        idempotency_key=key,
        fingerprint=sha256(key.encode()).hexdigest(),  # the key alone says what is the same
        created_at=created,
        updated_at=created,
        sweep_at=created + QUEUED_WITHIN,
    )
