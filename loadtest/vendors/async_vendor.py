"""
The simulated async vendor: takes a job, and says later by webhook what came of it.

`POST /async` with any JSON value answers 202 with the vendor's own id. Of an object it reads `callback` (where
to tell; without it the vendor can only be asked), `metadata.job` (our id, given back) and `productId`.
`GET /async/{id}` says how the job stands.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import msgspec

from loadtest.vendors.deliveries import Message, Sender
from loadtest.vendors.signing import fresh_id
from loadtest.vendors.webhook_plans import COMPLETE, ENDS, FAILED, WebhookPlan
from loadtest.vendors.wire import Reply, Request

_MOST_REPORTS = 200_000
_LONGEST_SUBJECT = 200  # a webhook of over 1 MiB is not what a client orders by its payload
_NOTHING = msgspec.Raw(b"null")


class _Metadata(msgspec.Struct):
    job: str | None = None


class _Order(msgspec.Struct):
    """What is looked at; the rest of the payload is skipped, whatever it is."""

    callback: str | None = None
    metadata: msgspec.Raw = _NOTHING
    product_id: msgspec.Raw = msgspec.field(name="productId", default=_NOTHING)


@dataclass(slots=True)
class _Report:
    """One job of the vendor's. `status` changes while it works."""

    id: str
    job: str | None  # our id as the metadata has it, given back
    request_id: str | None  # our id as the ledger knows it
    order: _Order
    status: str = "accepted"

    def members(self, status: str) -> dict[str, object]:
        told: dict[str, object] = {"id": self.id, "status": status, "metadata": {"job": self.job}}
        if status == COMPLETE:
            subject = _subject(self.order.product_id)
            told["report"] = {
                "vendor": "asyncVendor",
                "data": f"Processed async data for {subject}" if subject else "Processed async data",
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
        elif status == FAILED:
            told["message"] = "told to fail"
        return told


class AsyncVendor:
    """A `SimulatedVendor`."""

    name = "async"

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._order = msgspec.json.Decoder(_Order)
        self._reports: OrderedDict[str, _Report] = OrderedDict()
        self._at_work: set[asyncio.Task[None]] = set()

    async def act(self, request: Request) -> Reply:
        if request.path != "/async":
            return self._show(request)
        if request.method != "POST":
            return Reply(b'{"error":"method not allowed"}', 405, headers=((b"allow", b"POST"),))
        try:
            return self._accept(request)
        except msgspec.ValidationError as fault:
            return Reply(msgspec.json.encode({"error": str(fault)}), 422)
        except (msgspec.DecodeError, RecursionError):
            return Reply(b'{"error":"the body is not JSON"}', 400)

    def _accept(self, request: Request) -> Reply:
        order = self._read(request.body)
        if order.callback is not None and urlsplit(order.callback).scheme != "http":
            return Reply(b'{"error":"callback: the simulated vendor posts to http:// only"}', 422)
        job = _job(order.metadata)
        report = _Report(fresh_id("rep"), job, job or request.header(b"x-request-id"), order)
        self._reports[report.id] = report
        if len(self._reports) > _MOST_REPORTS:
            self._reports.popitem(last=False)
        body = msgspec.json.encode({"id": report.id, "status": report.status})
        return Reply(body, 202, acted=True, later=partial(self._begin, report))

    def _read(self, body: bytes) -> _Order:
        if body.lstrip()[:1] == b"{":
            return self._order.decode(body)
        msgspec.json.decode(body, type=msgspec.Raw)
        return _Order()

    def _begin(self, report: _Report, plans: Sequence[WebhookPlan]) -> asyncio.Event | None:
        """Work on the job in the background; answers what to wait for before the call is answered, if anything."""
        last_early = max((number for number, plan in enumerate(plans, 1) if plan.early), default=0)
        heard = asyncio.Event() if last_early and report.order.callback else None
        working = asyncio.create_task(self._work(report, plans, last_early, heard))
        self._at_work.add(working)
        working.add_done_callback(self._at_work.discard)
        return heard

    async def _work(
        self, report: _Report, plans: Sequence[WebhookPlan], last_early: int, heard: asyncio.Event | None
    ) -> None:
        for number, plan in enumerate(plans, 1):
            await asyncio.sleep(plan.pause_seconds)
            if report.status not in ENDS:
                report.status = plan.say
            if (message := _message(report, plan)) is not None:
                await self._sender.send(message, heard if number == last_early else None)
        if not plans:
            await asyncio.sleep(WebhookPlan().pause_seconds)
            report.status = COMPLETE

    def _show(self, request: Request) -> Reply:
        report = self._reports.get(request.path.removeprefix("/async/"))
        if report is None:
            return Reply(b'{"error":"not found"}', 404)
        if request.method != "GET":
            return Reply(b'{"error":"method not allowed"}', 405, headers=((b"allow", b"GET"),))
        return Reply(msgspec.json.encode(report.members(report.status)))


def _message(report: _Report, plan: WebhookPlan) -> Message | None:
    """None where nobody said whom to tell."""
    if report.order.callback is None:
        return None
    event = plan.event or fresh_id("msg")
    body = _body(report, plan, event)
    return Message(AsyncVendor.name, report.id, report.request_id, report.order.callback, event, body, plan)


def _body(report: _Report, plan: WebhookPlan, event: str) -> bytes:
    if plan.body is not None:
        return plan.body.encode()
    told = {**report.members(plan.say), "event_id": event}
    body = msgspec.json.encode({name: value for name, value in told.items() if name not in plan.without})
    return body + b" " * max(0, plan.size - len(body))


def _job(metadata: msgspec.Raw) -> str | None:
    """`metadata.job`, where there is such text."""
    try:
        return msgspec.json.decode(metadata, type=_Metadata).job
    except msgspec.DecodeError:
        return None


def _subject(product_id: msgspec.Raw) -> str:
    """A string or a number; "" for anything else, and for what is too long to be told back."""
    spelt = bytes(product_id)
    if len(spelt) > _LONGEST_SUBJECT or spelt[:1] in b"{[ntf":
        return ""
    return msgspec.json.decode(spelt, type=str) if spelt.startswith(b'"') else spelt.decode()
