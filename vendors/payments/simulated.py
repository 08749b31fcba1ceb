"""
The simulated processor, which stands where Stripe will: hosted pages with two buttons, and signed webhooks.

Docs: docs/simulated-vendors.md
Quirk: what it says of a checkout, by webhook or when asked, is read by the rules of a vendor's table.
"""

import httpx

from domain.commerce.payments import LIFETIME, Checkout, Refund
from domain.outcomes import Outcome
from domain.vendors import Call
from domain.webhooks import WebhookReader
from vendors.http import Reply, VendorHttp, VendorRequest, one_piece
from vendors.payments.settings import PaymentsSettings
from vendors.payments.wire import opening, read_closed, read_opened, read_refunded, refunding
from vendors.refusals import success_of
from vendors.table.polling import ask
from vendors.table.settings import VendorTable
from vendors.table.webhooks import TableWebhooks

MAX_REPLY_BYTES = 64 * 1024


class SimulatedProcessor:
    """A `vendors.payments.adapter.Processor`."""

    def __init__(self, settings: PaymentsSettings, http: VendorHttp) -> None:
        """Raises `ValueError` for a secret that is none."""
        self._settings = settings
        self._http = http
        self._table = _table(settings)
        self._webhooks = webhooks_of(settings)

    @property
    def webhooks(self) -> WebhookReader:
        return self._webhooks

    async def open(self, checkout: Checkout, call: Call) -> Outcome:
        reply = await self._post("checkouts", opening(checkout, call, self._settings), call)
        return read_opened(reply) if isinstance(reply, Reply) else reply

    async def look(self, reference: str, call: Call) -> Outcome:
        return await ask(self._table, self._http, call, reference)

    async def close(self, reference: str, call: Call) -> Outcome:
        reply = await self._post(f"checkouts/{one_piece(reference)}/expire", b"{}", call)
        return read_closed(reply) if isinstance(reply, Reply) else reply

    async def refund(self, refund: Refund, call: Call) -> Outcome:
        reply = await self._post("refunds", refunding(refund), call)
        return read_refunded(reply) if isinstance(reply, Reply) else reply

    async def _post(self, path: str, body: bytes, call: Call) -> Reply | Outcome:
        request = VendorRequest("POST", httpx.URL(f"{self._settings.url}/{path}"), {}, body)
        return await success_of(self._http, request, call, max_bytes=MAX_REPLY_BYTES)


def webhooks_of(settings: PaymentsSettings) -> TableWebhooks:
    """For a process that takes them in and calls nobody. Raises `ValueError`."""
    table = _table(settings).webhook
    if table is None or table.key is None:
        raise ValueError("the processor's webhooks need a secret")
    return TableWebhooks(table, table.key)


def _table(settings: PaymentsSettings) -> VendorTable:
    """How it says what became of a checkout: one spelling for webhooks and polls."""
    return VendorTable.model_validate(
        {
            "mode": "async",
            "url": f"{settings.url}/checkouts",
            "reply": {"reference": "/id", "max_bytes": MAX_REPLY_BYTES},
            "webhook": {
                "secret": settings.secret,
                "reference": "/id",
                "request_id": "/metadata/job",
                "status": "/status",
                "done": ["paid"],
                "failed": ["declined", "expired"],
                "error": "/message",
                "deadline_seconds": LIFETIME.total_seconds(),
            },
            "poll": {
                "url": settings.url + "/checkouts/${job.reference}",
                "every_seconds": settings.poll_every.total_seconds(),
            },
        }
    )
