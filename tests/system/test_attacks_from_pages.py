"""Attacks by pages of other sites and by what a request says of itself: cookies, redirects, addresses, methods."""

from pathlib import Path

import httpx
import pytest

from tests.system.besieged import PUBLIC, Besieged, Person, statuses
from tests.system.raw import exchange

pytestmark = pytest.mark.system

EVIL = "https://evil.example"
COOKIE_ROUTES = (("POST", "/auth/login"), ("POST", "/auth/refresh-token"), ("PUT", "/auth/logout"))
EARLIER_COOKIE_ROUTES = (
    ("POST", "/api/v1/auth/refresh-token"),
    ("PUT", "/api/v1/auth/logout"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/login"),
)
OTHER_PAGES = (
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": f"{PUBLIC}.evil.example"},
    {"Origin": PUBLIC.replace("https", "http")},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": EVIL, "Sec-Fetch-Mode": "no-cors"},
)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")
LEADS_AWAY = "&".join(f"{name}={EVIL}" for name in ("next", "url", "redirect", "redirect_uri", "return_to", "continue"))
NAMED = ("request_id", "user_id", "session_id", "key_id", "order_id", "payment_id", "product_id", "image_id")
IDS = dict.fromkeys(NAMED, "01980000-0000-7000-8000-000000000000")


async def session_of(fortress: Besieged, name: str) -> tuple[Person, dict[str, str]]:
    """A new session of theirs, and the cookie that their browser would send."""
    person = await fortress.person(name)
    async with fortress.client() as http:
        person = await fortress.sign_in(http, person)
    return person, {"Cookie": f"gateway_refresh={person.refresh}"}


async def test_another_sites_page_gets_nothing_of_the_cookie(fortress: Besieged) -> None:
    person, cookie = await session_of(fortress, "ada")
    async with fortress.client() as http:
        for method, path in COOKIE_ROUTES:
            for page in OTHER_PAGES:
                answer = await http.request(method, path, headers={**cookie, **page})
                assert answer.status_code == 403, (path, page)
                assert not {"set-cookie", "access-control-allow-origin"} & set(answer.headers)
            for kind in FORMS:
                sent = {**cookie, "Content-Type": kind}
                answer = await http.request(method, path, content=b'{"refresh_token": "x"}', headers=sent)
                assert answer.status_code == 415, (path, kind)
            assert (await http.get(path, headers=cookie)).status_code == 405
        assert (await http.get("/users/me", headers=person.bearer)).status_code == 200
        kept = await http.post("/auth/refresh-token", headers={**cookie, "Origin": PUBLIC})
    assert kept.status_code == 200, "the session is as it was, for a page of ours"
    told = kept.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/auth"} <= set(told)


async def test_the_cookie_opens_nothing_but_its_own_routes(fortress: Besieged) -> None:
    _, cookie = await session_of(fortress, "ada")
    async with fortress.client() as http:
        for path in ("/users/me", "/users/me/sessions", "/users/me/export", "/api-keys", "/audit"):
            assert (await http.get(path, headers=cookie)).status_code == 401
        assert (await http.request("DELETE", "/users/me", headers=cookie, json={"password": "x"})).status_code == 401


async def test_no_preflight_of_another_page_is_granted(fortress: Besieged) -> None:
    async with fortress.client() as http:
        for method, path in COOKIE_ROUTES:
            asked = {"Origin": EVIL, "Access-Control-Request-Method": method}
            answer = await http.options(path, headers=asked)
            assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_no_route_redirects_wherever_it_is_asked_to(fortress: Besieged) -> None:
    document = await fortress.document()
    names = {**IDS, "token": "A" * 64, "part": "db", "vendor": "sync", "name": "sync", "code": "A" * 16}
    names |= {"service": "user", "version": "1", "path": "/evil.example"}
    async with fortress.client() as http:
        for path, told in document["paths"].items():
            for method in {"get", "put", "post", "patch", "delete"} & set(told):
                asked = f"{path.format_map(names)}?{LEADS_AWAY}"
                answer = await http.request(method, asked, headers={"Host": "evil.example", "Referer": EVIL})
                assert_stays(answer)
        for path in (
            "//evil.example",
            "//evil.example/%2e%2e",
            "/%2f%2fevil.example",
            "/\\evil.example",
            "/auth/login/",
        ):
            assert_stays(await http.get(httpx.URL(fortress.first).copy_with(raw_path=path.encode())))


def assert_stays(answer: httpx.Response) -> None:
    assert answer.status_code not in range(300, 400) or answer.status_code == 304, answer.request.url
    assert "location" not in answer.headers
    assert "refresh" not in answer.headers


async def test_who_came_through_a_proxy_by_its_own_word_is_nobody(fortress: Besieged) -> None:
    """A machine in front of us that adds the header must not make all the world anonymous callers."""
    async with fortress.client() as http:
        assert (await http.get("/jobs")).status_code == 200
        for claim in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"x-forwarded-for": ""}):
            assert (await http.get("/jobs", headers=claim)).status_code == 401
        for name in ("anonymous", "gateway", "admin"):
            answer = await http.get("/users/me", headers={"X-User": name, "X-Client": name, "X-Original-User": name})
            assert answer.status_code == 401
    async with fortress.client(at=fortress.second) as http:
        assert (await http.get("/jobs")).status_code == 401, "in production nobody is anonymous unless it is set"


