"""A table vendor at several addresses: whose turn it is, and what its calls say of each."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.balancing.balancer import Balancer
from domain.breakers import BreakerState
from domain.errors import ConfigurationError, NotNow, OutcomeUnknown
from domain.outcomes import Done, Failed, Retry
from domain.vendors import Call
from tests.fakes_breakers import FakeBreakers
from tests.vendors.scripted import Answer, answer_ok, hang_up, listening, say, stay_silent
from vendors.http import VendorHttp
from vendors.registry import load_vendors
from vendors.table import instances as instances_module
from vendors.table.adapter import TableVendor
from vendors.table.settings import VendorTable
from vendors.transport import OneShotTransport

MakeCall = Callable[..., Call]
A, B = "https://a.example", "https://b.example:8443"
PATH = "/r/${job.reference}?x=1"
POLL = {
    "mode": "async",
    "reply": {"reference": "/id"},
    "poll": {"url": PATH, "every_seconds": 1},
}


@dataclass
class Answering:
    """What each instance answers, or raises; and what each was asked."""

    answers: dict[str, httpx.Response | BaseException] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    body: bytes = b'{"id": 1}'

    async def respond(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        answer = self.answers.get(request.url.host, httpx.Response(200, json={"id": 1}))
        if isinstance(answer, BaseException):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(self.body))


class NeverThere(OneShotTransport):
    """Where `far.example` is asked for, the connection never comes about."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "far.example":
            await asyncio.Event().wait()
        return await super().handle_async_request(request)


async def answer_late(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.1)
    await answer_ok(writer)


@pytest.fixture
def world() -> Answering:
    return Answering()


@pytest.fixture
def balancer() -> Balancer:
    return Balancer(offset=0)


@pytest.fixture
def make(world: Answering, balancer: Balancer) -> Callable[..., TableVendor]:
    def make(**table: Any) -> TableVendor:
        settings = VendorTable.model_validate({"url": "/v2/reports", "instances": [A, B], **table})
        return TableVendor("acme", settings, VendorHttp(httpx.MockTransport(world.respond)), balancer=balancer)

    return make


async def test_calls_take_turns(world: Answering, make: Callable[..., TableVendor], make_call: MakeCall) -> None:
    vendor = make()
    for _ in range(4):
        assert isinstance(await vendor.call(make_call()), Done)
    assert world.asked == [f"{A}/v2/reports", f"{B}/v2/reports"] * 2


@pytest.mark.parametrize("url", ["/v2/%2E%2E/r?x=a%20b", "https://gone.example:99/v2/%2E%2E/r?x=a%20b"])
async def test_of_a_url_with_an_origin_the_rest_is_kept(
    world: Answering, make: Callable[..., TableVendor], make_call: MakeCall, url: str
) -> None:
    await make(url=url).call(make_call())
    assert world.asked == [f"{A}/v2/%2E%2E/r?x=a%20b"]


async def test_a_url_without_a_path_is_the_root(
    world: Answering, make: Callable[..., TableVendor], make_call: MakeCall
) -> None:
    await make(url="https://gone.example").call(make_call())
    assert world.asked == [f"{A}/"]


async def test_weights_are_kept(world: Answering, make: Callable[..., TableVendor], make_call: MakeCall) -> None:
    vendor = make(instances=[A, {"url": f"{B}/", "weight": 2}])
    for _ in range(30):
        await vendor.call(make_call())
    assert sum(url.startswith(B) for url in world.asked) == 20


async def test_polls_take_turns_too(world: Answering, make: Callable[..., TableVendor], make_call: MakeCall) -> None:
    vendor = make(**POLL)
    for _ in range(2):
        await vendor.poll(make_call(), "../r 1")
    assert world.asked == [f"{A}/r/..%2Fr%201?x=1", f"{B}/r/..%2Fr%201?x=1"]


