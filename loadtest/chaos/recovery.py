"""
How long the gateway took to be itself again after a fault, in two measures.

A worker that was killed or frozen: from the signal until every job that it held has been written to since or has
ended; jobs of vendors with a limit are not waited for, since they may have a queue before them.

All other faults: from the moment when what was broken is there again (the process started anew and its server
answering, the frozen one continued, the vendor well) until a job that was sent in after that moment is complete. The
job goes to a vendor without a limit, through the API process that was hurt, or through any that runs.

Where another fault ended in between, the count begins at its end: what was waited for was that end too. (For a
worker, another of Redis or MongoDB: nothing else keeps the other workers from taking over.)
"""

import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from loadtest.chaos.journal import Journal
from loadtest.chaos.records import Accepted, short_hash
from loadtest.chaos.servers import Away, Books

VENDOR = "probe"
CLIENT = "anonymous"
PAYLOAD = b'{"productId":"PROBE"}'
BODY = b'{"vendorType":"%s","vendorPayload":%s}' % (VENDOR.encode(), PAYLOAD)
WAIT_SECONDS = 2  # then another job is sent: the first may be one that the fault itself has held up
AGAIN_SECONDS = 0.1
BOOKS_SECONDS = 0.5  # between two looks into MongoDB, which is the gateway's to use
LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 60.0
HELD_SECONDS = 4.0  # within a lease: later others have taken up what it held, and nothing is seen


class Probes:
    """
    Sends single jobs through each API process, one after the other, as long as somebody waits for one to complete.

    Each that was accepted is noted: they are on the ledger like all others.
    """

    def __init__(self, urls: Sequence[str], journal: Journal) -> None:
        self._urls = urls
        self._journal = journal
        self._http = httpx.AsyncClient(timeout=WAIT_SECONDS + 2)
        self._waiting = 0
        self._sent: dict[str, float] = dict.fromkeys(urls, 0.0)  # when the last was sent of those that completed
        self._streams: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._streams = [asyncio.create_task(self._stream(url)) for url in self._urls]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams:
            stream.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        await self._http.aclose()

    async def completed(self, url: str | None = None) -> float | None:
        """
        When a job is complete that is sent from now on; through `url` alone, where it is given.

        None when that takes too long.
        """
        began, urls = time.monotonic(), [url] if url else self._urls
        self._waiting += 1
        try:
            while all(self._sent[each] < began for each in urls):
                if time.monotonic() - began > GIVE_UP_SECONDS:
                    return None
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._waiting -= 1
        return time.monotonic()

    async def _stream(self, url: str) -> None:
        while True:
            if self._waiting:
                at = time.monotonic()
                if await self._completes(url):
                    self._sent[url] = at
            await asyncio.sleep(AGAIN_SECONDS)

    async def _completes(self, url: str) -> bool:
        key = uuid4().hex
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, "Prefer": f"wait={WAIT_SECONDS}"}
        try:
            answer = await self._http.post(f"{url}/jobs", content=BODY, headers=headers)
            told: dict[str, Any] = answer.json() if answer.status_code in {200, 202} else {}
        except (httpx.TransportError, json.JSONDecodeError):
            return False
        if "request_id" in told:
            self._note(key, told["request_id"])
        return told.get("status") == "complete"

    def _note(self, key: str, job: str) -> None:
        self._journal.write(Accepted(time.monotonic(), key, job, CLIENT, VENDOR, short_hash(PAYLOAD)))


def seconds_of_its_own(begin: float, recovered: float, others_ended: Iterable[float]) -> float:
    """From `begin`, or the last moment at which another fault ended before the gateway had recovered."""
    return recovered - max((moment for moment in others_ended if begin < moment < recovered), default=begin)


async def taken_over(worker: str, began: float, books: Books) -> float | None:
    """
    When nothing of what the worker held at `began` was left.

    None when MongoDB could not say what it held, or for too long not who has it now.
    """
    held = await _held(worker, began, books)
    left = held
    while left:
        if time.monotonic() - began > GIVE_UP_SECONDS:
            return None
        await asyncio.sleep(BOOKS_SECONDS)
        try:
            left = await books.untouched(left)
        except Away:
            continue
    return None if left is None else time.monotonic() if held else began


async def _held(worker: str, began: float, books: Books) -> dict[Any, int] | None:
    while time.monotonic() - began < HELD_SECONDS:
        try:
            return await books.held_by(worker)
        except Away:
            await asyncio.sleep(AGAIN_SECONDS)
    return None
