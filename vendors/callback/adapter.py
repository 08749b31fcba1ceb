"""
Callbacks: a client is told that its job has ended, by a signed POST to the URL that it gave.

Docs: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
Quirk: the "vendor" is many strangers: no answer of one closes it for the others, and limits are by host.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from domain.backoff import Pauses
from domain.callbacks import SCHEDULE, TRIES, VENDOR, Delivery, HostLimit
from domain.outcomes import Failed, Outcome, Retry
from domain.vendors import Call, VendorPolicy
from vendors.callback.settings import CallbackSettings
from vendors.callback.turns import Turns
from vendors.callback.wire import host_of, read_answer, read_url, signed_headers
from vendors.errors import NotSent, Unsendable
from vendors.guarded import AddressRefused
from vendors.http import VendorHttp, VendorRequest

TIMEOUT = timedelta(seconds=15)
MAX_REPLY_BYTES = 16 * 1024
FOR_EVER = timedelta(days=3650)  # receivers know an event by its id: asking again is safe at any time

# One text for every reason, or it would tell what our resolver and network see.
REFUSED = Failed("callback_refused", "The callback_url leads to no public address over https; nothing was sent.")

Clock = Callable[[], datetime]


def policy_of(schedule: Pauses = SCHEDULE) -> VendorPolicy:
    return VendorPolicy(
        attempts=TRIES, backoff=schedule, timeout=TIMEOUT, repeatable=True, key_lifetime=FOR_EVER, breaker=False
    )


class Callback:
    """A `domain.vendors.Vendor`. Its payload is a `domain.callbacks.Delivery`, which no client can submit."""

    name = VENDOR

    def __init__(
        self,
        http: VendorHttp,
        settings: CallbackSettings,
        limit: HostLimit,
        *,
        schedule: Pauses = SCHEDULE,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`http` must dial public addresses only, unless the settings allow others. `clock` dates the signatures."""
        self.policy = policy_of(schedule)
        self._http = http
        self._settings = settings
        self._limit = limit
        self._clock = clock
        self._turns = Turns(clock=clock, slots=settings.slots)

    async def call(self, call: Call) -> Outcome:
        """Deliver once. Raises `NotNow` when the receiver has enough to do, `OutcomeUnknown` when it may have heard."""
        delivery = msgspec.json.decode(call.payload, type=Delivery)
        url = read_url(delivery.url, allow_private=self._settings.allow_private)
        if url is None:
            return REFUSED
        host = host_of(url)
        with self._turns.take(host):
            until = await self._limit.take(host)
            if until is not None:
                raise self._turns.not_now(host, until)
            return await self._deliver(delivery, url, call)

    async def _deliver(self, delivery: Delivery, url: httpx.URL, call: Call) -> Outcome:
        headers = signed_headers(delivery, self._settings.key_of(delivery.client), self._clock())
        request = VendorRequest("POST", url, headers, bytes(delivery.body), head_tells=True)
        try:
            reply = await self._http.send(request, call, max_bytes=MAX_REPLY_BYTES)
        except AddressRefused:
            return REFUSED
        except NotSent as error:
            return Retry("callback_unreachable", error.detail)
        except Unsendable as error:
            return Failed(error.code, error.detail)
        return read_answer(reply, reply.received_at)
