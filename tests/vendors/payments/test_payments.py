"""The vendor of payments at a scripted processor: what it sends, and what it makes of the answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from pydantic import SecretStr

from domain.commerce.payments import LIFETIME, Asked, Checkout, Refund, Withdrawal
from domain.outcomes import Done, Failed, Retry, Waiting
from domain.vendors import Call
from tests.vendors.scripted import Answer, ScriptedVendor, listening, say
from tests.vendors.test_signatures import standard
from vendors.http import VendorHttp
from vendors.payments.adapter import Payments
from vendors.payments.settings import PaymentsSettings
from vendors.payments.simulated import SimulatedProcessor, webhooks_of

ORDER, JOB = UUID(int=7), UUID("0192f0c0-0000-7000-8000-000000000001")
CHECKOUT = Checkout(ORDER, 1999, "USD", datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
WITHDRAWAL, REFUND = Withdrawal("co/1"), Refund("co_1", 1999, "USD")
OPENED = {"id": "co_1", "status": "open", "url": "https://pay.example/co_1", "secret": "not for us"}


def settings_at(url: str) -> PaymentsSettings:
    secret = SecretStr("whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjIh")
    return PaymentsSettings(f"{url}/processor", secret, "http://gateway.test/webhooks/payments", "https://shop.test")


def answer(body: object, line: str = "200 OK") -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {line}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    return say(head.encode() + text)


@asynccontextmanager
async def paying(*answers: Answer) -> AsyncIterator[tuple[Payments, ScriptedVendor]]:
    async with listening(*answers) as server, VendorHttp() as http:
        settings = settings_at(server.url)
        yield Payments(SimulatedProcessor(settings, http), settings.poll_every), server


def call_of(asked: Asked) -> Call:
    return Call(JOB, msgspec.json.encode(asked).decode(), timedelta(seconds=5))


async def test_a_checkout_is_taken_and_its_page_and_nothing_else_goes_to_whoever_asked() -> None:
    async with paying(answer(OPENED, "201 Created")) as (vendor, server):
        outcome = await vendor.call(call_of(CHECKOUT))
    assert isinstance(outcome, Waiting)
    assert (outcome.reference, outcome.taken_with) == ("co_1", '{"redirect_url":"https://pay.example/co_1"}')
    assert outcome.deadline > datetime.now(UTC) + LIFETIME - timedelta(minutes=1)
    [request] = server.received
    assert request.line.startswith("POST /processor/checkouts ")
    assert request.headers["idempotency-key"] == f"{JOB}:call:1"
    assert json.loads(request.body) == {
        "amount": 1999,
        "currency": "USD",
        "order_id": str(ORDER),
        "success_url": f"https://shop.test/orders/{ORDER}",
        "cancel_url": f"https://shop.test/orders/{ORDER}",
        "webhook_url": "http://gateway.test/webhooks/payments",
        "metadata": {"job": str(JOB)},
        "expires_at": "2026-11-21T09:30:00Z",
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "co_1"},
        {"id": "", "url": "https://pay.example"},
        {"id": "co_1", "url": "javascript:alert(1)"},
        {"id": "co_1", "url": "https://pay.example/" + "a" * 5000},
        {"id": "c" * 501, "url": "https://pay.example"},
        b"<html>",
        b"[" * 10_000,
    ],
    ids=["empty", "no page", "no id", "a script", "too long", "a long id", "no JSON", "too deep"],
)
async def test_an_answer_without_an_id_or_a_page_leaves_it_in_doubt(body: object) -> None:
    async with paying(answer(body)) as (vendor, _):
        outcome = await vendor.call(call_of(CHECKOUT))
    assert isinstance(outcome, Failed)
    assert outcome.code == "reply_without_reference"


async def test_a_withdrawal_closes_the_page_whatever_had_become_of_it() -> None:
    async with paying(answer({"id": "co/1", "status": "paid"})) as (vendor, server):
        outcome = await vendor.call(call_of(WITHDRAWAL))
    assert isinstance(outcome, Done)
    assert json.loads(outcome.result)["status"] == "paid"
    assert server.received[0].line.startswith("POST /processor/checkouts/co%2F1/expire ")


async def test_a_refund_is_done_when_the_processor_says_that_it_is() -> None:
    async with paying(answer({"id": "re_1", "status": "refunded"}, "201 Created")) as (vendor, server):
        assert isinstance(await vendor.call(call_of(REFUND)), Done)
    assert json.loads(server.received[0].body) == {"checkout": "co_1", "amount": 1999, "currency": "USD"}


@pytest.mark.parametrize("body", [{"id": "re_1", "status": "pending"}, {"status": 1}, b"", b"null"])
async def test_a_refund_that_is_not_said_to_be_made_is_none(body: object) -> None:
    async with paying(answer(body)) as (vendor, _):
        outcome = await vendor.call(call_of(REFUND))
    assert isinstance(outcome, Failed)


async def test_more_than_was_charged_is_refused_for_good() -> None:
    async with paying(answer({"error": "no"}, "409 Conflict")) as (vendor, _):
        outcome = await vendor.call(call_of(REFUND))
    assert outcome == Failed("vendor_rejected", "The vendor answered 409.", 409)


@pytest.mark.parametrize(
    ("status", "kind"), [("paid", Done), ("declined", Failed), ("expired", Failed), ("open", Waiting), ("new", Waiting)]
)
async def test_only_an_explicit_word_ends_a_payment_that_is_asked_for(status: str, kind: type) -> None:
    async with paying(answer({**OPENED, "status": status})) as (vendor, server):
        assert isinstance(await vendor.poll(call_of(CHECKOUT), "co_1"), kind)
    assert server.received[0].line.startswith("GET /processor/checkouts/co_1 ")


@pytest.mark.parametrize("line", ["404 Not Found", "500 Oops", "403 No"])
async def test_a_processor_that_does_not_say_is_asked_again(line: str) -> None:
    async with paying(answer({}, line)) as (vendor, _):
        assert isinstance(await vendor.poll(call_of(CHECKOUT), "co_1"), Retry)


@pytest.mark.parametrize("payload", ["{}", '{"kind":"payment.steal"}', "[", '{"kind":"payment.refund","reference":1}'])
async def test_a_payload_that_is_none_of_ours_reaches_nobody(payload: str) -> None:
    async with paying() as (vendor, server):
        outcome = await vendor.call(Call(JOB, payload, timedelta(seconds=5)))
    assert (isinstance(outcome, Failed), server.received) == (True, [])


@pytest.mark.parametrize(("status", "kind"), [("paid", Done), ("declined", Failed), ("expired", Failed)])
def test_a_webhook_says_what_became_of_which_payment(status: str, kind: type) -> None:
    body = json.dumps({"id": "co_1", "status": status, "metadata": {"job": str(JOB)}, "message": "why"}).encode()
    now = datetime.now(UTC)
    reader = webhooks_of(settings_at("http://processor.test"))
    assert reader.verify(standard(body, now), body, now) == "msg_1"
    notice = reader.read(body)
    assert (notice.reference, notice.request_id, type(notice.outcome)) == ("co_1", JOB, kind)


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_", "whsec_!"])
def test_a_secret_that_is_none_is_refused_without_being_repeated(secret: str) -> None:
    settings = PaymentsSettings("http://x.test", SecretStr(secret), "http://x.test", "http://x.test")
    with pytest.raises(ValueError, match="secret") as refusal:
        webhooks_of(settings)
    assert "hunter2" not in str(refusal.value)
