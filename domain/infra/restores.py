"""After a restore: every job of the collection is looked at once, in pages, whatever its size."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

from domain.infra.job_store import WITHOUT_BODIES, MongoJobStore, mongo_trouble
from domain.infra.mongo import Database
from domain.jobs import Job

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
