"""
A vendor's desk: every call passes here, is written down, and is treated as told.

A call may be told how by the control route, for all of a vendor's calls, or by the request
itself: `"simulate": {…}` in an object payload takes the same script, counted per
Idempotency-Key, so that "fail twice, then succeed" holds for one job over its attempts.
"""

from collections import OrderedDict

import msgspec

from loadtest.vendors.idempotency import RememberedReplies
from loadtest.vendors.ledger import Ledger, RecordedCall
from loadtest.vendors.misbehaviour import Behaviour, Normal
from loadtest.vendors.registry import SimulatedVendor
from loadtest.vendors.script import NORMAL, pick, read_script
from loadtest.vendors.wire import Exchange, Reply, Request, TooLarge

_MOST_COUNTED_JOBS = 100_000


class _Told(msgspec.Struct):
    simulate: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class VendorDesk:
    def __init__(self, vendor: SimulatedVendor, ledger: Ledger) -> None:
        self.replies = RememberedReplies()
        self.script: tuple[Behaviour, ...] = ()
        self._vendor = vendor
        self._ledger = ledger
        self._calls = 0  # since the script was set
        self._calls_of_job: OrderedDict[str, int] = OrderedDict()

    def follow(self, script: tuple[Behaviour, ...]) -> None:
        """Treat the calls from now on by `script`; an empty one means well."""
        self.script = script
        self._calls = 0

    async def take_call(self, exchange: Exchange) -> None:
        call = self._ledger.open(self._vendor.name, exchange)
        behaviour = pick(self.script, self._calls)
        self._calls += 1
        try:
            await self._treat(call, behaviour, exchange)
        except TooLarge:
            await exchange.answer(Reply(b'{"error":"the body is too large"}', 413))
        except msgspec.DecodeError as fault:
            await exchange.answer(Reply(msgspec.json.encode({"error": f"simulate: {fault}"}), 400))
        finally:
            self._ledger.close(call, exchange.answered)

    async def _treat(self, call: RecordedCall, behaviour: Behaviour, exchange: Exchange) -> None:
        if behaviour.reads:
            request = await exchange.read()
            self._ledger.keep_body(call, request)
            if isinstance(behaviour, Normal) and b'"simulate"' in request.body:
                behaviour = self._told_by(request, call)
            if behaviour.acts:
                exchange.due = await self._act_once(request, call, behaviour)
        if exchange.due.status >= 400:  # the vendor's own refusal stands
            behaviour = NORMAL
        await behaviour.play(exchange)

    async def _act_once(self, request: Request, call: RecordedCall, behaviour: Behaviour) -> Reply:
        first = None if request.method == "GET" else self.replies.find(call.idempotency_key)
        if first is not None:
            call.replayed = True
            return first
        reply = await self._vendor.act(request)
        self.replies.remember(call.idempotency_key, reply)
        call.effect = reply.acted
        if reply.later is not None and (before_the_answer := reply.later(behaviour.webhooks)) is not None:
            await before_the_answer.wait()
        return reply

    def _told_by(self, request: Request, call: RecordedCall) -> Behaviour:
        try:
            told = msgspec.json.decode(request.body, type=_Told).simulate
        except msgspec.DecodeError:  # no object, or no JSON: the vendor's to answer
            return NORMAL
        if not told:
            return NORMAL
        script = read_script(bytes(told))
        job = call.idempotency_key or call.request_id or call.body_sha256 or ""
        nth = self._calls_of_job.get(job, 0)
        self._calls_of_job[job] = nth + 1
        if len(self._calls_of_job) > _MOST_COUNTED_JOBS:
            self._calls_of_job.popitem(last=False)
        return pick(script, nth)
