"""A vendor that is only a table: one HTTP call with the job's payload as its body, the answer read by the rules."""

from datetime import UTC, datetime

import httpx

from domain.outcomes import Failed, Outcome, Retry
from domain.vendors import Call
from vendors.errors import NotSent, ReplyTooLarge, ReplyUnreadable, Unsendable
from vendors.http import Reply, VendorHttp, VendorRequest
from vendors.refusals import read_refusal
from vendors.table.settings import VendorTable
from vendors.table.wire import read_success


class TableVendor:
    """
    A `domain.vendors.Vendor` of mode "sync".

    The payload is the body of every method, GET too, byte for byte: what the job carries is never
    dropped silently. `settings` also holds the limits that whoever schedules the calls obeys.
    """

    def __init__(self, name: str, settings: VendorTable, http: VendorHttp) -> None:
        self.name = name
        self.policy = settings.policy
        self.settings = settings
        self._http = http
        self._url = httpx.URL(settings.url)
        self._headers = {key: secret.get_secret_value() for key, secret in settings.headers.items()}

    async def call(self, call: Call) -> Outcome:
        """Make one call. Raises `OutcomeUnknown` when the vendor may have acted and nobody can tell."""
        request = VendorRequest(self.settings.method, self._url, self._headers, call.payload.encode())
        try:
            reply = await self._http.send(request, call, max_bytes=self.settings.reply.max_bytes)
        except NotSent as error:
            return Retry(error.code, error.detail)
        except Unsendable as error:
            return Failed(error.code, error.detail)
        except (ReplyTooLarge, ReplyUnreadable) as error:
            return Failed(error.code, error.detail, error.status)
        return self._read(reply)

    def _read(self, reply: Reply) -> Outcome:
        return read_refusal(reply, datetime.now(UTC)) or read_success(reply, self.settings.reply)
