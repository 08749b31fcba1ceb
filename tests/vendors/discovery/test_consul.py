"""Instances from Consul's HTTP API, asked of a double of it on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from domain.balancing.instances import Instance
from tests.vendors.discovery.consul_double import (
    ConsulDouble,
    Trouble,
    consul,
    entry,
    hang_up,
    hang_up_in_the_middle,
    replying,
)
from tests.vendors.discovery.listening import Naps, heard
from vendors.discovery.consul import Consul
from vendors.discovery.consul_agent import MAX_BYTES

A, B = Instance("http://10.0.0.1:9001"), Instance("http://10.0.0.2:9002")
AT_A, AT_B = entry("10.0.0.1", 9001), entry("10.0.0.2", 9002)
SECRET = "hunter2hunter2"
TROUBLES = [
    replying(500, f"rpc error {SECRET}"),
    replying(403, json.dumps([AT_A]), X_Consul_Index="9"),
    replying(404, "no such page"),
    replying(302, "", Location="http://elsewhere.example"),
    replying(200, f"<html>{SECRET}", X_Consul_Index="9"),
    replying(200, "{}", X_Consul_Index="9"),
    replying(200, '[{"Node": {"Address": "x"}, "Service": {"Port": "80"}}]', X_Consul_Index="9"),
    replying(200, '[{"Checks": ' + "[" * 100_000, X_Consul_Index="9"),
    replying(200, "[]"),
    replying(200, "[]", X_Consul_Index="-1"),
    replying(200, "[]", X_Consul_Index="²"),
    replying(200, "[]", X_Consul_Index="9" * 5000),
    replying(200, json.dumps([AT_A]) + " " * MAX_BYTES, X_Consul_Index="9"),
    replying(200, "[]", X_Consul_Index="9", Content_Encoding="br"),
    hang_up,
    hang_up_in_the_middle,
]


@pytest.fixture
async def agent() -> AsyncIterator[ConsulDouble]:
    async with consul(AT_B, AT_A) as double:
        yield double


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def discovery(agent: ConsulDouble, http: httpx.AsyncClient, naps: Naps) -> Consul:
    return Consul(agent.url, "user", http, sleep=naps)


async def test_those_that_pass_their_checks_are_the_instances(
    agent: ConsulDouble, discovery: Consul, naps: Naps
) -> None:
    async with heard(discovery) as lists:
        await naps.begun()
    assert lists == [(A, B)]
    assert agent.queries == [{"passing": "1"}]
    assert agent.paths == ["/v1/health/service/user"]


async def test_a_change_is_heard_while_the_query_blocks(agent: ConsulDouble, discovery: Consul, naps: Naps) -> None:
    async with heard(discovery) as lists:
        await naps.begun()
        naps.end()
        await agent.held.wait()
        agent.change(AT_B)
        await naps.begun()
    assert lists == [(A, B), (B,)]
    assert agent.queries[-1] == {"passing": "1", "index": "7", "wait": "60s"}


async def test_an_answer_in_which_nothing_has_changed_is_not_told_again(
    agent: ConsulDouble, discovery: Consul, naps: Naps
) -> None:
    async with heard(discovery) as lists:
        await naps.begun()
        naps.end()
        await agent.held.wait()
        agent.change(AT_A, AT_B)
        await naps.begun()
    assert lists == [(A, B)]


async def test_an_index_that_went_backwards_is_begun_anew(agent: ConsulDouble, discovery: Consul, naps: Naps) -> None:
    async with heard(discovery) as lists:
        await naps.begun()
        naps.end()
        await agent.held.wait()
        agent.change(AT_A, index=2)
        await naps.begun()
        agent.entries = [AT_B]
        await naps.once_more()
        assert "index" not in agent.queries[-1]
        naps.end()
        await agent.held.wait()
    assert lists == [(A, B), (A,), (B,)]
    assert agent.queries[-1]["index"] == "2"


async def test_an_index_of_nothing_still_blocks(agent: ConsulDouble, discovery: Consul, naps: Naps) -> None:
    agent.index = 0
    async with heard(discovery):
        await naps.begun()
        naps.end()
        await agent.held.wait()
    assert agent.queries[-1]["index"] == "1"


async def test_between_two_answers_there_is_a_breath(discovery: Consul, naps: Naps) -> None:
    async with heard(discovery):
        assert 0 < await naps.begun() < 1


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_is_told_once_and_the_last_list_stays(
    agent: ConsulDouble, discovery: Consul, naps: Naps, trouble: Trouble
) -> None:
    with capture_logs() as logs:
        async with heard(discovery) as lists:
            await naps.begun()
            naps.end()
            await agent.held.wait()
            await agent.break_down(trouble)
            assert await naps.begun() == 1
            assert await naps.once_more() == 2
            assert lists == [(A, B)]
            agent.trouble = None
            agent.change(AT_B, index=1)  # another Consul by now: whoever asks for more than it has would wait
            await naps.once_more()
    assert lists == [(A, B), (B,)]
    assert [(line["log_level"], line["service"]) for line in logs] == [("warning", "user"), ("info", "user")]
    assert SECRET not in str(logs)


async def test_that_nobody_is_left_is_told_once_and_not_believed_and_the_next_change_is_heard(
    agent: ConsulDouble, discovery: Consul, naps: Naps
) -> None:
    with capture_logs() as logs:
        async with heard(discovery) as lists:
            await naps.begun()
            for _ in range(2):
                naps.end()
                await agent.held.wait()
                agent.change()
                await naps.begun()
            assert lists == [(A, B)]
            naps.end()
            await agent.held.wait()
            agent.change(AT_A)
            await naps.begun()
    assert lists == [(A, B), (A,)]
    assert [line["log_level"] for line in logs] == ["warning", "info"]


async def test_an_agent_that_is_not_there_yet_is_waited_for(http: httpx.AsyncClient, naps: Naps) -> None:
    async with consul() as gone:
        pass
    with capture_logs() as logs:
        async with heard(Consul(gone.url, "user", http, sleep=naps)) as lists:
            assert [await naps.begun()] + [await naps.once_more() for _ in range(3)] == [1, 2, 4, 8]
    assert lists == []
    assert [line["log_level"] for line in logs] == ["warning"]


async def test_weights_are_taken_and_the_nodes_address_where_the_service_has_none(
    agent: ConsulDouble, discovery: Consul, naps: Naps
) -> None:
    agent.entries = [entry("", 1, Weights={"Passing": 5, "Warning": 1}), entry("fd00::1", 2, Weights={"Passing": 0})]
    async with heard(discovery) as lists:
        await naps.begun()
    assert lists == [(Instance("http://10.0.0.9:1", 5), Instance("http://[fd00::1]:2", 1))]


async def test_what_is_registered_without_an_address_does_not_hide_the_others(
    agent: ConsulDouble, discovery: Consul, naps: Naps
) -> None:
    bad = [("10.0.0.3", 0), ("a b", 1), ("me@host", 1), ("host/path", 1), ("host:80", 1), ("a..b", 1), ("x", 99999)]
    agent.entries += [entry(host, port) for host, port in bad]
    async with heard(discovery) as lists:
        await naps.begun()
    assert lists == [(A, B)]


async def test_a_name_is_one_piece_of_the_path_and_a_token_goes_along(
    agent: ConsulDouble, http: httpx.AsyncClient, naps: Naps
) -> None:
    with capture_logs() as logs:
        async with heard(Consul(f"{agent.url}/", "a/b?c", http, token=SECRET, sleep=naps)):
            await naps.begun()
            agent.trouble = replying(500, SECRET)
            agent.change()
            await naps.once_more()
    assert agent.paths[0] == "/v1/health/service/a%2Fb%3Fc"
    assert set(agent.tokens) == {SECRET}
    assert SECRET not in str(logs)


async def test_nothing_is_taken_from_the_environment(
    agent: ConsulDouble, http: httpx.AsyncClient, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "somebody-elses")
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "nonsense")
    async with heard(Consul(agent.url, "user", http, sleep=naps)) as lists:
        await naps.begun()
    assert lists == [(A, B)]
    assert set(agent.tokens) == {None}


async def test_whoever_stops_listening_ends_the_query(agent: ConsulDouble, discovery: Consul, naps: Naps) -> None:
    async with heard(discovery), asyncio.timeout(10):
        await naps.begun()
        naps.end()
        await agent.held.wait()
