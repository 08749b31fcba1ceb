"""
`gateway payments reconcile`: a run that compares the books with Stripe's lists, put on record here, made by a worker.

It works on the stores themselves, so it does so while the API is down. Nobody asks Stripe from here: the workers alone
keep to its limit.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import click
import msgspec

from cli.addresses import with_servers
from cli.api_options import INTERRUPTED_EXIT, as_json, say, say_json
from cli.columns import Table, printable
from cli.options import setting_flags
from cli.payment_accounts import accounts, same_account
from cli.settings import Settings, load_settings
from cli.stores import open_stores
from domain.commerce.ports import PaymentJobs
from domain.errors import Unavailable
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.job_reader import open_job_reader
from domain.infra.queue import Queue
from domain.jobs import Job, Status
from domain.payments.reconcile_jobs import Compared, Reconcile, page_job
from domain.payments.reconciling import Finding, Report
from domain.ports import JobReader
from domain.request_ids import new_request_id

LONGEST_BACK = timedelta(days=366)
TAKEN_UP_SECONDS = 10.0  # by then a worker has begun, if there is one
LOOK_SECONDS = 600.0  # between looks at a job of which no change was told

_WRITE = "write a date like 2026-11-01, or a time with its offset like 2026-11-01T09:00:00Z"

Tell = Callable[[str], None]


@click.group()
def payments() -> None:
    """Compare the books with the payment processor's, and see through which of its accounts payments go."""


payments.add_command(accounts)
payments.add_command(same_account)


@payments.command()
@click.option("--since", required=True, metavar="TIME", help="A date (UTC), or a time with its offset; a year at most.")
@as_json
@setting_flags("home", "mongo_url", "redis_url", "lease_seconds")
def reconcile(*, since: str, as_json: bool, **flags: str | None) -> None:
    """
    Compare all that Stripe has made since TIME with the books, mend what differs, and report.

    A worker does it; Ctrl-C leaves it at it. Exit codes: 0 all agrees or was mended, 1 something is left for a person,
    or it came to no end, 2 wrong usage, 78 a setting is wrong.
    """
    asked = Reconcile(new_request_id(), read_since(since, datetime.now(UTC)))
    settings = with_servers(load_settings(flags))
    run = Run(asked, lambda line: click.echo(line, err=True))
    try:
        compared = asyncio.run(_follow(settings, run))
    except KeyboardInterrupt:
        _tell_where_it_is(run)
        sys.exit(INTERRUPTED_EXIT)
    except Unavailable as fault:
        _tell_where_it_is(run)
        raise click.ClickException(fault.detail) from None
    _show(asked.run, compared, as_json=as_json)
    sys.exit(1 if compared.report.left else 0)


def read_since(text: str, now: datetime) -> datetime:
    """Raises `click.BadParameter`, with the remedy."""
    since = _moment(text)
    if since is None:
        raise click.BadParameter(f"it is no date or time; {_WRITE}", param_hint="--since")
    if since.tzinfo is None:
        raise click.BadParameter(f"it does not say its offset from UTC; {_WRITE}", param_hint="--since")
    if since > now:
        raise click.BadParameter("it is in the future; take a time that has gone by", param_hint="--since")
    if since < now - LONGEST_BACK:
        raise click.BadParameter("it is more than 366 days ago; take a later one", param_hint="--since")
    return since.astimezone(UTC)


@dataclass(slots=True)
class Run:
    """A run, and the job that it is at; None: it is not on record."""

    asked: Reconcile
    tell: Tell
    patience_seconds: float = TAKEN_UP_SECONDS
    at: UUID | None = field(default=None, init=False)

    async def follow(self, jobs: PaymentJobs, reader: JobReader) -> Compared:
        """Put it on record, and return what it has found in the end. Raises `Unavailable`, `click.ClickException`."""
        job = page_job(self.asked, datetime.now(UTC))
        await jobs.put(job)
        self.at = job.id
        while True:
            compared = _read(await self._ended(self.at, reader))
            if compared.next is None:
                return compared
            self.at = compared.next

    async def _ended(self, job_id: UUID, reader: JobReader) -> Job:
        job = await reader.wait_until_ended(job_id, None, self.patience_seconds)
        if job is not None and not job.ended:
            self.tell(_why_not_yet(job))
        while job is not None and not job.ended:
            job = await reader.wait_until_ended(job_id, None, LOOK_SECONDS)
        if job is None:
            raise click.ClickException(f"{job_id} is gone: somebody has removed the job")
        return job


async def _follow(settings: Settings, run: Run) -> Compared:
    async with (
        open_stores(settings) as stores,
        open_job_reader(stores.database, stores.redis) as reader,
    ):
        queue = Queue(stores.redis, lease=timedelta(seconds=settings.lease_seconds))
        return await run.follow(MongoPaymentJobs(stores.database, queue, settings.retention), reader)


def _why_not_yet(job: Job) -> str:
    if not job.attempts:
        return f"no worker has taken up {job.id} yet: is one running that works for payments? Waiting for it."
    said = job.attempts[-1].detail
    return f"{job.id} is not done yet{f' ({printable(said)})' if said else ''}. Waiting for it."


def _read(job: Job) -> Compared:
    if job.status is Status.COMPLETE and job.result is not None:
        return msgspec.json.decode(job.result, type=Compared)
    why = "it was cancelled" if job.error is None else printable(f"{job.error.code}: {job.error.message}")
    raise click.ClickException(f"the run came to no end at {job.id}: {why}")


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


def _tell_where_it_is(run: Run) -> None:
    if run.at is not None:
        run.tell(f"the run goes on without us: see gateway jobs show {run.at}")


def _show(run: UUID, compared: Compared, *, as_json: bool) -> None:
    report = compared.report
    if as_json:
        told = {
            "run_id": str(run),
            "since": compared.since,
            "compared": report.compared,
            "left_for_a_person": report.left,
            "counts": {finding.value: report.counts.get(finding, 0) for finding in Finding},
            "ids": {finding.value: report.ids.get(finding, []) for finding in Finding},
        }
        say_json(msgspec.json.encode(told))
        return
    say([f"compared {report.compared} since {compared.since:%Y-%m-%dT%H:%M:%SZ}, {report.left} left for a person"])
    say(Table("FOUND", "HOW MANY", "WHICH").lines(_rows(report)))
    if report.counts.get(Finding.OTHER_ACCOUNT):
        say(["other account: they wait for a STRIPE_SECRET_KEY of theirs; gateway payments accounts tells which"])


def _rows(report: Report) -> Iterator[list[str]]:
    for finding in Finding:
        if number := report.counts.get(finding, 0):
            named = report.ids.get(finding, [])
            more = " …" if number > len(named) > 0 else ""
            yield [finding.value.replace("_", " "), str(number), printable(" ".join(named)) + more]