@pytest.mark.parametrize("polled", [False, True])
@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (httpx.Response(200), 0),
        (httpx.Response(404), 0),
        (httpx.Response(302), 0),
        (httpx.Response(429), 0),
        (httpx.Response(503, headers={"Retry-After": "3"}), 0),
        (httpx.Response(500), 1),
        (httpx.Response(501), 1),
        (httpx.Response(503), 1),
        (httpx.ReadError("cut"), 1),
        (NotNow("closed", until=datetime(2030, 1, 1, tzinfo=UTC)), 0),
        (asyncio.CancelledError(), 0),
    ],
)
async def test_what_came_of_a_call_is_noted_of_its_instance(
    world: Answering,
    make: Callable[..., TableVendor],
    balancer: Balancer,
    make_call: MakeCall,
    answer: httpx.Response | BaseException,
    failures: int,
    polled: bool,
) -> None:
    world.answers["a.example"] = answer
    vendor = make(**POLL)
    with suppress(OutcomeUnknown, NotNow, asyncio.CancelledError):
        await (vendor.poll(make_call(), "r") if polled else vendor.call(make_call()))
    looks = [(look.calls, look.failures, look.outstanding) for look in balancer.looks()]
    assert looks == [(1, failures, 0), (0, 0, 0)]


async def test_one_that_lies_is_noted_too(
    world: Answering, make: Callable[..., TableVendor], balancer: Balancer, make_call: MakeCall
) -> None:
    world.body = b"<html>"
    assert isinstance(await make().call(make_call()), Failed)
    assert [look.failures for look in balancer.looks()] == [1, 0]


async def test_a_hurried_call_says_nothing_of_an_instance(balancer: Balancer, make_call: MakeCall) -> None:
    async with listening(stay_silent) as silent, VendorHttp() as http:
        vendor = reached_at(http, silent.url, "http://b.invalid", balancer=balancer)
        with pytest.raises(OutcomeUnknown):
            await vendor.call(make_call(seconds=0.05, hurried=True))
    assert [look.failures for look in balancer.looks()] == [0, 0]


def reached_at(http: VendorHttp, *instances: str, balancer: Balancer) -> TableVendor:
    table = VendorTable.model_validate({"url": "/", "instances": list(instances)})
    return TableVendor("acme", table, http, balancer=balancer)


async def test_an_instance_that_nobody_reaches_is_passed_over_and_left_alone_after_five_calls(
    balancer: Balancer, make_call: MakeCall
) -> None:
    async with listening() as one, listening() as other, VendorHttp() as http:
        vendor = reached_at(http, "http://a.invalid", one.url, other.url, balancer=balancer)
        outcomes = [await vendor.call(make_call()) for _ in range(60)]
    assert {type(outcome) for outcome in outcomes} == {Done}
    assert len(one.received) == len(other.received) == 30
    gone, *_ = balancer.looks()
    assert (gone.failures, gone.ejected_until is not None) == (5, True)


async def test_where_nobody_can_be_reached_each_is_tried_once(balancer: Balancer, make_call: MakeCall) -> None:
    async with VendorHttp() as http:
        vendor = reached_at(http, "http://a.invalid", "http://b.invalid", balancer=balancer)
        outcome = await vendor.call(make_call())
    assert isinstance(outcome, Retry)
    assert (outcome.code, [look.failures for look in balancer.looks()]) == ("vendor_unreachable", [1, 1])


