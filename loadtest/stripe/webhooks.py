"""
How Stripe tells: each event to each endpoint, signed, again until it is taken; and how it can be told to do it badly.

https://docs.stripe.com/webhooks: `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 over `t.body` with the endpoint's whole
secret; anything but a 2xx is tried again, for days there and for 45 seconds here.
"""

import asyncio
import hmac
import time
from collections.abc import Coroutine, Iterable
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Annotated

import msgspec

from loadtest.stripe.events import Event
from loadtest.vendors.deliveries import DeliveryLog, Message, Sender
from loadtest.vendors.misbehaviour import Count
from loadtest.vendors.signing import Signature
from loadtest.vendors.webhook_plans import Seconds, Times, WebhookPlan

_NOBODYS_SECRET = "whsec_that_nobody_was_ever_given"  # noqa: S105 - of forgeries
DEFAULT_AFTER_SECONDS = 0.05


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`events`: types that it hears of, `*` standing for anything."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)

    def hears(self, kind: str) -> bool:
        return any(fnmatchcase(kind, pattern) for pattern in self.events)


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How events of some types are delivered. The first plan that fits an event is its plan.

    `events`: for how many (None: for good). `never`: not at all. `early`: before the call that made it is answered.
    The others are as in `WebhookPlan`; `body` stands for the event's own.
    """

    types: tuple[str, ...] = ("*",)
    events: Count | None = None
    never: bool = False
    after: Seconds = DEFAULT_AFTER_SECONDS
    early: bool = False
    times: Times = 1
    at_once: Times = 1
    signature: Signature = "good"
    timestamp: Annotated[int, msgspec.Meta(ge=-10_000_000, le=10_000_000)] | str = 0
    body: str | None = None
    retried: bool = True

    def wire(self, kind: str) -> WebhookPlan:
        return WebhookPlan(
            say=kind,
            times=self.times,
            at_once=self.at_once,
            signature=self.signature,
            timestamp=self.timestamp,
            retried=self.retried,
        )


class StripeSigner:
    """Stripe's header, from the sender's side."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def headers(self, event: str, body: bytes, *, signature: Signature, timestamp: int | str) -> str:  # noqa: ARG002
        agent = "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
        if signature == "none":
            return agent
        moment = str(int(time.time()) + timestamp) if isinstance(timestamp, int) else timestamp
        secret = self._secret if signature == "good" else _NOBODYS_SECRET
        return f"{agent}Stripe-Signature: t={moment},v1={sign(secret, moment, body)}\r\n"


def sign(secret: str, moment: str, body: bytes) -> str:
    return hmac.new(secret.encode(), moment.encode("latin-1") + b"." + body, sha256).hexdigest()


class Webhooks:
    """The endpoints, the plans, and what is under way."""

    def __init__(self, log: DeliveryLog, endpoints: Iterable[Endpoint] = ()) -> None:
        self.endpoints = tuple(endpoints)
        self._plans: tuple[Plan, ...] = ()
        self._used: list[int] = []
        self._log = log
        self._under_way: set[asyncio.Task[None]] = set()

    def heard(self, kind: str) -> int:
        return sum(endpoint.hears(kind) for endpoint in self.endpoints)

    @property
    def plans(self) -> tuple[Plan, ...]:
        return self._plans

    def follow(self, plans: Iterable[Plan]) -> None:
        self._plans = tuple(plans)
        self._used = [0] * len(self._plans)

    def send(self, events: Iterable[Event]) -> list[asyncio.Task[None]]:
        """Begin to tell of them; answers what the call must wait for, if anything."""
        return [task for event in events for task in self._begin(event, self._plan_for(event.type))]

    def send_again(self, event: Event, plan: Plan) -> None:
        self._begin(event, plan)

    def _plan_for(self, kind: str) -> Plan:
        for number, plan in enumerate(self._plans):
            fits = any(fnmatchcase(kind, pattern) for pattern in plan.types)
            if fits and (plan.events is None or self._used[number] < plan.events):
                self._used[number] += 1
                return plan
        return Plan()

    def _begin(self, event: Event, plan: Plan) -> list[asyncio.Task[None]]:
        waited_for = []
        for endpoint in () if plan.never else self.endpoints:
            if not endpoint.hears(event.type):
                continue
            first_answer = asyncio.Event()
            self._spawn(self._tell(endpoint, event, plan, first_answer))
            if plan.early:
                waited_for.append(self._spawn(_wait(first_answer)))
        return waited_for

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _tell(self, endpoint: Endpoint, event: Event, plan: Plan, answered: asyncio.Event) -> None:
        await asyncio.sleep(0 if plan.early else plan.after)
        body = msgspec.json.encode(event) if plan.body is None else plan.body.encode()
        subject = msgspec.json.decode(event.data.object, type=_Subject)
        job = subject.metadata.get("job")
        message = Message("stripe", subject.id, job, endpoint.url, event.id, body, plan.wire(event.type))
        sender = Sender(StripeSigner(endpoint.secret), self._log, worth_repeating=_Taking(event).is_not_over)
        await sender.send(message, answered)


class _Subject(msgspec.Struct):
    id: str
    metadata: dict[str, str] = {}


class _Taking:
    """Whether one endpoint has taken an event; the event counts those that have not."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._taken = False

    def is_not_over(self, answered: int | str | None) -> bool:
        taken = isinstance(answered, int) and 200 <= answered < 300
        if taken and not self._taken:
            self._taken = True
            self._event.pending_webhooks = max(0, self._event.pending_webhooks - 1)
        return not taken


async def _wait(answered: asyncio.Event) -> None:
    await answered.wait()
