"""A vendor that is only a table: one HTTP call with the job's payload as its body, the answer read by the rules."""

from functools import partial

import httpx

from domain.balancing.balancer import Balancer
from domain.outcomes import Failed, Outcome
from domain.vendors import Call
from vendors.http import Reply, VendorHttp, VendorRequest
from vendors.json_slices import read_pointer
from vendors.json_splices import Unfit
from vendors.refusals import success_of
from vendors.table.fields import reveal
from vendors.table.instances import Turns
from vendors.table.polling import ask, poll_url
from vendors.table.settings import VendorTable
from vendors.table.webhook_settings import WebhookTable
from vendors.table.webhooks import TableWebhooks
from vendors.table.wire import read_reference, read_success


class TableVendor:
    """
    A `domain.vendors.Vendor`; of mode "async" it `AnswersPolls` and `SendsWebhooks` too, as far as its table says.

    The payload is the body of every method, GET too, byte for byte but for what the table sets into it:
    what the job carries is never dropped silently.
    """

    def __init__(self, name: str, settings: VendorTable, http: VendorHttp, *, balancer: Balancer | None = None) -> None:
        self.name = name
        self.policy = settings.policy
        self.settings = settings
        self.instances = settings.instances
        self.webhooks = _webhooks(settings.webhook)
        self._http = http
        self._turns = Turns(name, settings.instances, balancer)
        self._url = httpx.URL(settings.url)
        self._headers = reveal(settings.headers)

    async def call(self, call: Call) -> Outcome:
        """Make one call. Raises `OutcomeUnknown` when the vendor may have acted and nobody can tell."""
        try:
            payload = self.settings.body.fill(call.payload, call.request_id)
        except Unfit:
            return Failed(
                "payload_unfit", "The payload has no room for what this vendor's table sets into it, or has it twice."
            )
        return await self._turns.take(call, self._url, partial(self._send, payload.encode()))

    async def poll(self, call: Call, reference: str) -> Outcome:
        """Ask once what came of the job that the vendor knows as `reference`."""
        assert self.settings.poll is not None  # noqa: S101 - only a policy with `poll_every` lets anybody ask
        url = poll_url(self.settings.poll.url, reference, call.request_id)
        return await self._turns.take(call, url, partial(ask, self.settings, self._http, reference))

    async def _send(self, body: bytes, call: Call, url: httpx.URL) -> Outcome:
        request = VendorRequest(self.settings.method, url, self._headers, body)
        reply = await success_of(self._http, request, call, max_bytes=self.settings.reply.max_bytes)
        return self._read(reply) if isinstance(reply, Reply) else reply

    def _read(self, reply: Reply) -> Outcome:
        if self.settings.reply.reference is None:
            return read_success(reply, self.settings.reply)
        deadline = reply.received_at + self.settings.later.deadline
        return read_reference(reply, read_pointer(self.settings.reply.reference), deadline)


def _webhooks(table: WebhookTable | None) -> TableWebhooks | None:
    if table is None or table.key is None:
        return None
    return TableWebhooks(table, table.key)
