"""The doors of services: who comes in, what is asked of an instance in their name, and what they are answered."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar.types import ASGIApp

from api.limits import RequestLimits
from api.ports import ApiPorts, ServicePorts
from domain.accounts.api_keys import Scope
from domain.callers import Caller, Role
from domain.edge.security import BrowserRules
from domain.errors import TimedOut, Unavailable
from domain.quotas import Standing, Verdict
from domain.request_ids import new_request_id
from domain.services import Access, ServicePolicy
from tests.api.apps import app_of
from tests.api.streams import Stream, opened
from tests.fakes import FakeCallers
from tests.fakes_services import FakeReply, FakeServices

NARROW = Caller("user:x", Role.USER, key=new_request_id(), scopes=frozenset({Scope.READ_JOBS}))
RIGHT = replace(NARROW, scopes=frozenset({Scope.CALL_SERVICES}))
CALLERS = FakeCallers(
    user=Caller("user:alice", Role.USER),
    service=Caller("service:acme", Role.SERVICE),
    admin=Caller("admin", Role.ADMIN),
    narrow=NARROW,
    right=RIGHT,
)
PROFILE = "/services/user/profile"


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def app(ports: ApiPorts, services: FakeServices) -> ASGIApp:
    return app_of(replace(ports, callers=CALLERS, services=ServicePorts(services)))


@pytest.fixture
def http(app: ASGIApp) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")  # type: ignore[arg-type]


async def ask(http: AsyncClient, token: str | None, method: str = "GET", path: str = PROFILE, **more: Any) -> Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await http.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)


@pytest.mark.parametrize(
    ("access", "admitted", "refused"),
    [
        (Access.PUBLIC, (None, "user", "service", "admin", "narrow", "right"), {"wrong": 401}),
        (Access.AUTHENTICATED, ("user", "service", "admin", "right"), {None: 401, "wrong": 401, "narrow": 403}),
        (Access.SERVICE, ("service", "admin"), {None: 401, "wrong": 401, "user": 403, "right": 403}),
        (Access.ADMIN, ("admin",), {None: 401, "wrong": 401, "user": 403, "service": 403}),
    ],
)
async def test_who_may_ask_is_said_by_the_services_table(
    http: AsyncClient, services: FakeServices, access: Access, admitted: Any, refused: dict[str | None, int]
) -> None:
    services.policies["user"] = ServicePolicy(access)
    for method in ("GET", "POST", "OPTIONS", "HEAD"):
        for token in admitted:
            assert (await ask(http, token, method)).status_code == 200, (method, token)
        before = len(services.asked)
        for token, status in refused.items():
            assert (await ask(http, token, method)).status_code == status, (method, token)
        assert len(services.asked) == before


async def test_a_service_that_nobody_named_is_a_404_to_who_is_known_and_a_401_to_others(http: AsyncClient) -> None:
    known, stranger = await ask(http, "user", path="/services/none/x"), await ask(http, None, path="/services/none/x")
    assert (known.status_code, known.json()["code"]) == (404, "not-found")
    assert stranger.status_code == 401


async def test_an_instance_is_told_who_asks_and_never_shown_their_credentials(
    http: AsyncClient, services: FakeServices
) -> None:
    await ask(http, "service", headers={"X-Gateway-Client": "admin", "X-Forwarded-For": "6.6.6.6", "Cookie": "a=1"})
    headers = dict(services.asked[0][1].headers)
    assert (headers[b"x-gateway-client"], headers[b"x-gateway-roles"]) == (b"service:acme", b"service")
    assert headers[b"cookie"] == b"a=1"
    assert b"authorization" not in headers
    assert b"6.6.6.6" not in headers.values()


async def test_credentials_may_be_for_a_public_service_itself(http: AsyncClient, services: FakeServices) -> None:
    services.policies["user"] = ServicePolicy(Access.PUBLIC, forward_authorization=True)
    assert (await ask(http, "its-own")).status_code == 200
    headers = dict(services.asked[0][1].headers)
    assert headers[b"authorization"] == b"Bearer its-own"
    assert b"x-gateway-client" not in headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_path_query_and_body_arrives(http: AsyncClient, services: FakeServices, method: str) -> None:
    await ask(http, "user", method, "/services/user/a%2Fb//c/?q=%2e", content=b"body")
    name, asked, body = services.asked[0]
    assert (name, asked.method, asked.target, asked.length, body) == ("user", method, "/a%2Fb//c/?q=%2e", 4, b"body")


@pytest.mark.parametrize(("path", "target"), [("/services/user", "/"), ("/services/user/?x=1", "/?x=1")])
async def test_a_service_has_a_root(http: AsyncClient, services: FakeServices, path: str, target: str) -> None:
    assert (await ask(http, "user", path=path)).status_code == 200
    assert services.asked[0][1].target == target


@pytest.mark.parametrize("path", ["%2e%2e/admin", "..%2fadmin", "a/%252e%252e/b", "a\\b", "x/..;/y", "%00"])
async def test_an_ambiguous_path_is_refused(app: ASGIApp, services: FakeServices, path: str) -> None:
    status = await status_of(app, path=f"/services/user/{path}".encode())
    assert (status, services.asked) == (400, [])


async def test_a_trace_is_a_405(http: AsyncClient, services: FakeServices) -> None:
    answer = await ask(http, "user", "TRACE")
    assert (answer.status_code, services.asked) == (405, [])


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5"), (b"content-length", b"5")],
        [(b"content-length", b"-5")],
        [(b"transfer-encoding", b"gzip, chunked")],
    ],
)
async def test_two_ways_to_frame_a_body_are_refused(app: ASGIApp, services: FakeServices, headers: Any) -> None:
    assert await status_of(app, headers=headers) == 400
    assert services.asked == []


async def test_a_websocket_is_a_501_whatever_is_left_of_its_handshake(app: ASGIApp, services: FakeServices) -> None:
    assert await status_of(app, headers=[(b"sec-websocket-key", b"eA==")]) == 501
    assert services.asked == []


async def test_a_websocket_scope_is_closed_and_never_accepted(app: ASGIApp) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {**scope_of(b"/services/user/x", []), "type": "websocket", "subprotocols": []}
    del scope["method"]
    await app(scope, receive, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_an_answer_comes_back_with_the_gateways_own_on_it(http: AsyncClient, services: FakeServices) -> None:
    services.reply = FakeReply(
        418,
        (
            *((b"content-type", b"text/html"), (b"content-security-policy", b"default-src 'self'"), (b"x-end", b"1")),
            *((b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"connection", b"x-hop"), (b"x-hop", b"1")),
        ),
        (b"one", b"two"),
    )
    answer = await ask(http, "user")
    assert (answer.status_code, answer.text, services.reply.closed) == (418, "onetwo", 1)
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (answer.headers["via"], answer.headers["x-end"]) == ("1.1 gateway", "1")
    assert "x-hop" not in answer.headers


async def test_which_pages_may_read_an_answer_is_said_by_the_gateway(ports: ApiPorts, services: FakeServices) -> None:
    services.reply.headers = ((b"access-control-allow-origin", b"*"),)
    shop = "https://shop.example"
    app = app_of(
        replace(ports, callers=CALLERS, services=ServicePorts(services), browsers=BrowserRules(frozenset({shop})))
    )
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:  # type: ignore[arg-type]
        answer = await ask(http, "user", headers={"Origin": shop})
        evil = await ask(http, "user", headers={"Origin": "https://evil.example"})
        asks_first = {"Origin": shop, "Access-Control-Request-Method": "PUT"}
        preflight = await ask(http, None, "OPTIONS", "/services/user/a/b", headers=asks_first)
    assert answer.headers.get_list("access-control-allow-origin") == [shop]
    assert "access-control-allow-origin" not in evil.headers
    assert (preflight.status_code, len(services.asked)) == (204, 2)
    assert "PUT" in preflight.headers["access-control-allow-methods"]


async def test_trouble_is_a_problem_and_a_bug_a_bare_500(http: AsyncClient, services: FakeServices) -> None:
    services.fault = TimedOut("too slow", code="service-timeout")
    trouble = await ask(http, "user")
    services.fault = RuntimeError("inside out")
    bug = await ask(http, "user")
    assert (trouble.status_code, trouble.json()["code"]) == (504, "service-timeout")
    assert (bug.status_code, bug.json()["code"]) == (500, "internal")
    assert "inside out" not in bug.text


async def test_a_body_over_the_cap_is_a_413(http: AsyncClient, services: FakeServices) -> None:
    services.policies["user"] = ServicePolicy(max_body_bytes=3)
    assert (await ask(http, "user", "POST", content=b"four")).status_code == 413
    assert services.asked == []


async def test_a_client_counts_by_its_rate_and_nobody_by_their_address(ports: ApiPorts) -> None:
    class Spent:
        async def take(self, whom: Any) -> Verdict:
            return Verdict(9.0, (Standing(1, 60, 0, 9.0),))

    services = FakeServices({"user": ServicePolicy(Access.PUBLIC)})
    limits = RequestLimits(of_callers=Spent(), of_addresses=Spent())
    app = app_of(replace(ports, callers=CALLERS, services=ServicePorts(services), limits=limits))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:  # type: ignore[arg-type]
        assert (await ask(http, "user")).status_code == 429
        assert (await ask(http, None, "POST")).status_code == 429
        assert (await ask(http, None, "GET")).status_code == 200  # what is merely read in the open


@pytest.mark.parametrize(
    ("path", "service", "target"), [("/user/profile", "user", "/profile"), ("/product/list", "product", "/list")]
)
async def test_earlier_clients_find_their_services(
    http: AsyncClient, services: FakeServices, path: str, service: str, target: str
) -> None:
    services.policies["product"] = ServicePolicy()
    answer = await ask(http, "user", path=f"{path}?page=2")
    assert (services.asked[0][0], services.asked[0][1].target) == (service, f"{target}?page=2")
    assert f'</services/{service}{target}>; rel="successor-version"' in answer.headers["link"]
    assert (await ask(http, None, path=path)).status_code == 401
    assert (await ask(http, "user", "POST", path)).status_code == 405


async def test_a_problem_of_the_services_own_comes_to_an_earlier_client_as_it_is(
    http: AsyncClient, services: FakeServices
) -> None:
    services.reply = FakeReply(409, ((b"content-type", b"application/problem+json"),), (b'{"odd"', b": 1}"))
    answer = await ask(http, "user", path="/user/profile")
    assert (answer.status_code, answer.json()) == (409, {"odd": 1})
    ours = await ask(http, "wrong", path="/user/profile")
    assert (ours.status_code, ours.json()["instance"]) == (401, "/user/profile")


async def test_a_client_that_leaves_ends_the_call(app: ASGIApp, services: FakeServices) -> None:
    services.reply = FakeReply(body=EndlessBody())  # type: ignore[arg-type]
    async with opened(app, PROFILE, {"Authorization": "Bearer user"}) as stream:
        assert (await stream.head())[0] == 200
        assert await stream.piece() == b"x"
        stream.leave()
    assert services.reply.closed == 1


@pytest.fixture
def alice() -> FakeCallers:
    """Who may be shut out, without a change for the other tests."""
    return FakeCallers(user=Caller("user:alice", Role.USER))


@pytest.fixture
def watchful(ports: ApiPorts, services: FakeServices, alice: FakeCallers) -> ASGIApp:
    return app_of(replace(ports, callers=alice, services=ServicePorts(services, look_again_seconds=0.01)))


async def test_a_stream_ends_before_its_end_once_its_caller_is_shut_out(
    watchful: ASGIApp, services: FakeServices, alice: FakeCallers
) -> None:
    services.reply = FakeReply(body=EndlessBody())  # type: ignore[arg-type]
    async with asyncio.timeout(5), opened(watchful, PROFILE, {"Authorization": "Bearer user"}) as stream:
        assert (await stream.head())[0] == 200
        alice.forget()
        await stream.left.wait()  # the app has let go
    assert services.reply.closed == 1


async def test_who_is_shut_out_before_an_answer_began_gets_a_401(ports: ApiPorts, alice: FakeCallers) -> None:
    class Silent(FakeServices):
        async def open(self, *_: object) -> FakeReply:
            alice.forget()
            await asyncio.Event().wait()
            raise AssertionError

    app = app_of(replace(ports, callers=alice, services=ServicePorts(Silent(), look_again_seconds=0.01)))
    async with asyncio.timeout(5):
        assert await status_of(app) == 401


async def test_what_has_begun_goes_on_while_nobody_can_say_whose_it_is(ports: ApiPorts, services: FakeServices) -> None:
    class Away(FakeCallers):
        async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
            if begun is not None:
                looked.set()
                raise Unavailable("MongoDB is away")
            return await super().find(bearer_token)

    looked = asyncio.Event()
    services.reply = FakeReply(body=BodyUntil(looked))  # type: ignore[arg-type]
    app = app_of(replace(ports, callers=Away(user=RIGHT), services=ServicePorts(services, look_again_seconds=0.01)))
    async with asyncio.timeout(5), opened(app, PROFILE, {"Authorization": "Bearer user"}) as stream:
        await stream.head()
        assert [piece async for piece in stream.pieces()][-1] == b"after"


class BodyUntil:
    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    def __iter__(self) -> Any:
        while not self._event.is_set():
            yield b"x"
        yield b"after"


class EndlessBody:
    def __iter__(self) -> Any:
        while True:
            yield b"x"


def scope_of(path: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path.decode(),
        "raw_path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", b"Bearer user"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": {},
        "state": {},
    }


async def status_of(app: ASGIApp, path: bytes = PROFILE.encode(), headers: Any = ()) -> int:
    stream = Stream()
    await app(scope_of(path, list(headers)), stream.receive, stream.sent.put)  # type: ignore[arg-type]
    return (await stream.head())[0]
