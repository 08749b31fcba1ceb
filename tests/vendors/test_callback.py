"""Callbacks as their receivers see them, and what their answers come to."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from domain.callbacks import TRIES, VENDOR, callback_of
from domain.errors import BadSignature, ConfigurationError, NotNow, OutcomeUnknown
from domain.outcomes import Done, Failed, Retry
from domain.vendors import Call, Vendor
from tests.strategies import NOON, a_job
from tests.vendors.scripted import Answer, ScriptedVendor, answer_ok, hang_up, listening, say, stay_silent
from vendors.callback.adapter import MAX_REPLY_BYTES, Callback
from vendors.callback.settings import CallbackSettings
from vendors.guarded import GuardedTransport
from vendors.http import VendorHttp
from vendors.registry import load_vendor_names
from vendors.signatures.standard import read_secret, verify

SETTINGS = CallbackSettings(SecretStr("a master of 32 characters or more"), allow_private=True)
CHILD = UUID("0192f0c0-0000-7000-8000-000000000001")


class FakeHostLimit:
    """A `HostLimit` that says no when told to."""

    def __init__(self, until: datetime | None = None) -> None:
        self.until = until
        self.asked: list[str] = []

    async def take(self, host: str) -> datetime | None:
        self.asked.append(host)
        return self.until


class EndlessReply(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """Answers with a body that has no end; `read` is how much of it was taken."""

    def __init__(self, code: int) -> None:
        self._code = code
        self.read = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self._code, stream=self)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while True:
            self.read += 1_000
            yield b"x" * 1_000


def a_call(url: str, *, client: str = "acme", seconds: float = 5.0) -> Call:
    parent = a_job(client=client, callback_url=url, status="complete")
    child = callback_of(parent, public_base="https://gateway.example", now=NOON)
    return Call(CHILD, child.payload, timedelta(seconds=seconds), generation=1)


@asynccontextmanager
async def receiver(
    *answers: Answer, limit: FakeHostLimit | None = None
) -> AsyncIterator[tuple[Callback, ScriptedVendor]]:
    async with listening(*answers) as server, VendorHttp() as http:
        yield Callback(http, SETTINGS, limit or FakeHostLimit()), server


def status(line: str, *fields: str) -> Answer:
    return say("\r\n".join([f"HTTP/1.1 {line}", "Content-Length: 0", *fields, "", ""]).encode())


def test_it_is_a_vendor_whose_tries_are_those_of_the_contract() -> None:
    vendor: Vendor = Callback(VendorHttp(), SETTINGS, FakeHostLimit())
    assert vendor.name == VENDOR
    assert (vendor.policy.attempts, vendor.policy.timeout) == (TRIES, timedelta(seconds=15))
    assert vendor.policy.repeatable


def test_receivers_are_many_so_trouble_with_some_holds_nobody_elses_callbacks() -> None:
    assert not Callback(VendorHttp(), SETTINGS, FakeHostLimit()).policy.breaker


async def test_the_receiver_can_verify_it_with_the_secret_that_it_was_told() -> None:
    async with receiver() as (callback, server):
        outcome = await callback.call(a_call(f"{server.url}/told?x=1"))
    assert outcome == Done('{"status":200}', 200)
    got = server.received[0]
    key = read_secret(SETTINGS.secret_of("acme"))
    assert verify(got.headers, got.body, datetime.now(UTC), [key]) == got.headers["webhook-id"]
    assert got.line == "POST /told?x=1 HTTP/1.1"
    assert json.loads(got.body)["type"] == "job.complete"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "vendor-gateway"


async def test_no_other_clients_secret_verifies_it() -> None:
    async with receiver() as (callback, server):
        await callback.call(a_call(server.url, client="acme"))
    got = server.received[0]
    with pytest.raises(BadSignature):
        verify(got.headers, got.body, datetime.now(UTC), [SETTINGS.key_of("other")])


async def test_every_attempt_and_retry_has_the_same_id_and_body_but_its_own_time() -> None:
    moments = iter(NOON + timedelta(hours=hour) for hour in range(20))
    async with listening() as server, VendorHttp() as http:
        callback = Callback(http, SETTINGS, FakeHostLimit(), clock=lambda: next(moments))
        call = a_call(server.url)
        await callback.call(call)
        await callback.call(replace(call, generation=2))
    first, second = server.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("code", [301, 302, 307, 400, 401, 404, 408, 409, 429, 500, 503])
async def test_every_answer_that_is_no_success_is_tried_again_and_closes_nothing(code: int) -> None:
    async with receiver(status(f"{code} No", "Location: /elsewhere", "Retry-After: 7")) as (callback, server):
        outcome = await callback.call(a_call(server.url))
    assert isinstance(outcome, Retry)
    assert (outcome.closes_vendor, outcome.vendor_status, outcome.after) == (False, code, timedelta(seconds=7))
    assert len(server.received) == 1


async def test_gone_stops_it() -> None:
    async with receiver(status("410 Gone")) as (callback, server):
        outcome = await callback.call(a_call(server.url))
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("callback_gone", 410)


@pytest.mark.parametrize("code", [200, 201, 202, 204])
async def test_any_2xx_is_a_success(code: int) -> None:
    async with receiver(status(f"{code} Fine")) as (callback, server):
        assert await callback.call(a_call(server.url)) == Done(f'{{"status":{code}}}', code)


@pytest.mark.parametrize("encoding", ["", "Content-Encoding: br\r\n", "Content-Encoding: gzip\r\n"])
async def test_a_success_is_one_however_long_or_odd_its_body(encoding: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{encoding}Content-Length: {10 * MAX_REPLY_BYTES}\r\n\r\n"
    async with receiver(say(head.encode() + b"x" * (2 * MAX_REPLY_BYTES))) as (callback, server):
        assert await callback.call(a_call(server.url)) == Done('{"status":200}', 200)


@pytest.mark.parametrize("then_close", [True, False])
async def test_a_success_is_one_although_its_body_breaks_or_does_not_end(then_close: bool) -> None:
    said = say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of", then_close=then_close)
    async with receiver(said) as (callback, server):
        assert await callback.call(a_call(server.url)) == Done('{"status":200}', 200)


@pytest.mark.parametrize("code", [200, 500])
async def test_no_more_of_a_reply_is_read_than_its_cap(code: int) -> None:
    endless = EndlessReply(code)
    async with VendorHttp(endless) as http:
        await Callback(http, SETTINGS, FakeHostLimit()).call(a_call("https://client.example/"))
    assert endless.read <= MAX_REPLY_BYTES + 1_000


@pytest.mark.parametrize("answer", [hang_up, stay_silent, say(b"rubbish\r\n\r\n", then_close=True)])
async def test_what_nobody_knows_the_end_of_is_unknown_and_thus_tried_again(answer: Answer) -> None:
    async with receiver(answer) as (callback, server):
        with pytest.raises(OutcomeUnknown):
            await callback.call(a_call(server.url, seconds=0.3))


async def test_a_receiver_that_cannot_be_reached_is_tried_again() -> None:
    async with receiver() as (_, server):
        gone = server.url
    async with VendorHttp() as http:
        outcome = await Callback(http, SETTINGS, FakeHostLimit()).call(a_call(gone))
    assert isinstance(outcome, Retry)


@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/",
        "https://user:secret@client.example/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "ftp://client.example/",
        "https:///",
        "file:///etc/passwd",
        "https://exa mple/",
        "https://xn--/",
        "https://a.xn--a/",
    ],
)
async def test_what_leads_nowhere_public_is_refused_at_once_with_one_text(url: str) -> None:
    dialled: list[object] = []

    async def names(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with VendorHttp(GuardedTransport(look_up=names, make_socket=dialled.append)) as http:  # type: ignore[arg-type]
        callback = Callback(http, replace(SETTINGS, allow_private=False), FakeHostLimit())
        outcome = await callback.call(a_call(url))
    reason = "The callback_url leads to no public address over https; nothing was sent."
    assert outcome == Failed("callback_refused", reason)
    assert dialled == []


async def test_a_host_that_has_had_its_calls_costs_no_try_and_hears_nothing() -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    limit = FakeHostLimit(until)
    async with receiver(limit=limit) as (callback, server):
        with pytest.raises(NotNow) as denied:
            await callback.call(a_call(server.url.replace("127.0.0.1", "LocalHost.")))
    assert denied.value.until >= until
    assert (server.connections, limit.asked) == (0, ["localhost"])


async def test_ten_calls_of_one_host_run_at_once_and_the_others_come_again_one_by_one() -> None:
    async with receiver(stay_silent) as (callback, server):
        running = [asyncio.create_task(callback.call(a_call(server.url))) for _ in range(10)]
        while len(server.received) < 10:
            await asyncio.sleep(0.005)
        turns = []
        for _ in range(3):
            with pytest.raises(NotNow) as denied:
                await callback.call(a_call(server.url))
            turns.append(denied.value.until)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        assert turns == sorted(set(turns))
        with pytest.raises(OutcomeUnknown):  # the slots are free again
            await callback.call(a_call(server.url, seconds=0.05))
    assert len(server.received) == 11


async def test_a_dead_host_holds_nobody_else_up() -> None:
    async with receiver(stay_silent) as (callback, dead), listening(answer_ok) as well:
        running = [asyncio.create_task(callback.call(a_call(dead.url))) for _ in range(10)]
        while len(dead.received) < 10:
            await asyncio.sleep(0.005)
        other = well.url.replace("127.0.0.1", "localhost")
        assert isinstance(await callback.call(a_call(other)), Done)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def test_no_table_may_take_its_name_and_no_client_can_ask_for_it(tmp_path: Path) -> None:
    table = tmp_path / "vendors.toml"
    table.write_text('[vendors.callback]\nurl = "https://api.example/"\n')
    with pytest.raises(ConfigurationError, match=r"vendors\.toml:1: `callback` is the name of a vendor in code"):
        load_vendor_names([table], {})
    table.write_text('[vendors.acme]\nurl = "https://api.example/"\n')
    assert load_vendor_names([table], {}, adapters={}) == {"acme"}


def test_a_secret_is_told_apart_by_client_and_shows_nothing_of_the_master() -> None:
    assert SETTINGS.secret_of("acme") != SETTINGS.secret_of("other")
    assert SETTINGS.secret_of("acme") == SETTINGS.secret_of("acme")
    assert len(read_secret(SETTINGS.secret_of("acme"))) == 32
    assert "32 characters" not in repr(SETTINGS)
