"""
Where calls to the chaos vendors are taken: drawn a fate, acted on, written down, and only then answered.

The deed and its line in the journal come without a turn of the event loop between them: whenever the process is
killed, what it did is on record.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from uuid import uuid4

import msgspec

from loadtest.chaos.arrivals import TimedExchange
from loadtest.chaos.journal import Journal
from loadtest.chaos.records import CALL, Call, CallEnded, short_hash
from loadtest.chaos.tables import VENDORS
from loadtest.chaos.vendor_effects import Effect, Effects
from loadtest.chaos.vendor_faults import WELL, Faults, Treatment, verdict_on
from loadtest.chaos.vendor_webhooks import Herald
from loadtest.vendors.wire import Reply

_GARBAGE = b'{"effect": "who kn'
_WORK_SECONDS = 2.0  # that the polled vendor takes for a job
_EARLY_SECONDS = 2.0  # that a call's answer waits for the webhook which is to overtake it


class Desk:
    def __init__(self, journal: Journal, effects: Effects, faults: Faults, herald: Herald) -> None:
        self._journal = journal
        self._effects = effects
        self._faults = faults
        self._herald = herald
        self._ids = (f"{uuid4().hex[:8]}-{number}" for number in count(1))

    async def take_call(self, vendor: str, exchange: TimedExchange, *, out: bool) -> None:
        """`out`: the vendor is in an outage, and cuts every line before it reads."""
        call = _opened(next(self._ids), vendor, exchange)
        if call.operation != CALL or exchange.method == "GET":
            await self._answer_poll(call, exchange, out=out)
            return
        treatment = self._draw(call.vendor, out=out)
        with self._bounded(call, exchange):
            if treatment.how == "cut_before":
                self._journal.write(call)
                await exchange.cut()
                return
            body = (await exchange.read()).body
            await self._treat(call, short_hash(body), treatment, exchange)

    def _draw(self, vendor: str, *, out: bool) -> Treatment:
        if out:
            return Treatment("cut_before")
        return self._faults.draw() if VENDORS[vendor].faults else WELL

    async def _treat(self, call: Call, payload: str, treatment: Treatment, exchange: TimedExchange) -> None:
        known = self._effects.remembered(call.vendor, call.key)
        if known is not None and treatment.is_final_no:
            treatment = WELL  # it does not take back what it did
        if treatment.how == "refuse":
            refused = msgspec.structs.replace(call, payload=payload, answer=treatment.status)
            self._journal.write(refused)
            await _answer_late(exchange, _refusal(treatment), treatment)
            return
        effect = known or self._effects.make(call.vendor, call.job, call.key, payload, call.at)
        self._journal.write(_acted(call, effect, payload, treatment, made=known is None))
        await self._say(effect, treatment, exchange)

    async def _say(self, effect: Effect, treatment: Treatment, exchange: TimedExchange) -> None:
        later = VENDORS[effect.vendor].answers_later
        if VENDORS[effect.vendor].tells and (heard := self._herald.begin(effect)) is not None:
            await _at_most(heard, _EARLY_SECONDS)
        told = Reply(_receipt(effect), 202) if later else Reply(effect.result)
        match treatment.how:
            case "cut_after":
                await exchange.cut()
            case "midway":
                await exchange.begin(told, len(told.body))
                await exchange.go_on(told.body[: len(told.body) // 2], more=True)
                await exchange.pause(0.05)  # an abort throws away what the socket has not taken yet
                await exchange.cut()
            case "garbage":
                await _answer_late(exchange, Reply(_GARBAGE, told.status), treatment)
            case _:
                await _answer_late(exchange, told, treatment)

    async def _answer_poll(self, call: Call, exchange: TimedExchange, *, out: bool) -> None:
        """Polls are cut and refused as calls are; what they are told depends on when the job was taken."""
        treatment = self._draw(call.vendor, out=out)
        effect = self._effects.find(exchange.path.rpartition("/")[2])
        if treatment.how in {"cut_before", "cut_after", "midway"}:
            self._journal.write(call)
            await exchange.cut()
        elif treatment.how == "refuse" or effect is None:
            status = treatment.status or 404
            self._journal.write(msgspec.structs.replace(call, answer=status))
            await exchange.answer(Reply(b'{"error":"no word of it"}', status))
        elif treatment.how == "garbage":
            self._journal.write(msgspec.structs.replace(call, answer="garbage"))
            await exchange.answer(Reply(_GARBAGE))
        else:
            body, said = self._word_of(effect)
            told = msgspec.structs.replace(call, answer=200, said=said, reference=effect.reference)
            self._journal.write(told)
            await _answer_late(exchange, Reply(body), treatment)

    def _word_of(self, effect: Effect) -> tuple[bytes, str]:
        done = time.monotonic() - self._effects.began[effect.reference] >= _WORK_SECONDS
        said = verdict_on(self._faults.seed, effect.key) if done else "working"
        return effect.word(said), said

    @contextmanager
    def _bounded(self, call: Call, exchange: TimedExchange) -> Iterator[None]:
        """Note the end of the call, where calls at once are bounded."""
        try:
            yield
        finally:
            if VENDORS[call.vendor].concurrency is not None:
                self._journal.write(CallEnded(exchange.ended_at or time.monotonic(), call.id))


def _opened(number: str, vendor: str, exchange: TimedExchange) -> Call:
    key = exchange.headers.get(b"idempotency-key", b"").decode("latin-1")
    parts = key.split(":")
    operation, generation = (parts[1], int(parts[2])) if len(parts) == 3 and parts[2].isdecimal() else ("", 0)
    job = exchange.headers.get(b"x-request-id", b"").decode("latin-1")
    at = exchange.at_monotonic
    return Call(at, number, vendor, job, key, operation, generation, answer="cut", read=False)


def _acted(call: Call, effect: Effect, payload: str, treatment: Treatment, *, made: bool) -> Call:
    later = VENDORS[call.vendor].answers_later
    answers: dict[str, int | str] = {"cut_after": "cut", "midway": "midway", "garbage": "garbage"}
    return msgspec.structs.replace(
        call,
        read=True,
        effect=effect.number,
        made=made,
        payload=payload,
        result=effect.result_hash,
        reference=effect.reference if later else None,
        answer=answers.get(treatment.how, 202 if later else 200),
    )


def _receipt(effect: Effect) -> bytes:
    return msgspec.json.encode({"id": effect.reference, "status": "accepted"})


def _refusal(treatment: Treatment) -> Reply:
    said = () if treatment.retry_after is None else ((b"retry-after", treatment.retry_after.encode()),)
    return Reply(b'{"error":"the chaos vendor will not"}', treatment.status, headers=said)


async def _answer_late(exchange: TimedExchange, reply: Reply, treatment: Treatment) -> None:
    if not treatment.seconds or await exchange.pause(treatment.seconds):
        await exchange.answer(reply)


async def _at_most(heard: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(heard.wait(), seconds)
    except TimeoutError:
        return
