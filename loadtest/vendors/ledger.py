"""
The ledger: every call that a simulated vendor got, when, under which keys, and what it answered.

Bounded: beyond `capacity` the oldest calls are forgotten and counted as such. Whole bodies
are kept for the last hundred only; of every call there is the SHA-256. `at_monotonic` is
CLOCK_MONOTONIC, which all processes of one machine share.
"""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice

import msgspec

from loadtest.vendors.wire import Exchange, Request

_CAPACITY = 200_000
_BODIES = 100


class RecordedCall(msgspec.Struct, omit_defaults=True):
    """One call; filled in as it goes on. No `answered` yet: it is in flight. No `effect`: nothing was done for it."""

    number: int
    vendor: str
    method: str
    path: str
    at: float  # Unix time of arrival: the request's first bytes
    at_monotonic: float
    idempotency_key: str | None = None
    request_id: str | None = None
    traceparent: str | None = None
    body_sha256: str | None = None
    effect: bool = False
    replayed: bool = False
    answered: int | str | None = None  # the status, "cut" or "client gone"
    seconds: float | None = None


class Stats(msgspec.Struct):
    calls: int
    effects: int
    distinct_keys: int
    in_flight: int
    max_in_flight: int
    worst_window: int  # the most calls that arrived within any one window
    window_seconds: float
    forgotten: int


class Ledger:
    def __init__(self, capacity: int = _CAPACITY, bodies: int = _BODIES) -> None:
        self._capacity = capacity
        self._most_bodies = bodies
        self._numbered = 0
        self._in_flight: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Forget every call; numbers go on, and calls that are open now are not listed when they end."""
        self._calls: deque[RecordedCall] = deque()
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self._peaks: Counter[str] = Counter(self._in_flight)
        self._forgotten = 0

    def open(self, vendor: str, exchange: Exchange) -> RecordedCall:
        self._numbered += 1
        headers = exchange.headers
        call = RecordedCall(
            number=self._numbered,
            vendor=vendor,
            method=exchange.method,
            path=exchange.path,
            at=exchange.at,
            at_monotonic=exchange.at_monotonic,
            idempotency_key=_text(headers.get(b"idempotency-key")),
            request_id=_text(headers.get(b"x-request-id")),
            traceparent=_text(headers.get(b"traceparent")),
        )
        self._calls.append(call)
        if len(self._calls) > self._capacity:
            self._calls.popleft()
            self._forgotten += 1
        self._in_flight[vendor] += 1
        self._peaks[vendor] = max(self._peaks[vendor], self._in_flight[vendor])
        return call

    def keep_body(self, call: RecordedCall, request: Request) -> None:
        call.body_sha256 = sha256(request.body).hexdigest()
        self._bodies[call.number] = request.body
        if len(self._bodies) > self._most_bodies:
            self._bodies.popitem(last=False)

    def close(self, call: RecordedCall, answered: int | str | None) -> None:
        call.answered = answered
        call.seconds = time.monotonic() - call.at_monotonic
        self._in_flight[call.vendor] -= 1

    def calls(
        self, *, vendor: str | None = None, since: int = 0, request_id: str | None = None
    ) -> Iterator[RecordedCall]:
        """The calls with a number above `since`, oldest first."""
        first = self._calls[0].number if self._calls else 0
        for call in islice(self._calls, max(0, since - first + 1), None):
            if vendor in (None, call.vendor) and request_id in (None, call.request_id):
                yield call

    def body(self, number: int) -> bytes | None:
        return self._bodies.get(number)

    def stats(self, *, vendor: str | None = None, window_seconds: float = 1.0) -> Stats:
        calls = list(self.calls(vendor=vendor))
        names = [vendor] if vendor is not None else list(self._peaks)
        return Stats(
            calls=len(calls),
            effects=sum(call.effect for call in calls),
            distinct_keys=len({call.idempotency_key for call in calls} - {None}),
            in_flight=sum(self._in_flight[name] for name in names),
            max_in_flight=sum(self._peaks[name] for name in names),
            worst_window=worst_window(sorted(call.at_monotonic for call in calls), window_seconds),
            window_seconds=window_seconds,
            forgotten=self._forgotten,
        )


def worst_window(times: Iterable[float], window_seconds: float) -> int:
    """The most of `times` (ascending) that lie within one half-open window, wherever it begins."""
    inside: deque[float] = deque()
    worst = 0
    for moment in times:
        inside.append(moment)
        while moment - inside[0] >= window_seconds:
            inside.popleft()
        worst = max(worst, len(inside))
    return worst


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
