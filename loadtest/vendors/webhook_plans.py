"""
What an async vendor can be told about the webhooks of one job: one `WebhookPlan` an event, played one after the other.

`{"webhook": {"after": 3}}` beside a behaviour's `mode` is one late webhook, `{"webhook": []}` none at all, and
`{"webhook": [{"say": "complete"}, {"say": "processing"}]}` a progress report that comes after the end.
"""

from typing import Annotated, Literal

import msgspec

from loadtest.vendors.signing import Signature

COMPLETE = "complete"
FAILED = "failed"
ENDS = frozenset({COMPLETE, FAILED})

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Times = Annotated[int, msgspec.Meta(ge=1, le=200)]
Member = Literal["id", "event_id", "status", "metadata", "report", "message"]


class WebhookPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One event and how it is delivered.

    `after`: seconds since the one before, or since the call. `early`: the call is answered only after the event
    was. `times`: one delivery after the other; `at_once`: so many each time, each on a connection of its own.
    """

    say: str = COMPLETE
    after: Seconds | None = None  # 0.2, or 0 for an early one
    early: bool = False
    times: Times = 1
    at_once: Times = 1
    signature: Signature = "good"
    timestamp: int | str = 0  # seconds from now, or text as it stands
    event: str | None = None  # an id of its own; the same one with another body is a conflict
    without: tuple[Member, ...] = ()
    body: str | None = None  # as it stands, instead of what the vendor promises
    size: Annotated[int, msgspec.Meta(ge=0, le=16 * 1024 * 1024)] = 0  # at least so many bytes
    retried: bool = True  # as a good vendor does where it got no answer, 429 or 5xx

    @property
    def pause_seconds(self) -> float:
        return self.after if self.after is not None else 0.0 if self.early else 0.2


WELL_BEHAVED = (WebhookPlan(),)
