"""Services and breakers with their answers counted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.breakers import BreakerRules, CallOutcome
from domain.counted_calls import CountedBreakers, CountedServices
from domain.errors import BrokenOff, Unavailable
from domain.metrics import BREAKER_CALLS, PROXIED, PROXY_CUT, PROXY_SECONDS
from domain.services import ClientGone, ProxyRequest
from domain.tallies import Tallies
from tests.fakes_breakers import FakeBreakers
from tests.fakes_services import FakeReply, FakeServices

KEY = "service:user:http://10.0.0.7:9001"
REQUEST = ProxyRequest("GET", "/", (), 0, "r")
LASTS = timedelta(seconds=1)


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def test_what_a_breaker_refused_tried_and_was_told_is_counted_without_the_address() -> None:
    counts, fake = Tallies(), FakeBreakers(BreakerRules(in_a_row=1))
    breakers = CountedBreakers(fake, counts)
    await breakers.report(KEY, await breakers.admit(KEY, LASTS), CallOutcome.FAILED)
    assert not (await breakers.admit(KEY, LASTS)).allowed
    fake.now += 300_000
    await breakers.report(KEY, await breakers.admit(KEY, LASTS), CallOutcome.OK)
    assert [outcome for _, outcome in fake.told] == [CallOutcome.FAILED, CallOutcome.OK]
    assert {single.labels: single.value for single in counts.snapshot().singles} == {
        ("service", "user", "failed"): 1,
        ("service", "user", "refused"): 1,
        ("service", "user", "probe"): 1,
        ("service", "user", "ok"): 1,
    }
    assert counts.of(BREAKER_CALLS, "service", "user", "probe") == 1


async def test_an_instance_of_a_vendor_is_not_taken_for_the_vendor() -> None:
    counts = Tallies()
    breakers = CountedBreakers(FakeBreakers(), counts)
    for key in ("vendor:acme", "vendor:acme:http://10.0.0.7", "vendor:acme:http://10.0.0.8"):
        await breakers.report(key, await breakers.admit(key, LASTS), CallOutcome.OK)
    assert counts.of(BREAKER_CALLS, "vendor", "acme", "ok") == 1
    assert counts.of(BREAKER_CALLS, "vendor_instance", "acme", "ok") == 2


@pytest.mark.parametrize(
    ("services", "outcome"),
    [
        (FakeServices(reply=FakeReply(204)), "2xx"),
        (FakeServices(reply=FakeReply(503)), "5xx"),
        (FakeServices(fault=Unavailable("nobody", code="service-unavailable")), "service-unavailable"),
        (FakeServices(fault=asyncio.CancelledError()), "left"),  # type: ignore[arg-type]  # which is no Exception
        (FakeServices(fault=ClientGone()), "left"),
        (FakeServices(fault=RuntimeError("x")), "other"),
    ],
    ids=["answered", "its own trouble", "nobody there", "gone", "gone while it sent", "a bug"],
)
async def test_a_request_is_counted_once_by_what_the_client_heard(services: FakeServices, outcome: str) -> None:
    counts = Tallies()
    counted = CountedServices(services, counts)
    assert counted.policy("user") is services.policies["user"]
    if services.fault is None:
        reply = await counted.open("user", REQUEST, nothing())
        assert (reply.status, reply.headers) == (services.reply.status, services.reply.headers)
    else:
        with pytest.raises(type(services.fault)):
            await counted.open("user", REQUEST, nothing())
    assert counts.of(PROXIED, "user", outcome) == 1
    assert counts.of(PROXY_SECONDS, "user") == (services.fault is None)


@pytest.mark.parametrize(("fault", "cut"), [(BrokenOff("half of it"), 1), (None, 0)], ids=["cut", "whole"])
async def test_an_answer_that_breaks_off_is_counted_apart(fault: BrokenOff | None, cut: int) -> None:
    counts, answer = Tallies(), FakeReply(fault=fault)
    reply = await CountedServices(FakeServices(reply=answer), counts).open("user", REQUEST, nothing())
    came = b""
    try:
        async for piece in reply.pieces():
            came += piece
    except BrokenOff:
        pass
    await reply.close()
    assert (came, answer.closed) == (b"".join(answer.body), 1)
    assert counts.of(PROXY_CUT, "user") == cut
