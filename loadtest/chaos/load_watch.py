"""
Clients that look after their jobs: a sample is read again and again, and some of what failed is retried.

Only an end is written down, and what comes after an end: a job in motion proves nothing.
"""

import asyncio
from collections.abc import Mapping
from random import Random

import msgspec

from loadtest.chaos.evidence import ENDED
from loadtest.chaos.journal import Journal
from loadtest.chaos.load_http import Answer, Clients
from loadtest.chaos.records import Asked, Seen
from loadtest.chaos.tables import VENDORS

_AGAIN_SECONDS = 1.0
_PAGE = 100  # of `GET /jobs?ids=`
_MOST_OPEN = 70  # of them
_RETRY_SHARE = 0.6
MISSING = "missing"


class Watch:
    def __init__(self, http: Clients, journal: Journal, seed: int) -> None:
        self._http = http
        self._journal = journal
        self._random = Random(f"watch:{seed}")
        self._status: dict[str, dict[str, str]] = {}  # by client and job: as it was seen to end, "" before
        self._retried: set[str] = set()

    def add(self, client: str, job: str) -> None:
        self._status.setdefault(client, {}).setdefault(job, "")

    async def go_on(self, over: asyncio.Event) -> None:
        """Until it is `over`. It must not be cancelled: a request that nobody has noted may have had its effect."""
        while not over.is_set():
            await asyncio.sleep(_AGAIN_SECONDS)
            for client, jobs in list(self._status.items()):
                await self._look(client, self._draw(jobs))

    async def ask(self, what: str, client: str, job: str) -> Answer:
        """A cancel or a retry, once: asked again, nobody could say which of the two it was."""
        answer = await self._http.post(f"/jobs/{{id}}/{what}", f"/jobs/{job}/{what}", client)
        self._journal.write(Asked(answer.began, answer.at, what, job, answer.status))
        return answer

    def note(self, client: str, answer: Answer, job: str, status: str) -> None:
        """A job as it was shown."""
        known = self._status.setdefault(client, {})
        if status != known.get(job, "") and (status in ENDED or known.get(job) or status == MISSING):
            self._journal.write(Seen(answer.began, answer.at, job, status))
            known[job] = status

    def _draw(self, jobs: Mapping[str, str]) -> list[str]:
        """Mostly such as were not seen to end: those come to it, and the others should not move."""
        still = [job for job, status in jobs.items() if not status]
        ended = [job for job, status in jobs.items() if status]
        some = self._random.sample(still, min(_MOST_OPEN, len(still)))
        return some + self._random.sample(ended, min(_PAGE - len(some), len(ended)))

    async def _look(self, client: str, jobs: list[str]) -> None:
        answer = await self._http.get("/jobs?ids=", f"/jobs?ids={','.join(jobs)}", client)
        if answer.status != 200:
            return
        try:
            items = answer.json()["items"]
        except msgspec.DecodeError:
            return
        for job, shown in zip(jobs, items, strict=True):
            self.note(client, answer, job, MISSING if shown is None else shown["status"])
            if shown is not None and self._wants_again(job, shown):
                self._retried.add(job)
                await self.ask("retry", client, job)

    def _wants_again(self, job: str, shown: dict[str, object]) -> bool:
        """
        Where a vendor that honours no keys may have acted nobody asks for a second time: it would act twice.

        Whether a job is retried is decided at the first look at its end.
        """
        if job in self._retried or shown["status"] not in {"failed", "cancelled"}:
            return False
        self._retried.add(job)
        detail = shown.get("error_detail")
        known = isinstance(detail, dict) and bool(detail["retryable"])
        safe = known or VENDORS[str(shown["vendorType"])].honours_keys
        return safe and self._random.random() < _RETRY_SHARE
