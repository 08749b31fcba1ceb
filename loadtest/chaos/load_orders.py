"""What the clients of a chaos run want: a seeded mix of jobs, and what each client will do about its own afterwards."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from loadtest.chaos.records import short_hash
from loadtest.chaos.tables import VENDORS

ANONYMOUS, ADMIN = "anonymous", "admin"

_PRIORITIES = (None, None, None, "normal", "high", "low")
_CALLBACK_SHARE = 0.15
_LATER_SHARE = 0.05
_CANCEL_SHARE = 0.06
_WATCHED_SHARE = 0.25
_REPEATED_SHARE = 0.03
_LONGEST_BATCH = 40


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`jobs` over `seconds`. With `admin_key`, the gateway's bootstrap key, a third of the jobs are that client's."""

    jobs: int
    seconds: float
    seed: int
    callback_url: str
    admin_key: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """
    One job to be had. Its body is made once and sent as often as it takes.

    `cancel_after`: seconds after its acceptance. `repeat_after`: it is submitted once more then, under its key.
    """

    key: str
    client: str
    vendor: str
    body: Mapping[str, Any]
    payload: str  # its hash
    wait: int | None = None
    cancel_after: float | None = None
    repeat_after: float | None = None
    watched: bool = False

    @property
    def has_callback(self) -> bool:
        return "callback_url" in self.body

    @property
    def text(self) -> bytes:
        return spelt(self.body)


def spelt(value: object) -> bytes:
    """As this client writes JSON. The gateway hands payloads on byte for byte, so it matters."""
    return json.dumps(value, separators=(",", ":")).encode()


class Mix:
    """Draws orders, in bunches of those that are submitted together."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._random = Random(f"load:{plan.seed}")
        self._names = [vendor.name for vendor in VENDORS.values()]
        self._shares = [vendor.share for vendor in VENDORS.values()]

    def bunches(self) -> Iterator[tuple[Order, ...]]:
        """One order is a `POST /jobs`, several of one client a batch."""
        left = self._plan.jobs
        while left > 0:
            size = self._random.randint(2, _LONGEST_BATCH) if self._random.random() < 0.02 else 1
            client = ADMIN if self._plan.admin_key and self._random.random() < 1 / 3 else ANONYMOUS
            yield tuple(self._order(client) for _ in range(min(size, left)))
            left -= size

    def _order(self, client: str) -> Order:
        random = self._random
        vendor = random.choices(self._names, self._shares)[0]
        payload = {"order": random.getrandbits(48), "text": "x" * random.randrange(200), "none": None}
        return Order(
            key=str(UUID(int=random.getrandbits(128), version=4)),
            client=client,
            vendor=vendor,
            body={"vendorType": vendor, "vendorPayload": payload, **dict(self._wishes())},
            payload=short_hash(spelt(payload)),
            wait=random.randint(1, 5) if random.random() < 0.05 else None,
            cancel_after=random.uniform(0, min(8.0, self._plan.seconds / 4))
            if random.random() < _CANCEL_SHARE
            else None,
            repeat_after=random.uniform(0, min(8.0, self._plan.seconds / 4))
            if random.random() < _REPEATED_SHARE
            else None,
            watched=random.random() < _WATCHED_SHARE,
        )

    def _wishes(self) -> Iterator[tuple[str, object]]:
        random = self._random
        priority = random.choice(_PRIORITIES)
        if priority is not None:
            yield "priority", priority
        if random.random() < _CALLBACK_SHARE:
            yield "callback_url", f"{self._plan.callback_url}/callbacks"
        if random.random() < _LATER_SHARE:  # late enough that a submission held up by a fault still comes before it
            yield "run_at", (datetime.now(UTC) + timedelta(seconds=random.uniform(25, 45))).isoformat()
