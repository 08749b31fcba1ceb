"""A table vendor that answers later: what it is sent, under what reference it is awaited, what a poll comes to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.errors import NotNow
from domain.outcomes import Done, Failed, Outcome, Retry, Waiting
from domain.vendors import AnswersPolls, Call, SendsWebhooks
from tests.vendors.conftest import REQUEST_ID
from vendors.http import VendorHttp
from vendors.table.adapter import TableVendor
from vendors.table.polling import poll_url
from vendors.table.settings import VendorTable

MakeCall = Callable[..., Call]
POLL = {"url": "https://acme.example/v2/${job.reference}?job=${job.request_id}", "every_seconds": 30}


class Acme:
    """The vendor of a table, and what reached it."""

    def __init__(self, answer: httpx.Response | Exception, **table: Any) -> None:
        settings = {"url": "https://acme.example/v2", "mode": "async", "reply": {"reference": "/id"}, "poll": POLL}
        self.seen: list[httpx.Request] = []
        self._answer = answer
        self.table = VendorTable.model_validate(settings | table)
        self.vendor = TableVendor("acme", self.table, VendorHttp(httpx.MockTransport(self._respond)))

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def answer(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, headers={"Content-Type": "application/json"}, stream=httpx.ByteStream(text.encode()))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ('{"id": "r-1"}', "r-1"),
        ('{"id": 12345678901234567890123}', "12345678901234567890123"),
        ('{"id": 1.50}', "1.50"),
    ],
)
async def test_a_success_is_awaited_under_its_reference(make_call: MakeCall, text: str, reference: str) -> None:
    outcome = await Acme(answer(text, 202), webhook={"deadline_seconds": 60}).vendor.call(make_call())
    assert isinstance(outcome, Waiting)
    assert (outcome.reference, outcome.vendor_status) == (reference, 202)
    assert abs(outcome.deadline - datetime.now(UTC) - timedelta(seconds=60)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "", "<html>"]
    + [f'{{"id": {value}}}' for value in ("null", '""', "true", "{}", '"\\ud800"', '"' + "x" * 501 + '"')],
)
async def test_a_success_without_a_reference_fails(make_call: MakeCall, text: str) -> None:
    outcome = await Acme(answer(text)).vendor.call(make_call())
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("reply_without_reference", 200)


@pytest.mark.parametrize(("status", "kind"), [(429, Retry), (500, Retry), (400, Failed), (302, Failed)])
async def test_a_refusal_means_what_it_means_for_every_vendor(make_call: MakeCall, status: int, kind: type) -> None:
    assert isinstance(await Acme(answer("{}", status)).vendor.call(make_call()), kind)


async def test_the_body_is_set_into_the_payload_and_nothing_else_changes(make_call: MakeCall) -> None:
    body = {"/callback": "https://us/webhooks/acme", "/metadata/job": "${job.request_id}", "/n": [1, {"a": None}]}
    acme = Acme(answer('{"id": 1}'), body=body)
    await acme.vendor.call(make_call('{"a": 1.50, "a": 123456789012345678901, "callback" :0}'))
    expected = (
        '{"a": 1.50, "a": 123456789012345678901, "callback" :"https://us/webhooks/acme",'
        f'"metadata":{{"job":"{REQUEST_ID}"}},"n":[1,{{"a":null}}]}}'
    )
    assert acme.seen[0].content.decode() == expected


@pytest.mark.parametrize("payload", ["1", "null", '"x"', "[]", '{"metadata": null}', '{"metadata": [1]}'])
async def test_a_payload_without_room_for_the_body_fails_and_nothing_is_sent(make_call: MakeCall, payload: str) -> None:
    acme = Acme(answer('{"id": 1}'), body={"/metadata/job": "${job.request_id}"})
    outcome = await acme.vendor.call(make_call(payload))
    assert isinstance(outcome, Failed)
    assert (outcome.code, acme.seen) == ("payload_unfit", [])


async def test_a_poll_asks_with_the_vendors_headers_and_a_key_of_its_own(make_call: MakeCall) -> None:
    acme = Acme(answer("{}"), headers={"Authorization": "Bearer x"})
    await acme.vendor.poll(make_call(), "a/../b?c#d ü")
    [request] = acme.seen
    assert request.method == "GET"
    assert request.url.raw_path.decode() == f"/v2/a%2F..%2Fb%3Fc%23d%20%C3%BC?job={REQUEST_ID}"
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["idempotency-key"] == f"{REQUEST_ID}:poll:1"
    assert request.content == b""


@pytest.mark.parametrize("reference", [".", ".."])
def test_a_reference_of_dots_leads_nowhere_else(reference: str) -> None:
    url = poll_url("https://acme.example/v2/reports/${job.reference}/state", reference, REQUEST_ID)
    assert url.raw_path.startswith(b"/v2/reports/%2E")


WITH_STATUS = {"status": "/status", "done": ["ok", 2, True], "failed": ["no"], "result": "/r", "error": "/why"}
WAITS = Waiting
POLLS = [
    (200, '{"status": "ok", "r": {"a": 1.0}}', WITH_STATUS, Done('{"a": 1.0}', 200)),
    (200, '{"status": 2, "r": 1}', WITH_STATUS, Done("1", 200)),
    (202, '{"status": true, "r": 1}', WITH_STATUS, Done("1", 202)),
    (200, '{"status": "no", "why": "out of stock"}', WITH_STATUS, Failed("vendor_failed", "out of stock", 200)),
    (200, '{"status": "no"}', WITH_STATUS, Failed("vendor_failed", "The vendor says that it failed.", 200)),
    (200, '{"status": "busy"}', WITH_STATUS, WAITS),
    (204, "", WITH_STATUS, WAITS),
    (200, '{"status": "ok"}', WITH_STATUS, Retry),
    (200, "{}", WITH_STATUS, Retry),
    (200, "<html>", WITH_STATUS, Retry),
    (200, '{"r": [1]}', {"result": "/r"}, Done("[1]", 200)),
    (200, '{"r": null}', {"result": "/r"}, WAITS),
    (200, "{}", {"result": "/r"}, WAITS),
    (200, "{}", {}, Done("{}", 200)),
    (202, '{"r": 1}', {"result": "/r"}, WAITS),
    (204, "", {}, WAITS),
    (200, "<html>", {}, Retry),
    (404, "{}", {}, Retry),
    (302, "", {}, Retry),
    (500, "", {}, Retry),
]


@pytest.mark.parametrize(("status", "text", "webhook", "expected"), POLLS)
async def test_only_an_explicit_word_ends_a_poll(
    make_call: MakeCall, status: int, text: str, webhook: dict[str, object], expected: Outcome | type
) -> None:
    outcome = await Acme(answer(text, status), webhook=webhook).vendor.poll(make_call(), "r-1")
    if isinstance(expected, type):
        assert isinstance(outcome, expected)
        assert getattr(outcome, "reference", "r-1") == "r-1"
        assert not getattr(outcome, "closes_vendor", False)
    else:
        assert outcome == expected


async def test_a_throttled_poll_closes_the_vendor(make_call: MakeCall) -> None:
    outcome = await Acme(httpx.Response(429, headers={"Retry-After": "3"})).vendor.poll(make_call(), "r-1")
    assert isinstance(outcome, Retry)
    assert (outcome.closes_vendor, outcome.after) == (True, timedelta(seconds=3))


@pytest.mark.parametrize("broken", [httpx.ReadError("x"), httpx.RemoteProtocolError("x"), OSError()])
async def test_a_poll_of_which_nobody_knows_the_answer_waits_on(make_call: MakeCall, broken: Exception) -> None:
    assert isinstance(await Acme(broken).vendor.poll(make_call(), "r-1"), Retry)


async def test_a_poll_that_is_too_large_waits_on(make_call: MakeCall) -> None:
    acme = Acme(answer('"' + "x" * 100 + '"'), reply={"reference": "/id", "max_bytes": 50})
    assert isinstance(await acme.vendor.poll(make_call(), "r-1"), Retry)


async def test_a_held_back_poll_is_told_to_whoever_runs_it(make_call: MakeCall) -> None:
    with pytest.raises(NotNow):
        await Acme(NotNow("closed", until=datetime.now(UTC))).vendor.poll(make_call(), "r-1")


def test_the_worker_sees_what_the_table_says() -> None:
    told = Acme(answer(""), webhook={"secret": "whsec_aGk=", "reference": "/id"}, poll=None)
    asked = Acme(answer(""), webhook={"reference": "/id"})
    assert isinstance(told.vendor, SendsWebhooks)
    assert isinstance(told.vendor, AnswersPolls)
    assert told.vendor.webhooks is not None
    assert told.vendor.policy.poll_every is None
    assert asked.vendor.webhooks is None
    assert asked.vendor.policy.poll_every == timedelta(seconds=30)
