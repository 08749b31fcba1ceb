"""Rates over HTTP: who is counted, what is told, and how a refusal reads."""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import get, post

from api.app import build_app
from api.callers import CallerGate
from api.limits import COUNTED_BY_ADDRESS, Limits, RequestLimits
from api.ports import ApiPorts
from domain.callers import Caller, Role
from domain.edge.app import build_edge
from domain.edge.security import BrowserRules
from domain.errors import Conflict
from domain.quotas import Standing, Verdict
from tests.fakes import FakeCallers

CALLERS = FakeCallers(
    acme=Caller("acme", Role.USER), globex=Caller("globex", Role.USER), free=Caller("free", Role.USER)
)


def verdict(used: int, amount: int, seconds: int = 900) -> Verdict:
    over = used > amount
    return Verdict(29.2 if over else 0.0, (Standing(amount, seconds, max(0, amount - used), 29.2),))


class FakeCallerLimit:
    """Two requests a client, but for the one that is free."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def take(self, caller: Caller) -> Verdict | None:
        self.taken[caller.client] += 1
        return None if caller.client == "free" else verdict(self.taken[caller.client], 2)


class FakeAddressLimit:
    """Two requests an address."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def take(self, address: str) -> Verdict:
        self.taken[address] += 1
        return verdict(self.taken[address], 2)


class TwoWindows:
    async def take(self, caller: Caller) -> Verdict:
        return Verdict(0.0, (Standing(10, 1, 9, 0.4), Standing(100, 900, 42, 30.0)))


@get("/jobs")
async def list_jobs() -> str:
    return "jobs"


@get("/vendors")
async def list_vendors() -> str:
    raise Conflict("not now")


@post("/auth/login", status_code=200)
async def sign_in() -> str:
    return "in"


@get("/health/live")
async def alive() -> str:
    return "up"


def client_of(limits: RequestLimits, token: str | None = None, peer: str = "192.0.2.1") -> AsyncClient:
    gate = partial(CallerGate, directory=CALLERS, anonymous_allowed=False)
    routes = [list_jobs, list_vendors, sign_in, alive]
    app = build_edge(routes, middleware=[gate, partial(Limits, limits=limits)])
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = ASGITransport(app, client=(peer, 50_000))  # type: ignore[arg-type]
    return AsyncClient(transport=transport, base_url="http://gateway.test", headers=headers)


def is_silent(answer: Response) -> bool:
    return not any(name.startswith("ratelimit") for name in answer.headers)


async def test_a_limited_clients_answers_tell_the_policy_and_what_is_left() -> None:
    answer = await client_of(RequestLimits(FakeCallerLimit()), "acme").get("/jobs")
    assert answer.status_code == 200
    assert answer.headers.get_list("ratelimit-policy") == ['"client";q=2;w=900']
    assert answer.headers.get_list("ratelimit") == ['"client";r=1;t=30']


async def test_problems_of_a_limited_client_tell_it_too() -> None:
    answer = await client_of(RequestLimits(FakeCallerLimit()), "acme").get("/vendors")
    assert answer.status_code == 409
    assert answer.headers["ratelimit"] == '"client";r=1;t=30'


async def test_too_many_requests_are_a_problem_that_says_when_to_come_back() -> None:
    client = client_of(RequestLimits(FakeCallerLimit()), "acme")
    *_, answer = [await client.get("/jobs", headers={"X-Request-ID": "seventeen"}) for _ in range(3)]
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "30"
    assert answer.headers["ratelimit-policy"] == '"client";q=2;w=900'
    assert answer.headers["ratelimit"] == '"client";r=0;t=30'
    told = answer.json()
    assert (told["code"], told["instance"], told["trace_id"]) == ("too-many-requests", "/jobs", "seventeen")
    assert "2 in 900 s" in told["detail"]


async def test_each_client_has_a_rate_of_its_own() -> None:
    limits = RequestLimits(FakeCallerLimit())
    for _ in range(3):
        await client_of(limits, "acme").get("/jobs")
    assert (await client_of(limits, "globex").get("/jobs")).status_code == 200


async def test_a_client_without_a_limit_is_told_of_none() -> None:
    answers = [await client_of(RequestLimits(FakeCallerLimit()), "free").get("/jobs") for _ in range(5)]
    assert all(answer.status_code == 200 and is_silent(answer) for answer in answers)


async def test_without_limits_nothing_is_told() -> None:
    answers = [
        await client_of(RequestLimits(), "acme").get("/jobs"),
        await client_of(RequestLimits()).post("/auth/login"),
    ]
    assert all(answer.is_success and is_silent(answer) for answer in answers)


async def test_each_of_several_windows_has_a_name() -> None:
    answer = await client_of(RequestLimits(TwoWindows()), "acme").get("/jobs")
    assert answer.headers["ratelimit-policy"] == '"client-1s";q=10;w=1, "client-900s";q=100;w=900'
    assert answer.headers["ratelimit"] == '"client-1s";r=9;t=1, "client-900s";r=42;t=30'


async def test_where_nobody_is_signed_in_yet_the_address_is_counted() -> None:
    limits = RequestLimits(of_addresses=FakeAddressLimit())
    answers = [await client_of(limits).post("/auth/login") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"address";q=2;w=900'
    assert answers[2].headers["retry-after"] == "30"
    assert (await client_of(limits, peer="192.0.2.2").post("/auth/login")).status_code == 200


async def test_reads_in_the_open_and_refused_callers_are_not_counted() -> None:
    addresses = FakeAddressLimit()
    stranger = client_of(RequestLimits(FakeCallerLimit(), addresses))
    answers = [await stranger.get("/health/live"), await stranger.get("/jobs"), await stranger.get("/nothing")]
    assert [answer.status_code for answer in answers] == [200, 401, 404]
    assert all(is_silent(answer) for answer in answers)
    assert not addresses.taken


@pytest.mark.parametrize(
    ("hops", "counted"), [(0, "192.0.2.1"), (1, "203.0.113.9"), (2, "198.51.100.1"), (3, "192.0.2.1")]
)
async def test_only_trusted_proxies_name_another_address(hops: int, counted: str) -> None:
    addresses = FakeAddressLimit()
    client = client_of(RequestLimits(of_addresses=addresses, trusted_hops=hops))
    await client.post("/auth/login", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert list(addresses.taken) == [counted]


async def test_the_api_keeps_the_limits_and_the_rules_that_it_is_handed(ports: ApiPorts) -> None:
    browsers = BrowserRules(frozenset({"https://shop.example"}))
    app: Any = build_app(replace(ports, limits=RequestLimits(FakeCallerLimit()), browsers=browsers))
    headers = {"Authorization": "Bearer acme", "Origin": "https://shop.example"}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test", headers=headers) as client:
        answers = [await client.get("/jobs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["ratelimit"] == '"client";r=0;t=30'
    assert answers[2].headers["access-control-allow-origin"] == "https://shop.example"


def test_what_changes_something_before_a_sign_in_is_counted_and_no_webhook() -> None:
    assert ("POST", "/auth/login") in COUNTED_BY_ADDRESS
    assert ("PUT", "/auth/forgot-password") in COUNTED_BY_ADDRESS
    assert not [path for _, path in COUNTED_BY_ADDRESS if not path.startswith(("/auth/", "/services/"))]
