"""A table vendor's outcomes: what of a reply becomes the job's result, and what fails it."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from domain.errors import OutcomeUnknown
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.vendors import Call
from vendors.http import VendorHttp
from vendors.table.adapter import TableVendor
from vendors.table.settings import VendorTable

MakeCall = Callable[..., Call]


@pytest.fixture
def outcome_of(make_call: MakeCall) -> Callable[..., Any]:
    """What a call comes to when the vendor answers `answer`, or raises it."""

    async def ask(answer: httpx.Response | Exception, **reply: Any) -> Outcome:
        def respond(request: httpx.Request) -> httpx.Response:
            if isinstance(answer, Exception):
                raise answer
            return answer

        table = VendorTable.model_validate({"url": "https://acme.example", "reply": reply})
        async with VendorHttp(httpx.MockTransport(respond)) as http:
            return await TableVendor("acme", table, http).call(make_call())

    return ask


def answer(body: bytes, content_type: str | None = "application/json", status: int = 200) -> httpx.Response:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


async def test_the_payload_is_the_body_byte_for_byte(make_call: MakeCall) -> None:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(b"{}")

    payload = '{"a": 1.50, "a": 123456789012345678901, "$x.y": "\\u0000ü"}'
    table = VendorTable(url="https://acme.example/v2?key=1", method="PUT")
    async with VendorHttp(httpx.MockTransport(respond)) as http:
        await TableVendor("acme", table, http).call(make_call(payload))
    [request] = seen
    assert (request.method, str(request.url)) == ("PUT", "https://acme.example/v2?key=1")
    assert request.content == payload.encode()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.acme+json",
        "text/json",
        None,
    ],
)
async def test_json_is_the_result_as_the_vendor_spelled_it(outcome_of: Any, content_type: str | None) -> None:
    body = b'{"a": 1.50, "a": 123456789012345678901234567890, "s": "\\ud800"}'
    assert await outcome_of(answer(body, content_type)) == Done(body.decode(), 200)


async def test_a_pointer_takes_a_piece_of_it(outcome_of: Any) -> None:
    assert await outcome_of(answer(b'{"data": {"x" : 1.0}}'), result="/data") == Done('{"x" : 1.0}', 200)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"{}"),
        answer(b"[]"),
        answer(b'"data"'),
        answer(b"", None),
        answer(b"hi", "text/plain"),
        answer(b"", status=204),
    ],
)
async def test_a_reply_without_the_promised_piece_fails(outcome_of: Any, reply: httpx.Response) -> None:
    outcome = await outcome_of(reply, result="/data")
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("reply_without_result", reply.status_code)


@pytest.mark.parametrize(
    "reply", [answer(b"", None, 204), answer(b"", status=204), answer(b"", None), answer(b"", "text/plain")]
)
async def test_no_content_is_null(outcome_of: Any, reply: httpx.Response) -> None:
    assert await outcome_of(reply) == Done("null", reply.status_code)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": NaN}', b"[" * 100_000, b'"\xff"', b"{}{}"])
async def test_a_reply_that_says_json_and_is_not_fails_and_is_not_repeated_in_the_reason(
    outcome_of: Any, body: bytes
) -> None:
    outcome = await outcome_of(answer(body))
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("reply_not_json", 200)
    assert "html" not in outcome.reason


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"a;b\n", "text/csv", "a;b\n"),
        ("ü".encode(), "text/plain", "ü"),
        (b"\xfc", "text/plain; charset=ISO-8859-1", "ü"),
        (b"<a/>", "application/xml", "<a/>"),
        (b"<a/>", "application/atom+xml", "<a/>"),
        (b"\x00", "text/plain", "\x00"),
    ],
)
async def test_text_of_another_type_is_kept_as_text(outcome_of: Any, body: bytes, content_type: str, text: str) -> None:
    outcome = await outcome_of(answer(body, content_type))
    assert isinstance(outcome, Done)
    assert json.loads(outcome.result) == {"content_type": content_type, "text": text}


@pytest.mark.parametrize(
    ("content_type", "kept_type"),
    [
        ("image/png", "image/png"),
        ("text/plain", "text/plain"),
        ("text/plain; charset=punycode", "text/plain; charset=punycode"),
        ("rubbish", "rubbish"),
        (None, "application/octet-stream"),
    ],
)
async def test_what_is_no_text_is_kept_as_base64(outcome_of: Any, content_type: str | None, kept_type: str) -> None:
    outcome = await outcome_of(answer(b"\xff\xd8\x00", content_type))
    assert isinstance(outcome, Done)
    kept = json.loads(outcome.result)
    assert kept == {"content_type": kept_type, "base64": base64.b64encode(b"\xff\xd8\x00").decode()}


async def test_a_reply_above_the_cap_fails(outcome_of: Any) -> None:
    outcome = await outcome_of(answer(b'"' + b"x" * 100 + b'"'), max_bytes=50)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("reply_too_large", 200)


async def test_text_that_grows_past_what_a_document_holds_fails(outcome_of: Any) -> None:
    """Four million NULs are four megabytes to read and twenty-four as a JSON string."""
    outcome = await outcome_of(answer(b"\x00" * 4_000_000, "text/plain"))
    assert isinstance(outcome, Failed)
    assert outcome.code == "reply_too_large"


async def test_an_encoding_nobody_asked_for_fails(outcome_of: Any) -> None:
    reply = httpx.Response(200, headers={"Content-Encoding": "br"}, stream=httpx.ByteStream(b"x"))
    outcome = await outcome_of(reply)
    assert isinstance(outcome, Failed)
    assert outcome.code == "reply_unreadable"


async def test_a_throttled_call_closes_the_vendor(outcome_of: Any) -> None:
    outcome = await outcome_of(httpx.Response(429, headers={"Retry-After": "3"}))
    assert isinstance(outcome, Retry)
    assert outcome.closes_vendor


async def test_a_redirect_fails(outcome_of: Any) -> None:
    outcome = await outcome_of(httpx.Response(302, headers={"Location": "http://[broken"}))
    assert isinstance(outcome, Failed)
    assert outcome.code == "vendor_redirected"


@pytest.mark.parametrize(
    "broken", [httpx.ReadError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), OSError()]
)
async def test_a_call_that_broke_after_sending_is_unknown(outcome_of: Any, broken: Exception) -> None:
    with pytest.raises(OutcomeUnknown):
        await outcome_of(broken)


async def test_a_payload_that_is_not_sent_at_all_is_tried_again(make_call: MakeCall) -> None:
    table = VendorTable(url="http://vendor.invalid/")
    async with VendorHttp() as http:
        outcome = await TableVendor("acme", table, http).call(make_call())
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.closes_vendor) == ("vendor_unreachable", False)
