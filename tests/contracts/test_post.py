"""What a `Post` promises on real stores: a mail's job is stored before the answer, once for each key, and sent."""

import asyncio
import json
from datetime import timedelta

import pytest

from domain.accounts.mails import VENDOR, Mail, Template
from domain.accounts.ports import Post
from domain.errors import Unavailable
from domain.infra.post import CLIENT, JobPost
from domain.infra.queue_keys import queue_key
from domain.jobs import Job, Priority, Status
from domain.ports import Accepted
from tests.stores import ScriptedVendor, Stores
from tests.strategies import NOON
from tests.vendors.email.samples import ADDRESS, a_mail


async def jobs_of(stores: Stores) -> list[Job]:
    return [Job.model_validate(document) async for document in stores.database.jobs.find({"vendor": VENDOR})]


async def queued(stores: Stores) -> None:
    async with asyncio.timeout(5):
        while not await stores.redis.zcard(queue_key(VENDOR, Priority.NORMAL, CLIENT)):
            await asyncio.sleep(0.01)


async def test_a_mail_is_a_stored_job_of_our_own_and_is_queued(stores: Stores) -> None:
    post: Post = JobPost(stores.intake)
    await post.send(a_mail(), "confirm:1")
    [job] = await jobs_of(stores)
    assert (job.client, job.status, job.id.version) == (CLIENT, Status.PENDING, 7)
    assert json.loads(job.payload)["to"] == ADDRESS
    assert "token" not in job.payload
    await queued(stores)


async def test_a_key_sends_one_mail_however_often_and_at_once(stores: Stores) -> None:
    post = JobPost(stores.intake)
    await asyncio.gather(*(post.send(a_mail(), "confirm:1") for _ in range(20)))
    await post.send(a_mail(Template.PASSWORD_CHANGED), "confirm:1")
    [job] = await jobs_of(stores)
    assert json.loads(job.payload)["template"] == "confirm"


async def test_other_keys_send_other_mails(stores: Stores) -> None:
    post = JobPost(stores.intake)
    for key in ("confirm:1", "confirm:2"):
        await post.send(a_mail(), key)
    assert len(await jobs_of(stores)) == 2


@pytest.mark.parametrize(("template", "hours"), [(Template.RESET, 1), (Template.PASSWORD_CHANGED, 24)])
async def test_a_link_that_came_late_would_be_one_that_nobody_waits_for(
    stores: Stores, template: Template, hours: int
) -> None:
    await JobPost(stores.intake, lambda: NOON).send(a_mail(template), "k")
    [job] = await jobs_of(stores)
    assert (job.run_at, job.deadline - job.run_at) == (NOON, timedelta(hours=hours))


async def test_a_worker_sends_it(stores: Stores) -> None:
    class Sending(ScriptedVendor):
        name = VENDOR

    vendor = Sending()
    await JobPost(stores.intake).send(a_mail(), "k")
    [job] = await jobs_of(stores)
    async with stores.worker(vendor):
        assert (await stores.ended(job)).status is Status.COMPLETE
    assert [call.payload for call in vendor.calls] == [job.payload]


async def test_a_store_that_does_not_answer_is_told() -> None:
    class Away:
        async def take_in(self, job: Job) -> Accepted:
            raise Unavailable("away")

        async def replay(self, client: str, key: str, fingerprint: str) -> Accepted | None:
            return None

    with pytest.raises(Unavailable):
        await JobPost(Away()).send(Mail(to=ADDRESS, template=Template.RESET), "k")
