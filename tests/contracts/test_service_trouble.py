"""Instances that die, hang and lie: what their clients are told, and which other instance is asked."""

import asyncio
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from domain.breakers import CallOutcome
from loadtest.services.wishes import Wish
from tests.contracts.service_world import Peer, handmade, samples, world_of

DEAD, DROP, HANG = Wish("dead"), Wish("drop"), Wish("hang")


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_what_was_never_sent_goes_to_another_instance(method: str) -> None:
    async with samples(2) as instances, world_of([each.url for each in instances]) as world:
        await instances[0].follow(DEAD)
        for _ in range(4):
            answer = await world.http.request(method, "/services/user/echo", content=b"x" if method == "POST" else None)
            assert (answer.status_code, answer.json()["instance"]) == (200, "user-2")
        assert {key for key, outcome in world.breakers.reports if outcome is CallOutcome.FAILED} == {
            f"service:user:{instances[0].url}"
        }


async def test_where_nobody_can_be_reached_it_is_a_503_that_says_when_to_come_back() -> None:
    async with samples(2) as instances, world_of([each.url for each in instances]) as world:
        for each in instances:
            await each.follow(DEAD)
        answer = await world.http.get("/services/user/profile")
        assert problem(answer) == (503, "service-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert instances[0].url not in answer.text
        await instances[1].follow(Wish())
        assert (await world.http.get("/services/user/profile")).status_code == 200


@pytest.mark.parametrize(("method", "calls"), [("GET", 2), ("HEAD", 2), ("OPTIONS", 2), ("DELETE", 2)])
async def test_an_idempotent_request_without_an_answer_goes_to_another_once(method: str, calls: int) -> None:
    async with samples(3) as instances, world_of([each.url for each in instances]) as world:
        for each in instances:
            await each.follow(DROP)
        answer = await world.http.request(method, "/services/user/profile")
        assert answer.status_code == 503
        assert sorted(each.calls for each in instances) == [0, 1, 1]
        assert sum(each.calls for each in instances) == calls


async def close_unannounced(peer: Peer) -> None:
    """As an instance that has just ended the connections that idle: it answers the first request of each."""
    await peer.reader.readuntil(b"\r\n\r\n")
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    await peer.reader.readuntil(b"\r\n\r\n")


async def test_a_kept_connection_that_was_dead_is_no_failure_of_its_instance() -> None:
    async with handmade(close_unannounced) as instance, world_of([instance.url]) as world:
        told = [(await world.http.get("/services/user/x")).text for _ in range(4)]
        assert told == ["ok"] * 4
        assert instance.connections == 4
        assert world.breakers.outcomes == [CallOutcome.OK] * 4


async def test_but_what_it_may_have_read_is_not_sent_again() -> None:
    async with handmade(close_unannounced) as instance, world_of([instance.url]) as world:
        told = [(await world.http.post("/services/user/x")).status_code for _ in range(2)]
        assert told == [200, 502]
        assert instance.connections == 1


async def test_an_operator_is_told_which_instance_gave_no_answer_and_why() -> None:
    nobody = "http://127.0.0.1:1"
    async with samples(1) as instances, world_of([instances[0].url, nobody], timeout_seconds=0.3) as world:
        await instances[0].follow(HANG)
        with capture_logs() as logs:
            for _ in range(2):
                await world.http.get("/services/user/profile")
    told = {line["instance"]: line["why"] for line in logs if line["event"] == "an instance gave no answer"}
    assert told[nobody] == "ClientConnectorError"
    assert "in time" in told[instances[0].url]


async def test_any_other_request_is_made_once_and_may_have_been_done() -> None:
    async with samples(3) as instances, world_of([each.url for each in instances]) as world:
        for each in instances:
            await each.follow(DROP)
        assert problem(await world.http.post("/services/user/echo", content=b"x")) == (502, "service-broken-off")
        assert sum(each.calls for each in instances) == 1


async def test_a_body_that_has_begun_goes_nowhere_else() -> None:
    async with samples(3) as instances, world_of([each.url for each in instances]) as world:
        for each in instances:
            await each.follow(DROP)
        assert problem(await world.http.put("/services/user/echo", content=b"x")) == (503, "service-unavailable")
        assert sum(each.calls for each in instances) == 1


async def test_nothing_is_tried_again_where_the_table_says_so() -> None:
    async with samples(3) as instances, world_of([each.url for each in instances], retries=0) as world:
        for each in instances:
            await each.follow(DROP)
        assert (await world.http.get("/services/user/profile")).status_code == 503
        assert sum(each.calls for each in instances) == 1


async def test_more_is_not_tried_again_at_once_than_the_budget_has() -> None:
    async with samples(1) as instances, world_of([instances[0].url, "http://127.0.0.1:1"]) as world:
        await instances[0].follow(HANG)
        asked = [asyncio.create_task(world.http.get("/services/user/profile")) for _ in range(12)]
        async with asyncio.timeout(20):
            while instances[0].calls < 9 or sum(one.done() for one in asked) < 3:
                await asyncio.sleep(0.01)
        done = [one.result().status_code for one in asked if one.done()]
        assert (instances[0].calls, done) == (9, [503] * 3)  # six by their turn, three by the budget
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def test_no_answer_in_time_is_a_504_and_asks_nobody_else() -> None:
    async with samples(2) as instances, world_of([each.url for each in instances], timeout_seconds=0.3) as world:
        for each in instances:
            await each.follow(HANG)
        assert problem(await world.http.get("/services/user/profile")) == (504, "service-timeout")
        assert sum(each.calls for each in instances) == 1
        assert world.breakers.outcomes == [CallOutcome.FAILED]


async def test_where_no_connection_came_in_time_nothing_was_done() -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # it lets nobody else in
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        async with world_of([f"http://127.0.0.1:{full.getsockname()[1]}"], timeout_seconds=0.3) as world:
            answer = await world.http.post("/services/user/echo", content=b"x")
            assert problem(answer) == (503, "service-unavailable")
            assert world.breakers.outcomes == [CallOutcome.FAILED]


async def test_time_is_the_instances_and_a_client_may_take_its_own() -> None:
    async with samples(1) as instances, world_of([instances[0].url], timeout_seconds=0.3) as world:
        peer = await world.connect()
        await peer.ask("POST", "/services/user/echo", "Content-Length: 6", body=b"abc")
        await asyncio.sleep(0.6)  # what is tested is that this much changes nothing
        await peer.send(b"def")
        assert (await peer.head())[0] == 200


async def test_an_answer_that_goes_silent_is_cut() -> None:
    async def stop_short(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n")
        await peer.reader.read()

    async with handmade(stop_short) as instance, world_of([instance.url], idle_seconds=0.3) as world:
        peer = await world.connect()
        await peer.ask("GET", "/services/user/x")
        await peer.head()
        assert await peer.until_closed() == b"3\r\nhal\r\n"
        await asyncio.wait_for(instance.gone.wait(), 20)
        assert world.breakers.outcomes == [CallOutcome.FAILED]


@pytest.mark.parametrize("rest", [b"XX\r\n", b"\r\nno size\r\n", b"\r\n0\r\nContent-Length: 5\r\n\r\n"])
async def test_rubbish_in_the_middle_of_an_answer_cuts_it_at_once(rest: bytes) -> None:
    async def treat(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal" + rest)
        await peer.reader.read()

    async with handmade(treat) as instance, world_of([instance.url], timeout_seconds=600) as world:
        peer = await world.connect()
        await peer.ask("GET", "/services/user/x")
        await peer.head()
        assert not (await peer.until_closed()).endswith(b"0\r\n\r\n")
        await settled(world.breakers.reports, 1)
        assert world.breakers.outcomes == [CallOutcome.FAILED]


@pytest.mark.parametrize(
    "head",
    [
        *(b"HTTP/1.1 101 Switching Protocols\r\n", b"HTTP/1.1 999 Odd\r\n", b"HTTP/1.1 200 OK\r\nX-Odd: a\x01b\r\n"),
        *(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n"),
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n",
    ],
)
async def test_a_head_that_cannot_be_passed_on_is_a_502(head: bytes) -> None:
    async def treat(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(head + b"\r\n")
        await peer.reader.read()

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        assert problem(await world.http.get("/services/user/x")) == (502, "service-broken-off")
        assert world.breakers.outcomes == [CallOutcome.FAILED]


async def test_half_an_answer_never_looks_like_a_whole_one(caplog: pytest.LogCaptureFixture) -> None:
    async with samples(1) as instances, world_of([instances[0].url]) as world:
        await instances[0].follow(Wish("cut"))
        with pytest.raises(httpx.RemoteProtocolError):
            await world.http.get("/services/user/profile")
        await settled(world.breakers.reports, 1)
        assert world.breakers.outcomes == [CallOutcome.FAILED]
        assert not [record for record in caplog.records if record.levelname == "ERROR"]  # it is no bug of ours


async def test_what_an_instance_sends_too_much_is_nobodys_answer() -> None:
    async with samples(1) as instances, world_of([instances[0].url]) as world:
        await instances[0].follow(Wish("long", times=3))
        told = [(await world.http.get("/services/user/profile")).text for _ in range(5)]
        assert ["stolen" in text for text in told] == [False] * 5
        assert [text.count("user-1") for text in told] == [1] * 5


async def test_nor_what_it_sends_when_nobody_asks() -> None:
    later = asyncio.Event()

    async def treat(peer: Peer) -> None:
        while await peer.reader.readuntil(b"\r\n\r\n"):
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await later.wait()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")

    async with handmade(treat) as instance, world_of([instance.url]) as world:
        assert (await world.http.get("/services/user/x")).text == "ok"
        kept = [protocol for pool in world.services._session.connector._conns.values() for protocol, _ in pool]  # type: ignore[union-attr]
        assert len(kept) == 1
        later.set()
        async with asyncio.timeout(20):
            while not kept[0].should_close:
                await asyncio.sleep(0.01)
        assert (await world.http.get("/services/user/x")).text == "ok"
        assert instance.connections == 2


async def test_rubbish_is_a_502_and_nobody_else_is_asked() -> None:
    async with samples(2) as instances, world_of([each.url for each in instances]) as world:
        for each in instances:
            await each.follow(Wish("rubbish"))
        assert problem(await world.http.get("/services/user/profile")) == (502, "service-broken-off")
        assert sum(each.calls for each in instances) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(404, CallOutcome.OK), (429, CallOutcome.IGNORED), (500, CallOutcome.FAILED), (503, CallOutcome.FAILED)],
)
async def test_an_instances_own_no_is_passed_back_and_counted_for_what_it_is(status: int, outcome: CallOutcome) -> None:
    async with samples(2) as instances, world_of([each.url for each in instances]) as world:
        for each in instances:
            await each.follow(Wish("fail", status=status))
        answer = await world.http.get("/services/user/profile")
        assert (answer.status_code, answer.json()) == (status, {"error": "told to fail"})
        await settled(world.breakers.reports, 1)
        assert world.breakers.outcomes == [outcome]


async def test_whom_the_breaker_shuts_is_not_asked() -> None:
    async with samples(2) as instances, world_of([each.url for each in instances]) as world:
        world.breakers.shut = {f"service:user:{instances[0].url}": datetime.now(UTC) + timedelta(seconds=30)}
        told = [(await world.http.get("/services/user/profile")).json()["instance"] for _ in range(4)]
        assert told == ["user-2"] * 4
        assert instances[0].calls == 0


async def test_where_all_are_shut_it_is_a_503_until_the_first_may_be_tried() -> None:
    async with samples(2) as instances, world_of([each.url for each in instances]) as world:
        now = datetime.now(UTC)
        world.breakers.shut = {
            f"service:user:{each.url}": now + timedelta(seconds=seconds)
            for each, seconds in zip(instances, (200, 100), strict=True)
        }
        answer = await world.http.get("/services/user/profile")
        assert problem(answer) == (503, "service-unavailable")
        assert 60 < int(answer.headers["retry-after"]) <= 100
        assert [each.calls for each in instances] == [0, 0]


async def test_a_probes_word_does_not_wait_for_its_body() -> None:
    hold = asyncio.Event()

    async def treat(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await hold.wait()
        await peer.send(b"ok")

    async with handmade(treat) as instance, world_of([instance.url], timeout_seconds=70) as world:
        world.breakers.probing = True
        async with world.http.stream("GET", "/services/user/x") as answer:
            assert world.breakers.outcomes == [CallOutcome.OK]
            assert world.breakers.lasting == [timedelta(seconds=70)]  # so long nobody else is let through
            hold.set()
            assert await answer.aread() == b"ok"
        assert world.breakers.outcomes == [CallOutcome.OK]


async def settled(reports: list[tuple[str, CallOutcome]], count: int) -> None:
    async with asyncio.timeout(20):
        while len(reports) < count:
            await asyncio.sleep(0.01)
