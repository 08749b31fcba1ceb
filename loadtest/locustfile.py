"""
The load: users who each submit a job to the `sync` vendor, poll it until it has ended, and begin again.

    .venv-load/bin/locust -f loadtest/locustfile.py --headless -u 200 -r 50 -t 60s --host http://127.0.0.1:8000

Run it from the project's root, in one process (no locust workers: the jobs are counted in memory).
It ends with a verdict, and with a code other than 0 unless every accepted job ended once. It
needs nothing of ours installed; `make load` starts a gateway around it where none runs.
"""

import json
import os
import time
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, constant, events, task

from loadtest.load_check import ENDED, AcceptedJob, Verdict, count_effects, judge, percentiles, wait_until_ended

_JOB = {"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"}}
_BODY = json.dumps(_JOB)
_ACCEPTED = 202
_FOUND = 200


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    group = parser.add_argument_group("gateway")
    group.add_argument("--poll-seconds", type=float, env_var="LOAD_POLL_SECONDS", default=0.1)
    group.add_argument("--drain-seconds", type=float, env_var="LOAD_DRAIN_SECONDS", default=60.0)
    group.add_argument("--vendors-url", env_var="GATEWAY_DEMO_VENDORS_URL", default="")


def headers() -> dict[str, str]:
    """A key is needed only where anonymous callers are not allowed."""
    key = os.environ.get("LOAD_API_KEY")
    bearer = {"Authorization": f"Bearer {key}"} if key else {}
    return {"Content-Type": "application/json", **bearer}


class SubmittingUser(FastHttpUser):
    """One user: one connection, one job at a time."""

    wait_time = constant(0)
    concurrency = 1
    connection_timeout = 10.0
    network_timeout = 30.0
    jobs: ClassVar[dict[str, AcceptedJob]] = {}  # of all users

    @task
    def submit_and_poll(self) -> None:
        began = time.perf_counter()
        request_id = self._submit(began)
        if request_id is None:
            gevent.sleep(1.0)  # as a refused client should, and as `Retry-After` asks
            return
        job = self.jobs[request_id]
        while job.status not in ENDED:
            gevent.sleep(self.environment.parsed_options.poll_seconds)
            job.status = self._look(request_id) or job.status
        job.seconds = time.perf_counter() - began

    def _submit(self, began: float) -> str | None:
        with self.client.post("/jobs", data=_BODY, headers=headers(), name="POST /jobs", catch_response=True) as reply:
            if reply.status_code != _ACCEPTED:
                reply.failure(f"{reply.status_code} instead of 202")
                return None
            request_id = str(reply.json()["request_id"])
            self.jobs[request_id] = AcceptedJob(began)
            return request_id

    def _look(self, request_id: str) -> str | None:
        with self.client.get(
            f"/jobs/{request_id}", headers=headers(), name="GET /jobs/{id}", catch_response=True
        ) as reply:
            if reply.status_code != _FOUND:
                reply.failure(f"{reply.status_code} instead of 200")
                return None
            return str(reply.json()["status"])


@events.quitting.add_listener
def judge_the_load(environment: Any, **_: Any) -> None:
    """Wait for the jobs that are still open, ask the vendor what it did, and set the exit code."""
    if environment.runner is None:  # a wrong option, or --list: nothing ran
        return
    environment.runner.stop()
    options, jobs = environment.parsed_options, SubmittingUser.jobs
    wait_until_ended(environment.host, jobs, options.drain_seconds, headers())
    verdict = judge(jobs, _effects(options.vendors_url))
    if not verdict.sound:
        environment.process_exit_code = 1
    events.quit.add_listener(lambda **_: _report(environment, verdict))  # after locust's own tables


def _effects(vendors_url: str) -> dict[str, int] | None:
    try:
        return count_effects(vendors_url) if vendors_url else None
    except (OSError, LookupError) as fault:
        print(f"the vendors' ledger cannot be read: {fault}")
        return None


def _report(environment: Any, verdict: Verdict) -> None:
    posts = environment.stats.get("POST /jobs", "POST")
    polls = environment.stats.get("GET /jobs/{id}", "GET")
    ended = [(job.submitted_at, job.seconds) for job in SubmittingUser.jobs.values() if job.seconds is not None]
    span = max((at + took for at, took in ended), default=1.0) - min((at for at, _ in ended), default=0.0)
    print("\n".join(verdict.lines()))
    print(f"seen to end         {len(ended) / span:.0f} jobs/s")
    print("                        p50      p95      p99   (ms)")
    for name, entry in (("POST /jobs", posts), ("GET /jobs/{id}", polls)):
        _print_row(name, *(entry.get_response_time_percentile(share) for share in (0.50, 0.95, 0.99)))
    _print_row("submit to complete", *(seconds * 1000 for seconds in percentiles(took for _, took in ended)))


def _print_row(name: str, p50: float, p95: float, p99: float) -> None:
    print(f"{name:<19}{p50:>8.0f} {p95:>8.0f} {p99:>8.0f}")
