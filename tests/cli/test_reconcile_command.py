"""`gateway payments reconcile`: a run put on record, followed to its end, and told."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from cli.main import gateway
from cli.reconcile import Run, read_since
from domain.commerce.payments import VENDOR
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.jobs import Attempt, Job, Status
from domain.outcomes import Done, Failed, Outcome
from domain.payments.reconcile_jobs import Compared, Reconcile, page_id, page_job
from domain.payments.reconciling import Finding, Report
from domain.request_ids import new_request_id
from domain.vendors import Call
from tests.fakes import FakeJobs
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payment_ports import FakeJobsOfPayments
from tests.stores import ScriptedVendor, Stores

AWAY = "Stripe answered 503."
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FOUND = Report({Finding.AGREED: 7, Finding.MENDED: 1}, {Finding.MENDED: ["pay-1"]})
LEFT = FOUND.noting(Finding.CONTRADICTION, "pay-2")


class Comparing(ScriptedVendor):
    """Two pages, the second of which ends the run with this report."""

    name = VENDOR

    def __init__(self, stores: Stores, report: Report) -> None:
        super().__init__(self._compare)
        self._jobs = MongoPaymentJobs(stores.database, stores.queue)
        self._report = report

    async def _compare(self, call: Call) -> Outcome:
        asked = msgspec.json.decode(call.payload, type=Reconcile)
        if asked.page == 1:
            return Done(msgspec.json.encode(Compared(asked.since, self._report)).decode())
        await self._jobs.put(page_job(asked.on(Report(), "pi_1"), datetime.now(UTC)))
        return Done(msgspec.json.encode(Compared(asked.since, Report(), page_id(asked.run, 1))).decode())


async def command(stores: Stores, jobs_url: str, redis_url: str, *args: str) -> Result:
    """In a thread, as it brings its own loop; a worker runs in this one."""
    urls = ("--mongo-url", jobs_url, "--redis-url", redis_url)
    line = ["payments", "reconcile", "--since", f"{datetime.now(UTC):%Y-%m-%d}", *urls, *args]
    return await asyncio.to_thread(CliRunner().invoke, gateway, line)


async def test_a_run_is_followed_over_its_pages_and_told(
    stores: Stores, jobs_url: str, redis_database_url: str
) -> None:
    async with stores.worker(Comparing(stores, FOUND)):
        said = await command(stores, jobs_url, redis_database_url)
        told = await command(stores, jobs_url, redis_database_url, "--json")
    assert said.exit_code == told.exit_code == 0
    *_, heading, columns, agreed, mended = [
        line.split() for line in said.stdout.splitlines()
    ]  # the worker's log before
    assert (heading[:2], columns) == (["compared", "8"], ["FOUND", "HOW", "MANY", "WHICH"])
    assert (agreed, mended) == (["agreed", "7"], ["mended", "1", "pay-1"])
    report = json.loads(told.stdout.splitlines()[-1])
    assert (report["compared"], report["left_for_a_person"], report["ids"]["mended"]) == (8, 0, ["pay-1"])
    assert set(report["counts"]) == {finding.value for finding in Finding}


async def test_what_is_left_for_a_person_is_in_the_exit_code(
    stores: Stores, jobs_url: str, redis_database_url: str
) -> None:
    async with stores.worker(Comparing(stores, LEFT)):
        said = await command(stores, jobs_url, redis_database_url)
    assert (said.exit_code, "1 left for a person" in said.stdout) == (1, True)


async def test_what_waits_for_another_accounts_key_is_told_with_the_remedy(
    stores: Stores, jobs_url: str, redis_database_url: str
) -> None:
    async with stores.worker(Comparing(stores, FOUND.noting(Finding.OTHER_ACCOUNT, "pay-3"))):
        said = await command(stores, jobs_url, redis_database_url)
    *_, found, remedy = said.stdout.splitlines()
    assert (said.exit_code, found.split()) == (1, ["other", "account", "1", "pay-3"])
    assert "STRIPE_SECRET_KEY" in remedy


async def test_a_run_that_comes_to_no_end_says_why(stores: Stores, jobs_url: str, redis_database_url: str) -> None:
    async def refuse(call: Call) -> Outcome:
        return Failed("bad_payload", "no such thing")

    vendor = ScriptedVendor(refuse)
    vendor.name = VENDOR
    async with stores.worker(vendor):
        said = await command(stores, jobs_url, redis_database_url)
    assert (said.exit_code, "bad_payload: no such thing" in said.stderr) == (1, True)


@pytest.mark.parametrize(
    ("attempted", "words"), [(False, "no worker has taken up"), (True, f"is not done yet ({AWAY})")]
)
async def test_where_nothing_goes_on_it_says_so_and_waits(attempted: bool, words: str) -> None:
    reader = FakeJobs()
    jobs = FakeJobsOfPayments(reader)
    if attempted:
        jobs.becoming = {"attempts": [Attempt(number=1, started_at=NOW, worker="w", key="k", detail=AWAY)]}
    told: asyncio.Queue[str] = asyncio.Queue()
    run = Run(Reconcile(new_request_id(), NOW), told.put_nowait, patience_seconds=0)
    following = asyncio.create_task(run.follow(jobs, reader))
    assert words in await told.get()
    assert run.at == run.asked.run
    result = msgspec.json.encode(Compared(NOW, FOUND)).decode()
    job = reader.stored[run.asked.run]
    await reader.put(job.model_copy(update={"status": Status.COMPLETE, "result": result}))
    assert (await following).report == FOUND


class Emptied(FakeJobs):
    """Somebody has removed every job."""

    async def wait_until_ended(self, request_id: UUID, owner: str | None, seconds: float) -> Job | None:
        return None


async def test_a_job_that_somebody_removed_ends_the_wait() -> None:
    run = Run(Reconcile(new_request_id(), NOW), print)
    with pytest.raises(click.ClickException, match="is gone"):
        await run.follow(FakePaymentJobs(), Emptied())


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T09:00:00Z", datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("2026-11-01T09:00:00+02:00", datetime(2026, 11, 1, 7, tzinfo=UTC)),
        ("2026-11-21T12:00:00Z", NOW),
        ("2025-11-21", datetime(2025, 11, 21, tzinfo=UTC)),
    ],
)
def test_a_date_is_of_utc_and_a_time_says_its_offset(text: str, since: datetime) -> None:
    assert read_since(text, NOW) == since


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterday", "no date or time"),
        ("", "no date or time"),
        ("2026-13-01", "no date or time"),
        ("2026-11-01T09:00:00", "does not say its offset"),
        ("2026-11-21T12:00:01Z", "in the future"),
        ("2026-11-22", "in the future"),
        ("2025-11-19", "366 days"),
        ("0001-01-01", "366 days"),
        ("0001-01-01T00:00:00+14:00", "366 days"),
    ],
)
def test_any_other_time_is_refused_with_the_remedy(text: str, why: str) -> None:
    with pytest.raises(click.BadParameter, match=why):
        read_since(text, NOW)


def test_a_wrong_time_is_wrong_usage_and_asks_nobody() -> None:
    said = CliRunner().invoke(gateway, ["payments", "reconcile", "--since", "yesterday"])
    assert (said.exit_code, "--since" in said.stderr, "2026-11-01T09:00:00Z" in said.stderr) == (2, True, True)
    assert CliRunner().invoke(gateway, ["payments", "reconcile"]).exit_code == 2
