"""
The same attempt under a plain `arq.Worker`: our rows are arq's own.

    arq.Worker([arq_function()], ctx={"runner": runner, "jobs": jobs, "events": events},
               queue_name="arq:queue:sync:normal:acme", job_deserializer=read_row)

arq's lease is the value "1" at the same key, so the check at the start holds for it too; it is
not a fencing token, so of two such workers on one job only the epoch in MongoDB tells who won.
It keeps no vendor's limits, pauses and closings, and runs no suspects: let it run only where there are none.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

import arq
from arq.worker import Function, func

from domain.infra.queue import FUNCTION, Lease
from domain.jobs import Priority
from domain.ports import JobReader
from domain.request_ids import read_request_id
from domain.webhooks import EVENTS
from worker.verdicts import Again, Elsewhere, Ended, LeaseRunner, Lost

ARQ_TOKEN = "1"  # noqa: S105 - what arq 0.28 writes at its in-progress key
SUSPECTS_LATER = timedelta(seconds=5)
FOR_EVER = 1_000_000  # arq counts denials and drains as tries; ours are counted in MongoDB


def read_row(row: bytes) -> dict[str, Any]:
    """arq's row, as `arq.Worker` wants it from its `job_deserializer`."""
    loaded: dict[str, Any] = json.loads(row)
    return loaded


def arq_function() -> Function:
    """What to register with `arq.Worker`; `ctx` must hold our `runner` and `jobs`, for the events' queue `events`."""
    return func(run, name=FUNCTION, max_tries=FOR_EVER, keep_result=0)


async def run(ctx: dict[str, Any], request_id: str) -> None:
    """One attempt at a job, or one look at an event; raises `arq.Retry` when it is due again later."""
    jobs: JobReader = ctx["jobs"]
    known = read_request_id(request_id)
    job = await jobs.find(known, None) if known is not None else None
    if job is not None:
        runner: LeaseRunner = ctx["runner"]
        verdict = await runner.run(Lease(request_id, job.vendor, job.priority, ARQ_TOKEN))
    elif "events" in ctx:
        events: LeaseRunner = ctx["events"]
        verdict = await events.run(Lease(request_id, EVENTS, Priority.NORMAL, ARQ_TOKEN))
    else:
        return
    match verdict:
        case Again(at=at):
            raise arq.Retry(defer=max(at - datetime.now(UTC), timedelta(milliseconds=1)))
        case Elsewhere():  # a suspect runs apart, so never here: one of our own workers moves it
            raise arq.Retry(defer=SUSPECTS_LATER)
        case Ended() | Lost():
            pass
        case _:
            assert_never(verdict)
