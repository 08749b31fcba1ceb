"""Asking a table vendor what came of a job: only its explicit word ends one, everything else means to go on waiting."""

from dataclasses import replace
from uuid import UUID

import httpx

from domain.errors import OutcomeUnknown
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.vendors import Call
from domain.webhooks import NotPromised
from vendors.errors import VendorError
from vendors.http import Reply, VendorHttp, VendorRequest, one_piece
from vendors.json_slices import NotJson
from vendors.refusals import read_refusal
from vendors.table.fields import REFERENCE, REQUEST_ID, reveal
from vendors.table.notices import read_outcome
from vendors.table.settings import VendorTable

_STILL_AT_IT = frozenset({202, 204})


def poll_url(template: str, reference: str, request_id: UUID) -> httpx.URL:
    """The URL to ask."""
    return httpx.URL(template.replace(REQUEST_ID, str(request_id)).replace(REFERENCE, one_piece(reference)))


async def ask(table: VendorTable, http: VendorHttp, reference: str, call: Call, url: httpx.URL) -> Outcome:
    """One poll, at `url`. `Retry` is everything that is no word about the job; it raises `NotNow` and nothing else."""
    request = VendorRequest("GET", url, reveal(table.headers), b"")
    try:  # under a key of its own: a vendor that replays by key would answer the call's answer
        reply = await http.send(request, replace(call, operation="poll"), max_bytes=table.reply.max_bytes)
    except (VendorError, OutcomeUnknown) as error:
        return Retry(error.code, error.detail)
    return _read(reply, table, reference)


def _read(reply: Reply, table: VendorTable, reference: str) -> Outcome:
    refusal = read_refusal(reply, reply.received_at)
    if isinstance(refusal, Failed):  # it may not know the job yet, or no longer
        return Retry(refusal.code, refusal.reason, vendor_status=refusal.vendor_status)
    if refusal is not None:
        return refusal
    waiting = Waiting(reference, reply.received_at + table.later.deadline, reply.status)
    if reply.status in _STILL_AT_IT and (table.later.status is None or not reply.body):
        return waiting
    return _read_success(reply, table, waiting)


def _read_success(reply: Reply, table: VendorTable, waiting: Waiting) -> Outcome:
    try:
        outcome, _ = read_outcome(reply.body, table.later)
    except NotJson:
        return Retry("reply_not_json", "The vendor's answer to a poll is not JSON.", vendor_status=reply.status)
    except NotPromised as missing:
        if table.later.status is None:
            return waiting
        return Retry("reply_not_promised", f"The vendor's answer to a poll: {missing}.", vendor_status=reply.status)
    if table.later.status is None and outcome == Done("null"):  # where the result will be, once there is one
        return waiting
    match outcome:
        case Done() | Failed():
            return replace(outcome, vendor_status=reply.status)
        case None:
            return waiting
