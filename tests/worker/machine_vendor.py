"""A vendor that does to each call what the test says, and keeps a ledger of what it has really done."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.backoff import Backoff
from domain.errors import OutcomeUnknown
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.vendors import Call, VendorPolicy
from tests.worker.async_vendor import PlainReader
from tests.worker.machine_stage import acting

WORD_WITHIN = timedelta(minutes=20)  # how long a job waits for its webhook
Witness = Callable[["LedgerVendor", Call], Awaitable[int]]


@dataclass(frozen=True)
class Deed:
    """What becomes of a call that reaches the vendor: done | accept | busy | throttle | refuse; and is it `heard`?"""

    what: str = "done"
    heard: bool = True


def deeds() -> st.SearchStrategy[Deed]:
    return st.builds(Deed, st.sampled_from(["done", "accept", "busy", "throttle", "refuse"]), st.booleans())


@dataclass
class Effect:
    """Something that a vendor did, once. `word` is what came of it: done, failed, or nothing yet."""

    number: int
    vendor: str
    job: UUID
    key: str
    life: int  # attempts that were acknowledged by a retry before it
    reference: str | None = None
    word: str | None = None

    @property
    def stands(self) -> bool:
        return self.word != "failed"

    @property
    def result(self) -> dict[str, int]:
        return {"effect": self.number}

    def say(self, word: str) -> str:
        """The vendor's last word: the first one that was said stays."""
        self.word = self.word or word
        return self.word


@dataclass
class Ledger:
    effects: list[Effect] = field(default_factory=list)

    def of_key(self, key: str) -> Effect | None:
        return next((effect for effect in self.effects if effect.key == key), None)

    def of_job(self, job: UUID) -> list[Effect]:
        return [effect for effect in self.effects if effect.job == job]

    def accepted(self) -> list[Effect]:
        return [effect for effect in self.effects if effect.reference is not None]


class LedgerVendor:
    """A vendor that honours keys, if it is repeatable; sends webhooks, can be polled and told of cancels."""

    def __init__(self, name: str, ledger: Ledger, witness: Witness, **policy: Any) -> None:
        self.name = name
        self.policy = VendorPolicy(timeout=timedelta(hours=1), backoff=Backoff(1.0, 30.0), attempts=3, **policy)
        self.webhooks = PlainReader()
        self._ledger = ledger
        self._witness = witness

    async def call(self, call: Call) -> Outcome:
        return await self._answered(call, lambda deed, life: self._receive(call, deed, life))

    async def poll(self, call: Call, reference: str) -> Outcome:
        return await self._answered(call, lambda deed, _: self._tell(reference, deed))

    async def cancel(self, call: Call, reference: str) -> None:
        await self._answered(call, lambda _, __: Done("null"))

    async def _answered(self, call: Call, act: Callable[[Deed, int], Outcome]) -> Outcome:
        life = await self._witness(self, call)
        deed = await acting().pause(f"send {call.idempotency_key}")
        outcome = act(deed, life)
        await acting().pause("hear")
        if not deed.heard:
            raise OutcomeUnknown("no answer")
        return outcome

    def _receive(self, call: Call, deed: Deed, life: int) -> Outcome:
        if deed.what in {"busy", "throttle"}:
            after = timedelta(seconds=20) if deed.what == "throttle" else None
            return Retry("vendor_unavailable", "busy", after, closes_vendor=deed.what == "throttle")
        known = self._ledger.of_key(call.idempotency_key) if self.policy.repeatable else None
        return _answer(known or self._act(call, deed, life))

    def _act(self, call: Call, deed: Deed, life: int) -> Effect:
        number, key = len(self._ledger.effects) + 1, call.idempotency_key
        effect = Effect(number, self.name, call.request_id, key, life)
        if deed.what == "accept":
            effect.reference = f"ref-{number}"
        else:
            effect.say("done" if deed.what == "done" else "failed")
        self._ledger.effects.append(effect)
        return effect

    def _tell(self, reference: str, deed: Deed) -> Outcome:
        effect = next(effect for effect in self._ledger.accepted() if effect.reference == reference)
        words = {"done": "done", "refuse": "failed"}
        if deed.what in words:
            effect.say(words[deed.what])
        return _answer(effect) if effect.word is None else _last_word(effect)


def _answer(effect: Effect) -> Outcome:
    """What the call itself is answered: the same however often it comes."""
    if effect.reference is not None:
        return Waiting(effect.reference, datetime.now(UTC) + WORD_WITHIN, 202)
    return _last_word(effect)


def _last_word(effect: Effect) -> Outcome:
    if effect.word == "done":
        return Done(json.dumps(effect.result))
    return Failed("vendor_failed", "it says that it failed")