async def test_an_address_by_its_own_word_is_no_way_around_the_limit(fortress: Besieged) -> None:
    """100 in 15 minutes on open routes: directly whatever is claimed, behind the proxy by what the proxy saw."""
    async with fortress.client() as direct, fortress.client(at=fortress.second) as proxied:
        for number in range(100):
            claimed = f"198.51.100.{number}"
            assert (await direct.put("/auth/logout", headers={"X-Forwarded-For": claimed})).status_code == 200
            sent = {"X-Forwarded-For": f"{claimed}, 203.0.113.9", "X-Real-IP": claimed}
            assert (await proxied.put("/auth/logout", headers=sent)).status_code == 200
        refused = [
            await direct.put("/auth/logout", headers={"X-Forwarded-For": "198.51.100.200"}),
            await proxied.put("/auth/logout", headers={"X-Forwarded-For": "198.51.100.200, 203.0.113.9"}),
        ]
        assert statuses(refused) == [429, 429]
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        other = await proxied.put("/auth/logout", headers={"X-Forwarded-For": "203.0.113.9, 203.0.113.10"})
        assert other.status_code == 200, "the next client of that proxy"


async def test_an_earlier_path_is_no_way_around_the_origin_or_the_limit(fortress: Besieged) -> None:
    _, cookie = await session_of(fortress, "ada")
    async with fortress.client() as http:
        for method, path in EARLIER_COOKIE_ROUTES:
            for page in OTHER_PAGES:
                assert (await http.request(method, path, headers={**cookie, **page})).status_code == 403, (path, page)
        assert (await http.get("/api/user", headers=cookie)).status_code == 401
    async with fortress.client() as http:
        for _ in range(50):
            assert (await http.put("/auth/logout")).status_code == 200
            assert (await http.post("/api/auth/logout")).status_code == 200
        told = [await http.put("/auth/logout"), await http.put("/api/v1/auth/logout"), await http.post("/api/login")]
        assert statuses(told) == [429] * 3


async def test_no_header_or_parameter_makes_another_method_of_it(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    async with fortress.client(as_=ada) as http:
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            assert (await http.get("/users/me", headers={name: "DELETE"})).status_code == 200
            assert (await http.post("/users/me", headers={name: "DELETE"}, json={})).status_code == 405
        assert (await http.get("/users/me", params={"_method": "DELETE"})).status_code == 422
        assert (await http.get("/users/me")).json()["id"] == ada.id
        for method in ("TRACE", "PROPFIND"):
            assert (await http.request(method, "/users/me")).status_code in {400, 404, 405}, method


@pytest.mark.parametrize(
    "head",
    [
        b"GET /users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\x00b\r\n",
        b"GET /users/me HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer a\r\n",
        b"GET /users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n a\r\n",
        b"GET /users/me\x00 HTTP/1.1\r\nHost: x\r\n",
        b"PUT /auth/logout HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"PUT /auth/logout HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
    ],
    ids=["null", "space", "folded", "path", "two lengths", "twice"],
)
async def test_what_two_readers_could_read_differently_is_refused(fortress: Besieged, head: bytes) -> None:
    assert await exchange(fortress.first, head + b"\r\n") in {400, 401}


async def test_no_log_of_the_siege_holds_what_opens_a_door(fortress: Besieged) -> None:
    """Behind the others of this file: what they were given is searched for in every file that a process wrote."""
    await session_of(fortress, "ada")
    logs = [*(fortress.gateway.home / "logs").iterdir(), fortress.gateway.home / "second.log"]
    found = [f"{log.name}: {secret[:6]}…" for log in logs for secret in fortress.secrets if secret in read(log)]
    assert len(fortress.secrets) > 2
    assert not found


def read(log: Path) -> str:
    return log.read_text(errors="replace")
