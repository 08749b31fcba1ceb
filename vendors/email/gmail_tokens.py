"""Google's access tokens: one for all calls of a process, made of the refresh token when there is none that is good."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import msgspec

from domain.errors import OutcomeUnknown
from domain.outcomes import Failed, Retry
from domain.request_ids import new_request_id
from domain.vendors import Call
from vendors.email.settings import GmailAccount
from vendors.http import VendorHttp, VendorRequest
from vendors.refusals import success_of

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
TIMEOUT = timedelta(seconds=10)
MAX_REPLY_BYTES = 64 * 1024
SAFETY = timedelta(minutes=1)  # before its end, so that none runs out on its way

UNAVAILABLE = "email_sign_in_unavailable"
REFUSED = Failed(
    "email_sign_in_refused", "Google refused GMAIL_CLIENT_ID, its secret or GMAIL_REFRESH_TOKEN; make a new token."
)

Clock = Callable[[], datetime]


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


class GmailTokens:
    """Refreshes once for however many wait for it. `clock` says when a token runs out."""

    def __init__(
        self,
        http: VendorHttp,
        account: GmailAccount,
        *,
        url: str = TOKEN_URL,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._account = account
        self._url = httpx.URL(url)
        self._clock = clock
        self._token = ""
        self._good_until = datetime.min.replace(tzinfo=UTC)
        self._under_way: asyncio.Task[str | Retry | Failed] | None = None

    async def get(self) -> str | Retry | Failed:
        """A token, or what a call comes to without one."""
        if self._token and self._clock() < self._good_until:
            return self._token
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._refresh())
            self._under_way.add_done_callback(self._end)
        return await asyncio.shield(self._under_way)  # whoever gives up takes it from nobody

    def drop(self, token: str) -> None:
        """Google did not take this one. A newer one stays."""
        if token == self._token:
            self._token = ""

    def _end(self, task: asyncio.Task[str | Retry | Failed]) -> None:
        self._under_way = None
        if not task.cancelled():
            task.exception()  # heard, though all who waited may have gone

    async def _refresh(self) -> str | Retry | Failed:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = VendorRequest("POST", self._url, headers, self._form())
        try:
            reply = await success_of(
                self._http, request, Call(new_request_id(), "", TIMEOUT), max_bytes=MAX_REPLY_BYTES
            )
        except OutcomeUnknown:  # it did no harm
            return Retry(UNAVAILABLE, "Google's answer to the refresh of the token did not come; no mail was sent.")
        if isinstance(reply, Retry):
            return replace(reply, code=UNAVAILABLE)
        return (
            replace(REFUSED, vendor_status=reply.vendor_status) if isinstance(reply, Failed) else self._keep(reply.body)
        )

    def _keep(self, body: bytes) -> str | Retry:
        try:
            granted = msgspec.json.decode(body, type=_Granted)
            lasts = timedelta(seconds=granted.expires_in)
        except (msgspec.DecodeError, RecursionError, OverflowError):
            return Retry(UNAVAILABLE, "Google's answer to the refresh of the token cannot be read; no mail was sent.")
        self._token, self._good_until = granted.access_token, self._clock() + min(lasts, timedelta(days=1)) - SAFETY
        return granted.access_token

    def _form(self) -> bytes:
        account = self._account
        form = {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": account.refresh_token,
            "grant_type": "refresh_token",
        }
        return urlencode(form).encode()
