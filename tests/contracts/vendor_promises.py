"""
What every vendor promises the worker, whatever it speaks inside: one suite, run on each.

A test module says which vendors: a subclass of `VendorPromises`, and of the two others where they apply, whose
fixture `case` gives a `VendorCase` each. Each vendor is called against a server on a real socket.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.errors import BadSignature, OutcomeUnknown
from domain.outcomes import Done, Failed, Retry, Waiting
from domain.vendors import AnswersPolls, Call, SendsWebhooks, Vendor
from domain.webhooks import NotPromised, WebhookReader
from tests.vendors.scripted import OK, Answer, ScriptedVendor, answer_ok, hang_up, listening, say, stay_silent
from vendors.http import VendorHttp

REQUEST_ID = UUID("0192f0c0-0000-7000-8000-000000000001")
MakeVendor = Callable[[VendorHttp, str], Vendor]  # the client, and the address of the server to call


def as_json(text: str, line: str = "200 OK") -> bytes:
    body = text.encode()
    return f"HTTP/1.1 {line}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class VendorCase:
    """One vendor, and in its own words: a payload, a success, and what it later says when it is done."""

    name: str
    make: MakeVendor
    payload: str = '{"productId": "A"}'
    success: bytes = OK
    done: str = "{}"  # a webhook's body, or the answer to a poll
    sign: Callable[[bytes, datetime], Mapping[str, str]] | None = None  # a webhook's headers
    polled: bool = False

    def call(self, seconds: float = 5) -> Call:
        return Call(REQUEST_ID, self.payload, timedelta(seconds=seconds))

    @asynccontextmanager
    async def open(self, *answers: Answer) -> AsyncIterator[tuple[Vendor, ScriptedVendor]]:
        """The vendor, talking to a server that gives `answers`."""
        async with listening(*answers) as server, VendorHttp() as http:
            yield self.make(http, server.url), server


def status(line: str, *fields: str) -> Answer:
    return say("\r\n".join([f"HTTP/1.1 {line}", "Content-Length: 0", *fields, "", ""]).encode())


WHATEVER = [
    answer_ok,
    hang_up,
    status("429 Slow", "Retry-After: 1"),
    status("500 Oops"),
    status("404 No"),
    status("302 Elsewhere", "Location: /elsewhere"),
    say(b"rubbish\r\n\r\n", then_close=True),
]
REFUSAL = say(b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nhunter2")
NOT_JSON = say(as_json("<html>"))


class VendorPromises:
    async def test_it_goes_by_the_name_it_is_registered_under(self, case: VendorCase) -> None:
        async with case.open() as (vendor, _):
            assert vendor.name == case.name
            assert vendor.policy.attempts >= 1
            assert vendor.policy.timeout > timedelta()

    async def test_a_success_is_done_with_json_text_or_waits_for_the_vendors_word(self, case: VendorCase) -> None:
        async with case.open(say(case.success)) as (vendor, _):
            outcome = await vendor.call(case.call())
        assert isinstance(outcome, Done | Waiting)
        assert outcome.vendor_status is not None
        assert 200 <= outcome.vendor_status < 300
        if isinstance(outcome, Done):
            json.loads(outcome.result)
        else:
            assert outcome.reference
            assert outcome.deadline > datetime.now(UTC)

    async def test_every_attempt_carries_the_same_key_and_ids_but_a_span_of_its_own(self, case: VendorCase) -> None:
        async with case.open() as (vendor, server):
            await vendor.call(case.call())
            await vendor.call(case.call())
        first, second = (request.headers for request in server.received)
        assert first["idempotency-key"] == second["idempotency-key"] == case.call().idempotency_key
        assert first["x-request-id"] == second["x-request-id"] == str(REQUEST_ID)
        assert first["traceparent"].split("-")[1] == second["traceparent"].split("-")[1]
        assert first["traceparent"] != second["traceparent"]

    @pytest.mark.parametrize("answer", WHATEVER)
    async def test_one_call_reaches_the_vendor_once_whatever_it_answers(self, case: VendorCase, answer: Answer) -> None:
        async with case.open(answer) as (vendor, server):
            with suppress(OutcomeUnknown):
                await vendor.call(case.call())
        assert (len(server.received), server.connections) == (1, 1)

    @pytest.mark.parametrize("line", ["429 Slow", "503 Not now"])
    async def test_retry_after_closes_the_vendor_for_that_long(self, case: VendorCase, line: str) -> None:
        async with case.open(status(line, "Retry-After: 7")) as (vendor, _):
            outcome = await vendor.call(case.call())
        assert isinstance(outcome, Retry)
        assert (outcome.closes_vendor, outcome.after) == (True, timedelta(seconds=7))

    @pytest.mark.parametrize("line", ["500 Oops", "503 Not now"])
    async def test_trouble_of_its_own_is_tried_again_and_closes_nothing(self, case: VendorCase, line: str) -> None:
        async with case.open(status(line)) as (vendor, _):
            outcome = await vendor.call(case.call())
        assert isinstance(outcome, Retry)
        assert not outcome.closes_vendor

    async def test_a_no_fails_and_its_reason_repeats_nothing_of_the_body(self, case: VendorCase) -> None:
        async with case.open(REFUSAL) as (vendor, _):
            outcome = await vendor.call(case.call())
        assert isinstance(outcome, Failed)
        assert outcome.vendor_status == 400
        assert "hunter2" not in outcome.reason

    async def test_a_success_that_is_not_what_was_promised_fails(self, case: VendorCase) -> None:
        async with case.open(NOT_JSON) as (vendor, _):
            assert isinstance(await vendor.call(case.call()), Failed)

    async def test_a_connection_that_breaks_after_the_request_is_unknown(self, case: VendorCase) -> None:
        async with case.open(hang_up) as (vendor, _):
            with pytest.raises(OutcomeUnknown):
                await vendor.call(case.call())

    async def test_a_refused_connection_is_tried_again(self, case: VendorCase) -> None:
        async with VendorHttp() as http:
            async with listening() as server:
                gone = server.url
            outcome = await case.make(http, gone).call(case.call())
        assert isinstance(outcome, Retry)
        assert not outcome.closes_vendor

    async def test_the_deadline_ends_a_call_that_is_never_answered(self, case: VendorCase) -> None:
        async with case.open(stay_silent) as (vendor, server), asyncio.timeout(5):
            with pytest.raises(OutcomeUnknown):
                await vendor.call(case.call(seconds=0.2))
        assert len(server.received) == 1

    async def test_it_has_webhooks_and_polls_where_its_case_says_so(self, case: VendorCase) -> None:
        async with case.open() as (vendor, _):
            reader = vendor.webhooks if isinstance(vendor, SendsWebhooks) else None
            assert (reader is not None) == (case.sign is not None)
            assert (vendor.policy.poll_every is not None) == case.polled


class WebhookPromises:
    """For those that send webhooks."""

    async def test_a_webhook_that_it_signed_says_what_came_of_which_job(self, case: VendorCase) -> None:
        async with webhooks_of(case) as (reader, headers, body, now):
            notice = reader.read(body)
            assert reader.verify(headers, body, now) == reader.verify(headers, body, now) != ""
        assert notice.reference or notice.request_id
        assert isinstance(notice.outcome, Done)

    async def test_a_webhook_that_anybody_touched_is_a_bad_signature(self, case: VendorCase) -> None:
        async with webhooks_of(case) as (reader, headers, body, now):
            for forged in (
                {},
                dict.fromkeys(headers, "ü"),
                dict.fromkeys(headers, "x"),
                {**headers, **spoiled(headers)},
            ):
                with pytest.raises(BadSignature):
                    reader.verify(forged, body, now)
            with pytest.raises(BadSignature):
                reader.verify(headers, body + b" ", now)

    @pytest.mark.parametrize("body", [b"", b"<", b"\xff", b"null", b"{}", b"[" * 100_000])
    async def test_a_webhook_that_is_not_what_it_promises_is_set_aside(self, case: VendorCase, body: bytes) -> None:
        async with webhooks_of(case) as (reader, _, _, _):
            with pytest.raises(NotPromised):
                reader.read(body)


class PollPromises:
    """For those that are asked."""

    async def test_the_word_that_it_is_done_ends_a_poll(self, case: VendorCase) -> None:
        async with polled(case, say(as_json(case.done))) as (vendor, server):
            outcome = await vendor.poll(case.call(), "rep/1")
        assert isinstance(outcome, Done)
        assert len(server.received) == 1

    @pytest.mark.parametrize("answer", WHATEVER[1:])
    async def test_nothing_but_a_word_ends_a_poll(self, case: VendorCase, answer: Answer) -> None:
        async with polled(case, answer) as (vendor, server):
            outcome = await vendor.poll(case.call(), "rep/1")
        assert isinstance(outcome, Retry | Waiting)
        assert len(server.received) == 1


def spoiled(headers: Mapping[str, str]) -> dict[str, str]:
    """The longest header, which is the signature, with two characters exchanged for others."""
    name = max(headers, key=lambda one: len(headers[one]))
    return {name: headers[name][:-6] + ("000000" if not headers[name].endswith("000000") else "111111")}


@asynccontextmanager
async def webhooks_of(case: VendorCase) -> AsyncIterator[tuple[WebhookReader, Mapping[str, str], bytes, datetime]]:
    """The vendor's reader, and a webhook that it signed now."""
    async with case.open() as (vendor, _):
        assert isinstance(vendor, SendsWebhooks)
        assert vendor.webhooks is not None
        assert case.sign is not None
        now = datetime.now(UTC)
        yield vendor.webhooks, case.sign(case.done.encode(), now), case.done.encode(), now


@asynccontextmanager
async def polled(case: VendorCase, answer: Answer) -> AsyncIterator[tuple[AnswersPolls, ScriptedVendor]]:
    async with case.open(answer) as (vendor, server):
        assert isinstance(vendor, AnswersPolls)
        yield vendor, server
