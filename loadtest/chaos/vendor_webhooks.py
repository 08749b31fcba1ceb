"""
The webhooks of the chaos vendors: signed, and sent until somebody takes them, through whichever receiver answers.

Standard Webhooks 1.0 tells a sender to try again for days; here the pauses are short and there is no end.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import count

import aiohttp

from loadtest.chaos.journal import Journal
from loadtest.chaos.records import Sent
from loadtest.chaos.vendor_effects import Effect, Effects
from loadtest.chaos.vendor_faults import Delivery, Faults, deliveries_for
from loadtest.vendors.signing import Signature, Signer

_ANSWER_SECONDS = 8.0
_PAUSES = (0.3, 0.6, 1.0, 2.0, 3.0)  # then the last for ever
_MOST_AT_ONCE = 64
_JSON = {"Content-Type": "application/json"}


class Herald:
    """Tells of effects in the background."""

    def __init__(self, urls: Sequence[str], signer: Signer, journal: Journal, effects: Effects, faults: Faults) -> None:
        self._urls = tuple(urls)
        self._signer = signer
        self._journal = journal
        self._effects = effects
        self._faults = faults
        self._at_work: set[asyncio.Task[None]] = set()
        self._begun: set[str] = set()
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def begin(self, effect: Effect) -> asyncio.Event | None:
        """Tell of an effect, once; answers what is set when an early event was tried, if there is one."""
        if effect.reference in self._begun or effect.reference not in self._effects.unsaid:
            return None
        self._begun.add(effect.reference)
        plan = deliveries_for(self._faults.seed, effect.key, calm=self._faults.calm)
        tried = asyncio.Event() if any(one.early for one in plan) else None
        for delivery in plan:
            working = asyncio.create_task(self._deliver(effect, delivery, tried))
            self._at_work.add(working)
            working.add_done_callback(self._at_work.discard)
        return tried

    async def _deliver(self, effect: Effect, delivery: Delivery, tried: asyncio.Event | None) -> None:
        await asyncio.sleep(delivery.after_seconds)
        if delivery.forged:
            await self._post(effect, delivery, forged=True, url=self._urls[0])
        insisting = [asyncio.create_task(self._insist(effect, delivery, nth, tried)) for nth in range(delivery.times)]
        await asyncio.gather(*insisting)

    async def _insist(self, effect: Effect, delivery: Delivery, nth: int, tried: asyncio.Event | None) -> None:
        for attempt in count():
            taken = await self._post(effect, delivery, url=self._urls[(attempt + nth) % len(self._urls)])
            if tried is not None:
                tried.set()
            if taken:
                break
            await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
        if delivery.say != "working":
            self._effects.told(effect.reference)

    async def _post(self, effect: Effect, delivery: Delivery, *, url: str, forged: bool = False) -> bool:
        """One delivery; whether it was taken. A forger says the opposite, under an id of his own."""
        say = delivery.say if not forged else "failed" if delivery.say == "complete" else "complete"
        event = f"msg_{effect.reference}_{say}{'_forged' * forged}"
        body = effect.word(say, names_job=delivery.names_job)
        async with self._turns:
            answered = await self._answer_to(f"{url}/webhooks/{effect.vendor}", event, body, forged=forged)
        result = effect.result_hash if say == "complete" else None
        sent = Sent(
            at=time.monotonic(),
            wall=time.time(),
            vendor=effect.vendor,
            job=effect.job,
            reference=effect.reference,
            event=event,
            say=say,
            answered=answered,
            forged=forged,
            result=result,
        )
        self._journal.write(sent)
        return sent.taken

    async def _answer_to(self, url: str, event: str, body: bytes, *, forged: bool) -> int | str:
        signature: Signature = "forged" if forged else "good"
        lines = self._signer.headers(event, body, signature=signature, timestamp=0)
        headers = dict(line.split(": ", 1) for line in lines.splitlines())
        try:
            async with self._opened().post(url, data=body, headers=headers | _JSON) as answer:
                return answer.status
        except aiohttp.ClientConnectorError:
            return "refused"
        except TimeoutError:
            return "silent"
        except (aiohttp.ClientError, OSError):
            return "cut"

    def _opened(self) -> aiohttp.ClientSession:
        """Opened by the first webhook: aiohttp wants a running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS), connector=aiohttp.TCPConnector(force_close=True)
            )
        return self._session

    async def close(self) -> None:
        """Say no more; what is unsaid stays in the journal."""
        for working in list(self._at_work):
            working.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
