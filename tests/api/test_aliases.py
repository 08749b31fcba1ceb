"""The paths of earlier clients: each does what the route does that it stands for, and says which that is."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from api.access import ACCESS
from api.aliases import ALIASES
from api.app import build_app
from api.ports import ApiPorts
from domain.edge.cors import ASKED_WITH
from domain.edge.security import BrowserRules
from tests.api.aliases_sent import LOGIN, OF_PEOPLE, ROWS, SENT, V1, OldClient, Sent, Stage
from tests.auth_world import EMAIL, SHOP
from tests.fakes import FakeHealthCheck

STEADY = {"message", "token_type", "expires_in", "email", "username", "name", "role", "status", "code", "detail"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOT_TAKEN = sorted(
    (method, path)
    for path, method in itertools.product({row.old for row in OF_PEOPLE}, METHODS)
    if (method.replace("HEAD", "GET"), path) not in ROWS
)


def shape(answer: Response) -> dict[str, Any]:
    """The body without what is another one each time."""
    return {name: value if name in STEADY else "…" for name, value in answer.json().items()}


def done(jane: OldClient, answer: Response) -> tuple[Any, ...]:
    """What was answered, and all that has changed by it."""
    world = jane.world
    return (
        (answer.status_code, shape(answer), answer.headers.get("cache-control")),
        world.audit.acts,
        [mail.template for mail in world.post.mails],
        [(user.email, user.username, user.name, user.role, user.password) for user in world.users.stored.values()],
        [(session.number, session.why_ended) for session in world.sessions.stored.values()],
    )


def test_every_row_is_sent_what_its_clients_send() -> None:
    assert {(sent.method, sent.old) for sent in SENT} == set(ROWS)
    assert len(ROWS) == len(OF_PEOPLE)


def test_every_row_stands_for_a_route_that_says_who_may() -> None:
    assert {row.ours for row in ALIASES} <= set(ACCESS)


@pytest.mark.parametrize("sent", SENT, ids=str)
async def test_an_alias_does_what_our_route_does(stage: Stage, sent: Sent) -> None:
    method, path = ROWS[sent.method, sent.old].ours
    async with stage.client() as one:
        by_alias = done(one, await one.send(sent.method, sent.old, sent.body))
    async with stage.client() as other:
        by_ours = done(other, await other.send(method, path, sent.ours))
    assert by_alias == by_ours
    assert by_alias[0][0] < 300


@pytest.mark.parametrize("row", OF_PEOPLE, ids=lambda row: f"{row.method} {row.old}")
async def test_every_answer_says_what_has_come_after_it(jane: OldClient, row: Any) -> None:
    newer = row.ours[1].replace("{", "%7B").replace("}", "%7D")
    answers = [
        await jane.send(row.method, row.old, {}),
        await jane.send(row.method, row.old, headers={"Authorization": "Bearer nobody's"}),
        await jane.send("OPTIONS", row.old),
        await jane.send("PATCH", row.old),
    ]
    for answer in answers:
        assert answer.headers.get_list("deprecation") == ["@1795219200"]
        assert f'<{newer}>; rel="successor-version"' in answer.headers["link"]
        assert answer.headers.get_list("x-request-id")
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_our_own_routes_are_not_deprecated(jane: OldClient) -> None:
    answer = await jane.send("POST", "/auth/login", LOGIN)
    assert "deprecation" not in answer.headers


async def test_a_method_without_a_row_is_a_405_whatever_ours_takes(jane: OldClient) -> None:
    before = (dict(jane.world.users.stored), dict(jane.world.sessions.stored))
    assert ("DELETE", "/api/auth/me") in NOT_TAKEN
    for method, path in NOT_TAKEN:
        answer = await jane.send(method, path)
        taken = {row.method for row in OF_PEOPLE if row.old == path}
        taken |= {"OPTIONS", "HEAD"} if "GET" in taken else {"OPTIONS"}
        assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(sorted(taken))), (method, path)
    assert (jane.world.users.stored, jane.world.sessions.stored) == before


async def test_a_mailed_links_get_changes_nothing_and_shows_no_token(jane: OldClient) -> None:
    path = f"{V1}/confirmation/{{token}}"
    answer = await jane.send("GET", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, PUT")
    assert answer.json()["instance"] == path
    assert not jane.world.audit.acts
    assert (await jane.send("PUT", path)).status_code == 200


async def test_options_and_a_preflight_tell_the_methods_of_the_alias() -> None:
    page = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    async with Stage(browsers=BrowserRules(frozenset({SHOP}))).client() as jane:
        for path, methods in (
            ("/api/user", "GET, HEAD, OPTIONS, POST"),
            (f"{V1}/logout", "OPTIONS, POST, PUT"),
            (f"{V1}/confirmation/{{token}}", "OPTIONS, PUT"),
        ):
            asked = await jane.send("OPTIONS", path)
            assert (asked.status_code, asked.headers["allow"]) == (204, methods)
            preflight = await jane.send("OPTIONS", path, headers=page)
            assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, methods)
            assert preflight.headers["access-control-allow-headers"] == ", ".join(ASKED_WITH)
            assert preflight.headers["access-control-allow-origin"] == SHOP


async def test_a_page_of_a_listed_origin_may_read_the_answer_and_no_other_may() -> None:
    async with Stage(browsers=BrowserRules(frozenset({SHOP}))).client() as jane:
        read = await jane.send("POST", "/api/login", LOGIN, headers={"Origin": SHOP})
        unread = await jane.send("GET", "/api/user", headers={"Origin": "https://evil.example"})
    assert (read.status_code, read.headers["access-control-allow-origin"]) == (200, SHOP)
    assert "access-control-allow-origin" not in unread.headers


async def test_head_is_answered_as_get_is(jane: OldClient) -> None:
    for path in ("/api/user", "/api/v1/health/{part}"):
        got, head = await jane.send("GET", path), await jane.send("HEAD", path)
        assert (got.status_code, head.status_code) == (200, 200)
        assert got.headers.get("etag") == head.headers.get("etag")
    assert (await jane.send("HEAD", "/api/v1/health/disk")).status_code == 404


@pytest.mark.parametrize("path", [f"{V1}/login/", "//api/v1//auth///login", f"{V1}/login?cookie=true"])
async def test_a_path_is_read_as_ours_are(jane: OldClient, path: str) -> None:
    for spelled in (path, path.replace("/api/v1", "")):
        assert (await jane.send("POST", f"https://gateway.test{spelled}", LOGIN)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/API/v1/auth/login",
        "/api/v1/auth/Login",
        "/api/v1/auth",
        "/api/v1/auth/login/x",
        "/api/v1/auth/confirmation/a%2Fb",
        "/api/v1/users/me",
        "/api/v1/health/x/y",
        "/api/auth/change-password",
        "/api/user/me",
    ],
)
async def test_what_has_no_row_is_a_404(jane: OldClient, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        answer = await jane.send(method, path, {} if method == "POST" else None)
        assert answer.status_code == 404
        assert "deprecation" not in answer.headers


@pytest.mark.parametrize("part", ["..", "live", "{part}", "db", "%2e%2e", "a b", "é"])
async def test_a_parameter_leads_to_no_other_route(jane: OldClient, part: str) -> None:
    answers = [await jane.browser.get(f"https://gateway.test{path}/{part}") for path in ("/api/v1/health", "/health")]
    assert answers[0].status_code == answers[1].status_code
    assert shape(answers[0]) == shape(answers[1])


async def test_a_problem_is_about_the_path_that_was_asked_for(jane: OldClient) -> None:
    health = await jane.send("GET", "/api/v1/health/disk")
    assert (health.status_code, health.json()["instance"]) == (404, "/api/v1/health/disk")
    reset = await jane.browser.put(f"{V1}/reset-password/forged", json={"password": "a password of some length"})
    assert (reset.status_code, reset.json()["instance"]) == (404, f"{V1}/reset-password/{{token}}")
    assert int(reset.headers["content-length"]) == len(reset.content)
    assert "forged" not in reset.text + str(reset.headers)


async def test_a_log_line_says_by_which_alias_it_came(jane: OldClient) -> None:
    jane.world.users.stored = None  # type: ignore[assignment]  # a bug of ours
    with capture_logs(processors=[merge_contextvars]) as logs:
        answer = await jane.send("POST", "/api/login", LOGIN)
        await jane.send("POST", "/auth/login", LOGIN)
    assert (answer.status_code, answer.json()["instance"]) == (500, "/api/login")
    assert [(line["path"], line.get("alias")) for line in logs] == [
        ("/auth/login", "POST /api/login"),
        ("/auth/login", None),
    ]


async def test_a_process_without_accounts_has_no_aliases_of_theirs(ports: ApiPorts) -> None:
    app: Any = build_app(replace(ports, accounts=None))
    async with AsyncClient(transport=ASGITransport(app), base_url="https://gateway.test") as stranger:
        assert (await stranger.post("/api/login", json=LOGIN)).status_code == 404
        assert (await stranger.options("/api/login")).status_code == 404
        assert (await stranger.get("/api/v1/health/live")).status_code == 200


async def test_the_health_of_a_part_that_is_down_is_told_as_ours_is() -> None:
    down = FakeHealthCheck("db")
    down.fault = "no answer from MongoDB"
    async with Stage(health=(down, FakeHealthCheck("redis"))).client() as jane:
        for path in ("/api/v1/health", "/api/v1/health/ready", "/api/v1/health/db"):
            answer = await jane.send("GET", path, headers={"Authorization": "none"})
            assert (answer.status_code, answer.json()["status"], answer.headers["retry-after"]) == (503, "down", "1")
        assert (await jane.send("GET", "/api/v1/health/live")).status_code == 200


async def test_an_unconfirmed_address_is_told_so(jane: OldClient) -> None:
    answer = await jane.send("POST", "/api/login", {**LOGIN, "email": "third@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (403, "unconfirmed")
    assert EMAIL not in answer.text
