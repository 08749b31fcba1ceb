"""
What the journals of a chaos run hold: one JSON object a line, told apart by `k`.

`at` is CLOCK_MONOTONIC, which all processes of one machine share; `wall` is Unix time. A hash is the first sixteen
hexadecimal digits of a SHA-256: long enough that two of a run's texts never share one.
"""

from hashlib import sha256

import msgspec

CALL, POLL = "call", "poll"  # operations, as the gateway spells them in its keys


def short_hash(text: bytes) -> str:
    return sha256(text).hexdigest()[:16]


class Record(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="k"):
    """One line."""


class Call(Record, frozen=True, tag="call"):
    """
    A call that reached a vendor, written before it is answered.

    `effect` numbers what the vendor did for it, now (`made`) or for an earlier call of the same key. `answer` is
    what it was going to be told: a status, "cut" (nothing at all), "midway" (half of it) or "garbage".
    """

    at: float  # when its first bytes came in, by the kernel's count
    id: str
    vendor: str
    job: str
    key: str
    operation: str
    generation: int
    answer: int | str
    read: bool = True  # False: the line was cut before the body was looked at
    effect: int | None = None
    made: bool = False
    payload: str | None = None  # hash of the request's body
    result: str | None = None  # hash of the result that goes with the effect
    reference: str | None = None  # of a vendor that answers later
    said: str | None = None  # of a poll: the status that it was told


class CallEnded(Record, frozen=True, tag="ended"):
    """The vendor is done with a call, or its caller is gone. Only where calls at once are bounded."""

    at: float
    id: str


def said_yes(answered: int | str) -> bool:
    """Whether this was a 2xx; a word says how there was no answer."""
    return isinstance(answered, int) and 200 <= answered < 300


class Sent(Record, frozen=True, tag="sent"):
    """One delivery of a webhook, and what the gateway answered: a status, or "refused", "cut", "silent"."""

    at: float
    wall: float
    vendor: str
    job: str
    reference: str
    event: str
    say: str
    answered: int | str
    forged: bool = False
    result: str | None = None

    @property
    def taken(self) -> bool:
        return said_yes(self.answered)


class Mode(Record, frozen=True, tag="mode"):
    """From now on the vendors have faults, or none."""

    at: float
    calm: bool


class Accepted(Record, frozen=True, tag="accepted"):
    """A 2xx to a submission, written when its answer was read."""

    at: float
    key: str  # the Idempotency-Key
    job: str
    client: str
    vendor: str
    payload: str
    callback: bool = False


class KeyBroken(Record, frozen=True, tag="key_broken"):
    """One Idempotency-Key was answered with two jobs."""

    at: float
    key: str
    first: str
    second: str


class Asked(Record, frozen=True, tag="asked"):
    """
    A client's cancel or retry of a job, and what it was answered: a status, or how the connection ended.

    `began` is when the request was sent: it took effect between the two, if it did.
    """

    began: float
    at: float
    what: str  # "cancel" or "retry"
    job: str
    answered: int | str

    @property
    def may_have_worked(self) -> bool:
        """A connection that was refused carried nothing; any other that broke may have."""
        if not isinstance(self.answered, int):
            return self.answered != "refused"
        return self.answered < 300 or self.answered >= 500

    @property
    def worked(self) -> bool:
        return said_yes(self.answered)


class Seen(Record, frozen=True, tag="seen"):
    """A sampled job whose status was another than at the look before. `status` is "missing" for a 404."""

    began: float
    at: float
    job: str
    status: str


class LoadOver(Record, frozen=True, tag="load_over"):
    """The last line of a load."""

    began: float
    at: float
    given_up: int  # submissions that nobody had accepted when the time was up
    answers: dict[str, int]  # by "POST /jobs 503", "POST /jobs reset", …


class Delivered(Record, frozen=True, tag="delivered"):
    """One callback as the receiver got it, and what it answered. `signed`: by whom it should be."""

    at: float
    event: str
    job: str
    status: str
    signed: bool
    answered: int


AnyRecord = Call | CallEnded | Sent | Mode | Accepted | KeyBroken | Asked | Seen | LoadOver | Delivered
