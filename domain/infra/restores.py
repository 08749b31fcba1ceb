"""After a restore: every job is looked at once, in pages, and no version is given out twice."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from uuid import UUID

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.ports import AuditLog
from domain.configurations import subject_of
from domain.infra.configuration_rows import ConfigurationRows
from domain.infra.job_store import WITHOUT_BODIES, MongoJobStore, mongo_trouble
from domain.infra.mongo import Database
from domain.jobs import Job
from domain.restores import LEAP, leap

PAGE = 500

Doubt = Callable[[Job], Job | None]  # the job's end, or None where it may go on


async def settle_doubts(database: Database, doubt: Doubt, *, dry_run: bool) -> Counter[str]:
    """End the jobs that are in doubt; answers how many there were of each vendor. Raises `Unavailable`."""
    store = MongoJobStore(database)
    found: Counter[str] = Counter()
    async for page in _pages(database):
        changes = [(job, after) for job in page if (after := doubt(job)) is not None]
        won = [True] * len(changes) if dry_run else await store.compare_and_set(changes)
        found.update(job.vendor for (job, _), mine in zip(changes, won, strict=True) if mine)
    return found


async def leap_configurations(database: Database, audit: AuditLog, doer: Doer, taken_at: datetime) -> int:
    """How many got a new number for their newest text. Done twice it changes nothing more. Raises `Unavailable`."""
    rows, leapt = ConfigurationRows(database), 0
    for newest in await rows.newest(await rows.services()):
        if newest is None or (newest.about.changed_by == doer.actor and newest.about.changed_at >= taken_at):
            continue
        after = leap(newest, doer)
        await audit.write(doer.entry(Act.CONFIG_CHANGED, subject_of(after.about.service), version=str(after.number)))
        leapt += await rows.add(after)
    return leapt


async def leap_controls(database: Database) -> None:
    """A Redis that was not emptied remembers versions, and would have calls held until it forgets them."""
    with mongo_trouble():
        controlled, ahead = {"control": {"$exists": True}}, {"$inc": {"control.version": LEAP}}
        await database.get_collection("vendors").update_many(controlled, ahead)


async def _pages(database: Database) -> AsyncIterator[Sequence[Job]]:
    last: UUID | None = None
    while True:
        after = {} if last is None else {"_id": {"$gt": last}}
        with mongo_trouble():
            found = database.get_collection("jobs").find(after, WITHOUT_BODIES).sort("_id", 1).limit(PAGE)
            documents = await found.to_list(None)
        if not documents:
            return
        yield [Job.model_validate({**document, "payload": ""}) for document in documents]
        last = documents[-1]["_id"]
