"""
Letters by the Gmail API, `users.messages.send`.

Docs: https://developers.google.com/gmail/api/reference/rest/v1/users.messages/send
Quirk: too many calls are 429 or 403, which is also what an account gets that may not send.
"""

import asyncio
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import httpx
import msgspec

from domain.outcomes import Done, Failed, Outcome, Retry
from domain.vendors import Call
from vendors.email.wire import Letter
from vendors.http import Reply, VendorHttp, VendorRequest
from vendors.refusals import success_of

API = "https://gmail.googleapis.com"
MAX_REPLY_BYTES = 64 * 1024
UNAUTHORIZED, FORBIDDEN = 401, 403


class AccessTokens(Protocol):
    """Where `vendors.email.gmail_tokens.GmailTokens` stands in."""

    async def get(self) -> str | Retry | Failed:
        """A token, or what a call comes to without one."""
        ...

    def drop(self, token: str) -> None:
        """This one is good no more."""
        ...


class _Sent(msgspec.Struct, frozen=True):
    id: str


class GmailCarrier:
    """A `vendors.email.adapter.Carrier`."""

    repeatable = False
    at_once = 5  # a sending costs 100 of the 250 units that an account has a second

    def __init__(self, http: VendorHttp, tokens: AccessTokens, *, api: str = API) -> None:
        self._http = http
        self._tokens = tokens
        self._url = httpx.URL(f"{api}/gmail/v1/users/me/messages/send")

    async def send(self, letter: Letter, call: Call) -> Outcome:
        """A token that Google no longer takes is made anew, once: with it nothing was sent."""
        ends = asyncio.get_running_loop().time() + call.timeout.total_seconds()
        outcome = await self._try(letter, call, ends)
        if _is_unauthorized(outcome):
            outcome = await self._try(letter, call, ends)
        return outcome

    async def _try(self, letter: Letter, call: Call, ends: float) -> Outcome:
        token = await self._tokens.get()
        if not isinstance(token, str):
            return token
        left = timedelta(seconds=max(0.0, ends - asyncio.get_running_loop().time()))
        outcome = await self._post(letter, token, replace(call, timeout=left))
        if _is_unauthorized(outcome):
            self._tokens.drop(token)
        return outcome

    async def _post(self, letter: Letter, token: str, call: Call) -> Outcome:
        body = msgspec.json.encode({"raw": urlsafe_b64encode(letter.content).decode()})
        request = VendorRequest("POST", self._url, {"Authorization": f"Bearer {token}"}, body)
        reply = await success_of(self._http, request, call, max_bytes=MAX_REPLY_BYTES)
        if isinstance(reply, Failed):
            return _read_refusal(reply)
        return _read_reply(reply) if isinstance(reply, Reply) else reply


def _is_unauthorized(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.vendor_status == UNAUTHORIZED


def _read_refusal(refusal: Failed) -> Failed | Retry:
    match refusal.vendor_status:
        case 401:
            return replace(refusal, code="email_sign_in_refused")
        case 403:
            return Retry("email_deferred", "Gmail answered 403: too much, or not allowed.", vendor_status=FORBIDDEN)
        case int(status) if 400 <= status < 500:
            return replace(refusal, code="email_refused")
        case _:
            return refusal


def _read_reply(reply: Reply) -> Outcome:
    try:
        sent = msgspec.json.decode(reply.body, type=_Sent)
    except (msgspec.DecodeError, RecursionError):
        return Failed("reply_not_json", "Gmail took the mail and answered something else than its id.", reply.status)
    return Done(msgspec.json.encode({"gmail_id": sent.id}).decode(), reply.status)
