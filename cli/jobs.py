"""`gateway jobs …`: what a client does with jobs, over HTTP."""

import sys
from collections.abc import Iterator, Sequence
from uuid import UUID

import click

from cli.answered_json import Fields
from cli.api_client import GatewayApi, Refused
from cli.api_options import Wiring, as_json, say, say_json, with_api
from cli.columns import Table, lines_of, text_of
from cli.following import follow
from cli.submitting import Submission, submission_options
from domain.jobs import ENDED, Status

LONGEST_WAIT_SECONDS = 25

_ENDED = frozenset(status.value for status in ENDED)


@click.group()
def jobs() -> None:
    """
    Submit jobs, read them, and end them, over HTTP.

    Exit codes: 0 done, 1 refused by the gateway, 2 wrong usage, 69 the gateway cannot be reached.
    """


@jobs.command()
@with_api
@submission_options
@click.option("--wait", type=click.IntRange(0, LONGEST_WAIT_SECONDS), help="Seconds to wait for the job to end.")
@as_json
def submit(api: GatewayApi, *, submission: Submission, wait: int | None, as_json: bool) -> None:
    """
    Submit a job for VENDOR.

    PAYLOAD is JSON, @FILE, or - for standard input; default {}.
    """
    headers = submission.headers | ({} if wait is None else {"Prefer": f"wait={wait}"})
    answer = api.send("POST", "/jobs", headers=headers, body=submission.body)
    job = api.fields(answer.content)
    _show(answer.content, {name: value for name, value in job.items() if name != "links"}, as_json=as_json)


@jobs.command()
@with_api
@click.argument("request_id", metavar="ID", type=click.UUID)
@click.option("--attempts", is_flag=True, help="Every call that was made.")
@as_json
def show(api: GatewayApi, *, request_id: UUID, attempts: bool, as_json: bool) -> None:
    """Show a job."""
    answer = api.send("GET", f"/jobs/{request_id}", query={"expand": "attempts"} if attempts else None)
    job = api.fields(answer.content)
    _show(answer.content, {name: job[name] for name in job if name not in {"links", "attempts"}}, as_json=as_json)
    if attempts and not as_json:
        say(_timeline(api.items(job.get("attempts", ""))))


@jobs.command("list")
@with_api
@click.option("--vendor", help="Only jobs of this vendor.")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only jobs of this status.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="Jobs a page.")
@click.option("--all", "every_page", is_flag=True, help="Every page, not the first alone.")
@as_json
def list_jobs(api: GatewayApi, *, every_page: bool, as_json: bool, **wanted: object) -> None:
    """List jobs, newest first."""
    query = {name: str(value) for name, value in wanted.items() if value is not None}
    table = Table("ID", "VENDOR", "STATUS", "STAGE", "CREATED")
    for page in api.pages("/jobs", query, every_page=every_page):
        if as_json:
            for item in page:
                say_json(item.encode())
        else:
            say(table.lines(_row(api.fields(item.encode())) for item in page))


@jobs.command()
@with_api
@click.argument("request_ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
@as_json
def cancel(api: GatewayApi, *, request_ids: Sequence[UUID], as_json: bool) -> None:
    """End jobs that have not ended."""
    _to_each(api, request_ids, "cancel", as_json=as_json)


@jobs.command()
@with_api
@click.argument("request_ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
@as_json
def retry(api: GatewayApi, *, request_ids: Sequence[UUID], as_json: bool) -> None:
    """Run failed or cancelled jobs once more."""
    _to_each(api, request_ids, "retry", as_json=as_json)


@jobs.command()
@with_api
@click.argument("request_id", metavar="ID", type=click.UUID)
@as_json
@click.pass_obj
def watch(wiring: Wiring | None, api: GatewayApi, *, request_id: UUID, as_json: bool) -> None:
    """Tell every state of a job until it has ended."""
    for event in follow(api, f"/jobs/{request_id}/events", (wiring or Wiring()).pause):
        if as_json:
            say_json(event.data)
        else:
            job = api.fields(event.data)
            told = (job.get(name) for name in ("updated_at", "status", "stage", "error"))
            say(["  ".join(text_of(value) for value in told if value is not None)])
        if text_of(api.fields(event.data).get("status")) in _ENDED:
            return


def _to_each(api: GatewayApi, request_ids: Sequence[UUID], action: str, *, as_json: bool) -> None:
    """One refusal stops nothing, but is in the exit code."""
    refused = 0
    for request_id in request_ids:
        try:
            answer = api.send("POST", f"/jobs/{request_id}/{action}")
        except Refused as refusal:
            refused = refusal.exit_code
            click.echo(f"Error: {request_id}: {refusal.message}", err=True)
            continue
        if as_json:
            say_json(answer.content)
        else:
            say([f"{request_id}  {text_of(api.fields(answer.content).get('status'))}"])
    sys.exit(refused)


def _show(content: bytes, job: Fields, *, as_json: bool) -> None:
    if as_json:
        say_json(content)
    else:
        say(lines_of(job))


def _row(job: Fields) -> Sequence[str]:
    return [text_of(job.get(name)) for name in ("request_id", "vendorType", "status", "stage", "created_at")]


def _timeline(calls: Sequence[Fields]) -> Iterator[str]:
    names = ("number", "started_at", "outcome", "vendor_status", "latency_ms", "worker")
    table = Table("ATTEMPT", "STARTED", "OUTCOME", "STATUS", "MS", "WORKER")
    return table.lines([text_of(call.get(name)) for name in names] for call in calls)