@pytest.mark.parametrize("answer", [hang_up, say(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")])
async def test_what_was_sent_is_sent_to_no_other(balancer: Balancer, make_call: MakeCall, answer: Answer) -> None:
    async with listening(answer) as one, listening() as other, VendorHttp() as http:
        vendor = reached_at(http, one.url, other.url, balancer=balancer)
        with suppress(OutcomeUnknown):
            assert isinstance(await vendor.call(make_call()), Retry)
    assert (len(one.received), len(other.received)) == (1, 0)


async def test_who_takes_long_to_connect_is_passed_over_and_a_slow_answer_is_waited_for(
    balancer: Balancer, make_call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances_module, "CONNECT_SECONDS", 0.05)
    async with listening(answer_late) as slow, VendorHttp(NeverThere()) as http:
        vendor = reached_at(http, "http://far.example", slow.url, "http://c.invalid", balancer=balancer)
        assert isinstance(await vendor.call(make_call()), Done)
    assert [look.failures for look in balancer.looks()] == [1, 0, 0]


async def test_an_instance_whose_breaker_is_open_is_left_out_and_probed_by_one_call(
    world: Answering, make: Callable[..., TableVendor], make_call: MakeCall
) -> None:
    guards, vendor = FakeBreakers(), make()
    guards.open(f"vendor:acme:{A}")
    for _ in range(4):
        await vendor.call(make_call(guards=guards))
    assert world.asked == [f"{B}/v2/reports"] * 4
    guards.now += 6_000
    for _ in range(2):
        await vendor.call(make_call(guards=guards))
    assert {f"{A}/v2/reports", f"{B}/v2/reports"} == {*world.asked[4:]}
    assert [look.state for look in await guards.looks([f"vendor:acme:{A}"])] == [BreakerState.CLOSED]


async def test_what_fails_at_an_instance_is_told_to_its_breaker_and_where_all_are_open_all_are_used(
    world: Answering, make: Callable[..., TableVendor], make_call: MakeCall
) -> None:
    guards, vendor = FakeBreakers(), make()
    world.answers = {"a.example": httpx.Response(500), "b.example": httpx.Response(500)}
    for _ in range(12):
        await vendor.call(make_call(guards=guards))
    looks = await guards.looks([f"vendor:acme:{A}", f"vendor:acme:{B}"])
    assert [(look.state, look.failures) for look in looks] == [(BreakerState.OPEN, 5)] * 2
    assert len(world.asked) == 12


async def test_a_payload_that_is_not_sent_takes_no_turn(
    make: Callable[..., TableVendor], balancer: Balancer, make_call: MakeCall
) -> None:
    await make(body={"/a/b": "x"}).call(make_call('{"a": 1}'))
    assert [look.calls for look in balancer.looks()] == [0, 0]


def test_a_table_that_stays_keeps_what_is_known_of_its_instances(tmp_path: Path) -> None:
    path = tmp_path / "vendors.toml"
    path.write_text(f'[vendors.acme]\nurl = "/v2"\ninstances = ["{A}", "{B}"]\n')
    http = VendorHttp(httpx.MockTransport(lambda request: httpx.Response(200)))
    first = load_vendors([path], {}, http)
    assert load_vendors([path], {}, http, known=first) == first


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ('url = "/v2"', 2, "add instances"),
        ('url = "v2"\ninstances = ["http://a"]', 2, "http:// or https://"),
        ('url = "/v2#top"\ninstances = ["http://a"]', 2, "remove what follows the #"),
        ('url = "/v2/${job.request_id}"\ninstances = ["http://a"]', 2, "remove ${job"),
        ('url = "/v2"\ninstances = []', 3, "list those that there are"),
        ('url = "/v2"\ninstances = "http://a"', 3, "write it in [ ]"),
        ('url = "/v2"\ninstances = ["ftp://a"]', 3, "http:// or https://"),
        ('url = "/v2"\ninstances = ["/a"]', 3, "http:// or https://"),
        ('url = "/v2"\ninstances = ["http://me:hunter2@a"]', 3, "credentials"),
        ('url = "/v2"\ninstances = ["http://a/v1"]', 3, "move it into url"),
        ('url = "/v2"\ninstances = ["http://a?x=1"]', 3, "move it into url"),
        ('url = "/v2"\ninstances = ["http://a", "HTTP://A/"]', 3, "holds one twice"),
        ('url = "/v2"\ninstances = ["http://${NOBODY}"]', 3, "set NOBODY"),
        ('url = "/v2"\ninstances = [7]', 3, "weight of 1 to 1000"),
        ('url = "/v2"\ninstances = [{ url = "http://a", weight = 0 }]', 3, "weight of 1 to 1000"),
        ('url = "/v2"\ninstances = [{ url = "http://a", weight = true }]', 3, "weight of 1 to 1000"),
        ('url = "/v2"\ninstances = [{ url = "http://a", weight = 1, colour = 1 }]', 3, "weight of 1 to 1000"),
        (
            f'url = "http://x"\nmode = "async"\nreply.reference = "/a"\npoll.every_seconds=1\npoll.url = "{PATH}"',
            6,
            "add instances",
        ),
    ],
)
def test_what_is_wrong_with_instances_is_told_with_its_line(tmp_path: Path, text: str, line: int, remedy: str) -> None:
    path = tmp_path / "vendors.toml"
    path.write_text(f"[vendors.a]\n{text}\n")
    with pytest.raises(ConfigurationError) as fault:
        load_vendors([path], {}, VendorHttp(httpx.MockTransport(lambda request: httpx.Response(200))))
    assert fault.value.detail.startswith(f"{path}:{line}: ")
    assert remedy in fault.value.detail
    assert "hunter2" not in fault.value.detail
