"""
What every registered vendor promises the worker, whatever it speaks inside.

Each vendor of the registry, in code or in the project's own `vendors.toml`, is called against a server
on a real socket. `ANSWERS` holds what its vendor's success looks like: a new vendor adds one line.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.errors import OutcomeUnknown
from domain.outcomes import Done, Failed, Retry, Waiting
from domain.vendors import Call, Vendor
from tests.vendors.scripted import OK, Answer, ScriptedVendor, answer_ok, hang_up, listening, say, stay_silent
from vendors.http import VendorHttp
from vendors.registry import load_vendor_names, load_vendors

TABLE = Path(__file__).parents[2] / "vendors.toml"
CALL = Call(UUID("0192f0c0-0000-7000-8000-000000000001"), '{"productId": "A"}', timedelta(seconds=5))
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"id": "rep_1"}'
ANSWERS: Mapping[str, bytes] = {"sync": OK, "async": ACCEPTED}


def environment_at(url: str) -> dict[str, str]:
    """Every address that a vendor's settings may name, pointed at one server."""
    return {
        "GATEWAY_DEMO_VENDORS_URL": url,
        "GATEWAY_PUBLIC_URL": url,
        "GATEWAY_DEMO_WEBHOOK_SECRET": "whsec_dGhlIHNlY3JldCBvZiB0aGVzZSB0ZXN0cw==",
    }


NAMES = sorted(load_vendor_names([TABLE], environment_at("http://127.0.0.1:1")))
pytestmark = pytest.mark.parametrize("name", NAMES)


@asynccontextmanager
async def registered(name: str, *answers: Answer) -> AsyncIterator[tuple[Vendor, ScriptedVendor]]:
    """The vendor `name`, talking to a server that gives `answers`."""
    async with listening(*answers) as server, VendorHttp() as http:
        yield load_vendors([TABLE], environment_at(server.url), http)[name], server


def status(line: str, *fields: str) -> Answer:
    return say("\r\n".join([f"HTTP/1.1 {line}", "Content-Length: 0", *fields, "", ""]).encode())


async def test_it_goes_by_the_name_it_is_registered_under(name: str) -> None:
    async with registered(name) as (vendor, _):
        assert vendor.name == name
        assert vendor.policy.attempts >= 1
        assert vendor.policy.timeout > timedelta()


async def test_a_success_is_done_with_json_text_or_waits_for_the_vendors_word(name: str) -> None:
    async with registered(name, say(ANSWERS[name])) as (vendor, _):
        outcome = await vendor.call(CALL)
    assert isinstance(outcome, Done | Waiting)
    if isinstance(outcome, Done):
        assert outcome.vendor_status == 200
        json.loads(outcome.result)
    else:
        assert (outcome.vendor_status, outcome.reference) == (202, "rep_1")


async def test_every_attempt_carries_the_same_key_and_ids_but_a_span_of_its_own(name: str) -> None:
    async with registered(name) as (vendor, server):
        await vendor.call(CALL)
        await vendor.call(CALL)
    first, second = (request.headers for request in server.received)
    assert first["idempotency-key"] == second["idempotency-key"] == CALL.idempotency_key
    assert first["x-request-id"] == second["x-request-id"] == str(CALL.request_id)
    assert first["traceparent"].split("-")[1] == second["traceparent"].split("-")[1]
    assert first["traceparent"] != second["traceparent"]


@pytest.mark.parametrize(
    "answer",
    [
        answer_ok,
        hang_up,
        status("429 Slow", "Retry-After: 1"),
        status("500 Oops"),
        status("404 No"),
        status("302 Elsewhere", "Location: /elsewhere"),
        say(b"rubbish\r\n\r\n", then_close=True),
    ],
)
async def test_one_call_reaches_the_vendor_once_whatever_it_answers(name: str, answer: Answer) -> None:
    async with registered(name, answer) as (vendor, server):
        with suppress(OutcomeUnknown):
            await vendor.call(CALL)
    assert (len(server.received), server.connections) == (1, 1)


@pytest.mark.parametrize("line", ["429 Slow", "503 Not now"])
async def test_retry_after_closes_the_vendor_for_that_long(name: str, line: str) -> None:
    async with registered(name, status(line, "Retry-After: 7")) as (vendor, _):
        outcome = await vendor.call(CALL)
    assert isinstance(outcome, Retry)
    assert (outcome.closes_vendor, outcome.after) == (True, timedelta(seconds=7))


@pytest.mark.parametrize("line", ["500 Oops", "503 Not now"])
async def test_trouble_of_its_own_is_tried_again_and_closes_nothing(name: str, line: str) -> None:
    async with registered(name, status(line)) as (vendor, _):
        outcome = await vendor.call(CALL)
    assert isinstance(outcome, Retry)
    assert not outcome.closes_vendor


async def test_a_no_fails_and_its_reason_repeats_nothing_of_the_body(name: str) -> None:
    body = b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nhunter2"
    async with registered(name, say(body)) as (vendor, _):
        outcome = await vendor.call(CALL)
    assert isinstance(outcome, Failed)
    assert outcome.vendor_status == 400
    assert "hunter2" not in outcome.reason


async def test_a_success_that_is_not_what_was_promised_fails(name: str) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n<html>"
    async with registered(name, say(body)) as (vendor, _):
        assert isinstance(await vendor.call(CALL), Failed)


async def test_a_connection_that_breaks_after_the_request_is_unknown(name: str) -> None:
    async with registered(name, hang_up) as (vendor, _):
        with pytest.raises(OutcomeUnknown):
            await vendor.call(CALL)


async def test_a_refused_connection_is_tried_again(name: str) -> None:
    async with VendorHttp() as http:
        async with listening() as server:
            gone = server.url
        vendor = load_vendors([TABLE], environment_at(gone), http)[name]
        outcome = await vendor.call(CALL)
    assert isinstance(outcome, Retry)
    assert not outcome.closes_vendor


async def test_the_deadline_ends_a_call_that_is_never_answered(name: str) -> None:
    hasty = Call(CALL.request_id, CALL.payload, timedelta(seconds=0.2))
    async with registered(name, stay_silent) as (vendor, server), asyncio.timeout(5):
        with pytest.raises(OutcomeUnknown):
            await vendor.call(hasty)
    assert len(server.received) == 1
