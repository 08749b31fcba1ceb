"""
What the chaos vendors have done: one effect a key where keys are honoured, one a request where they are not.

A vendor that was killed reads its journal when it starts: it remembers its keys, as a good vendor's database would.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from loadtest.chaos.records import AnyRecord, Call, Mode, Sent, short_hash
from loadtest.chaos.tables import VENDORS


@dataclass(frozen=True, slots=True)
class Effect:
    """Something done for a job. Its result is a function of it, so that it need not be kept."""

    vendor: str
    number: int
    job: str
    key: str
    payload: str

    @property
    def reference(self) -> str:
        return f"{self.vendor}-{self.number}"

    @property
    def result(self) -> bytes:
        """JSON, which names the effect: no two have one result."""
        return f'{{"effect":"{self.reference}","job":"{self.job}","payload":"{self.payload}"}}'.encode()

    @property
    def result_hash(self) -> str:
        return short_hash(self.result)

    def word(self, said: str, *, names_job: bool = True) -> bytes:
        """What the vendor says of the job, in a webhook or when it is asked."""
        told: dict[str, object] = {"id": self.reference, "status": said}
        if names_job:
            told["job"] = self.job
        if said == "complete":
            told["report"] = msgspec.Raw(self.result)
        elif said == "failed":
            told["message"] = "the chaos vendor says no"
        return msgspec.json.encode(told)


class Effects:
    """`unsaid`: what is still to be told by webhook; `began` has when the call for an effect came in."""

    def __init__(self) -> None:
        self.unsaid: dict[str, Effect] = {}
        self.began: dict[str, float] = {}
        self._of_key: dict[str, Effect] = {}
        self._of_reference: dict[str, Effect] = {}
        self._numbered = 0

    def remembered(self, vendor: str, key: str) -> Effect | None:
        """What was done for this key before; nothing at a vendor that does not honour keys."""
        return self._of_key.get(key) if VENDORS[vendor].honours_keys else None

    def make(self, vendor: str, job: str, key: str, payload: str, at: float) -> Effect:
        return self._keep(Effect(vendor, self._numbered + 1, job, key, payload), at)

    def find(self, reference: str) -> Effect | None:
        return self._of_reference.get(reference)

    def told(self, reference: str) -> None:
        self.unsaid.pop(reference, None)

    def _keep(self, effect: Effect, at: float) -> Effect:
        self._numbered = effect.number
        self._of_key[effect.key] = effect
        vendor = VENDORS[effect.vendor]
        if vendor.answers_later:
            self._of_reference[effect.reference] = effect
            self.began[effect.reference] = at
        if vendor.tells:
            self.unsaid[effect.reference] = effect
        return effect

    def restore(self, records: Iterable[AnyRecord]) -> Iterator[Mode]:
        """Everything as the journal has it; answers the changes of mode in it."""
        for record in records:
            match record:
                case Call(made=True, effect=int(number)):
                    made = Effect(record.vendor, number, record.job, record.key, record.payload or "")
                    self._keep(made, record.at)
                case Sent(taken=True, forged=False) if record.say != "working":
                    self.told(record.reference)
                case Mode():
                    yield record
                case _:
                    pass
