"""
The verdict on a load: every accepted job ended, and the vendor acted once for each that completed.

Standard library only: the environment that has locust has nothing of ours, and uses this too.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

ENDED = frozenset({"complete", "failed", "cancelled"})
_PAGE = 100  # of `GET /jobs?ids=`
_AGAIN_SECONDS = 0.5
_TIMEOUT_SECONDS = 30


@dataclass(slots=True)
class AcceptedJob:
    """A job that got its 202; `seconds` from the submission to the answer that showed it ended."""

    submitted_at: float
    status: str = "pending"
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`doubled` and `unseen` are None when there was no ledger to ask."""

    accepted: int
    complete: int
    failed: int
    missing: tuple[str, ...]
    doubled: tuple[str, ...] | None = None
    unseen: tuple[str, ...] | None = None

    @property
    def sound(self) -> bool:
        return self.accepted > 0 and not (self.missing or self.doubled or self.unseen)

    def lines(self) -> Iterator[str]:
        yield f"accepted            {self.accepted}"
        yield f"  complete          {self.complete}"
        yield f"  failed, cancelled {self.failed}"
        yield f"  missing           {_count(self.missing)}"
        yield f"effects doubled     {_count(self.doubled)}"
        yield f"complete, no effect {_count(self.unseen)}"
        yield "verdict             " + ("every accepted job ended once" if self.sound else "NOT SOUND")


def _count(ids: tuple[str, ...] | None) -> str:
    if ids is None:
        return "not checked: no vendor's ledger to ask (GATEWAY_DEMO_VENDORS_URL)"
    return f"{len(ids)}   e.g. {', '.join(ids[:3])}" if ids else "0"


def judge(jobs: Mapping[str, AcceptedJob], effects: Mapping[str, int] | None) -> Verdict:
    """`effects` counts what the vendor did for each request_id; None when nobody could be asked."""
    statuses = Counter(job.status for job in jobs.values())
    complete = [request_id for request_id, job in jobs.items() if job.status == "complete"]
    return Verdict(
        accepted=len(jobs),
        complete=len(complete),
        failed=statuses["failed"] + statuses["cancelled"],
        missing=tuple(request_id for request_id, job in jobs.items() if job.status not in ENDED),
        doubled=None if effects is None else tuple(i for i in jobs if effects.get(i, 0) > 1),
        unseen=None if effects is None else tuple(i for i in complete if effects.get(i, 0) == 0),
    )


def percentiles(seconds: Iterable[float]) -> tuple[float, float, float]:
    """p50, p95 and p99 by nearest rank; zeros when there is nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return 0.0, 0.0, 0.0
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.50, 0.95, 0.99))
    return p50, p95, p99


def wait_until_ended(host: str, jobs: Mapping[str, AcceptedJob], seconds: float, headers: Mapping[str, str]) -> None:
    """Ask after the jobs that are open, a hundred at a time, until all have ended or `seconds` have passed."""
    give_up_at = time.monotonic() + seconds
    waiting = [request_id for request_id, job in jobs.items() if job.status not in ENDED]
    while waiting:
        for start in range(0, len(waiting), _PAGE):
            _look(host, jobs, waiting[start : start + _PAGE], headers)
        waiting = [request_id for request_id in waiting if jobs[request_id].status not in ENDED]
        if time.monotonic() > give_up_at:
            return
        if waiting:
            time.sleep(_AGAIN_SECONDS)


def _look(host: str, jobs: Mapping[str, AcceptedJob], ids: list[str], headers: Mapping[str, str]) -> None:
    """Note how the jobs stand; a gateway that does not answer leaves them as they were."""
    try:
        found = get_json(f"{host}/jobs?ids={','.join(ids)}", headers)["items"]
    except OSError:
        return
    for shown in found:
        if shown is not None:
            jobs[shown["request_id"]].status = shown["status"]


def count_effects(vendors_url: str) -> Counter[str]:
    """
    What the simulated vendors did, by request_id. Raises `OSError` when they do not answer.

    Raises `LookupError` when their ledger has forgotten calls: what is left would prove nothing.
    """
    if get_json(f"{vendors_url}/control/stats")["forgotten"]:
        raise LookupError("the vendors' ledger has forgotten calls: start the vendors anew")
    effects: Counter[str] = Counter()
    since: int | None = 0
    while since is not None:
        page = get_json(f"{vendors_url}/control/calls?since={since}")
        effects.update(call.get("request_id", "") for call in page["calls"] if call.get("effect"))
        since = page["next"]
    return effects


def get_json(url: str, headers: Mapping[str, str] | None = None) -> Any:
    """Raises `OSError` (of which `URLError` is one) when there is no good answer."""
    if not url.startswith(("http://", "https://")):
        raise OSError(f"not an HTTP address: {url}")
    with urlopen(Request(url, headers=dict(headers or {})), timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked
        return json.load(answer)
