"""
How the simulated vendors send webhooks: signed, tried again like a good vendor's, and written down.

Each delivery has a connection of its own, as from a vendor with many senders: it is closed after the answer.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from loadtest.raw_http import Connection, connect, request_bytes
from loadtest.vendors.signing import Signature
from loadtest.vendors.webhook_plans import WebhookPlan

_CAPACITY = 200_000
_ANSWER_SECONDS = 15.0
# Waits between tries of one event: 45 s in all, where a real vendor takes days.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0)


class RecordedDelivery(msgspec.Struct, omit_defaults=True):
    """One POST to a callback; filled in when it is answered. `over`: the event is not sent again after it."""

    number: int
    vendor: str
    reference: str  # the vendor's id of the job
    request_id: str | None
    event: str
    say: str
    attempt: int
    at: float  # Unix time
    at_monotonic: float
    answered: int | str | None = None  # the status, "refused", "cut" or "silent"
    seconds: float | None = None
    over: bool = False


class DeliveryLog:
    """Bounded: beyond `capacity` the oldest are forgotten."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._kept: deque[RecordedDelivery] = deque(maxlen=capacity)
        self._numbered = 0

    def open(self, message: "Message", attempt: int) -> RecordedDelivery:
        self._numbered += 1
        delivery = RecordedDelivery(
            number=self._numbered,
            vendor=message.vendor,
            reference=message.reference,
            request_id=message.request_id,
            event=message.event,
            say=message.plan.say,
            attempt=attempt,
            at=time.time(),
            at_monotonic=time.monotonic(),
        )
        self._kept.append(delivery)
        return delivery

    def listed(
        self, *, vendor: str | None = None, since: int = 0, request_id: str | None = None
    ) -> Iterator[RecordedDelivery]:
        for delivery in self._kept:
            wanted = vendor in (None, delivery.vendor) and request_id in (None, delivery.request_id)
            if wanted and delivery.number > since:
                yield delivery

    def clear(self) -> None:
        self._kept.clear()


@dataclass(frozen=True, slots=True)
class Message:
    """One event of one job, to be posted to `callback`."""

    vendor: str
    reference: str
    request_id: str | None
    callback: str
    event: str
    body: bytes
    plan: WebhookPlan


class Signing(Protocol):
    def headers(self, event: str, body: bytes, *, signature: Signature, timestamp: int | str) -> str:
        """The header lines that sign `body`."""
        ...


def unanswered_or_refused_for_now(answered: int | str | None) -> bool:
    return not isinstance(answered, int) or answered == 429 or answered >= 500


class Sender:
    """`worth_repeating` says whether an event is sent again after such an answer; it is asked after each."""

    def __init__(
        self,
        signer: Signing,
        log: DeliveryLog,
        pauses: Sequence[float] = _PAUSES,
        *,
        worth_repeating: Callable[[int | str | None], bool] = unanswered_or_refused_for_now,
    ) -> None:
        self._signer = signer
        self._log = log
        self._pauses = pauses
        self._worth_repeating = worth_repeating

    async def send(self, message: Message, answered: asyncio.Event | None = None) -> None:
        """Deliver as the plan says; `answered` is set once the first tries were. Raises nothing."""
        for _ in range(message.plan.times):
            tries = [asyncio.create_task(self._deliver(message, number)) for number in range(message.plan.at_once)]
            await asyncio.gather(*tries)
            if answered is not None:
                answered.set()
            await asyncio.gather(*(self._insist(message, first.result()) for first in tries))

    async def _insist(self, message: Message, last: RecordedDelivery) -> None:
        """Send an event again that was not taken, as long as the schedule goes on."""
        for pause in chain(self._pauses, repeat(None)):
            if not self._worth_repeating(last.answered) or pause is None or not message.plan.retried:
                last.over = True
                return
            await asyncio.sleep(pause)
            last = await self._deliver(message, last.attempt)

    async def _deliver(self, message: Message, earlier: int) -> RecordedDelivery:
        plan = message.plan
        headers = self._signer.headers(message.event, message.body, signature=plan.signature, timestamp=plan.timestamp)
        delivery = self._log.open(message, earlier + 1)
        delivery.answered = await _post(message.callback, message.body, headers)
        delivery.seconds = time.monotonic() - delivery.at_monotonic
        return delivery


async def _post(callback: str, body: bytes, headers: str) -> int | str:
    address = urlsplit(callback)
    path = f"{address.path or '/'}{address.query and f'?{address.query}'}"
    connection: Connection | None = None
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            connection = await connect(callback)
            status, _ = await connection.exchange(request_bytes("POST", path, body, headers))
            return status
    except TimeoutError:
        return "silent"
    except OSError:
        return "refused" if connection is None else "cut"
    finally:
        if connection is not None:
            connection.close()
