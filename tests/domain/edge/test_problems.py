"""Errors become HTTP in one table, and tell a client nothing of our insides."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import get
from litestar.exceptions import ClientException, HTTPException, NotAuthorizedException
from structlog.testing import capture_logs

from domain.edge.app import build_edge
from domain.edge.problems import STATUS, headers_of, status_of
from domain.errors import Conflict, GatewayError, OutcomeUnknown, Unauthenticated, Unavailable
from vendors.errors import VendorError


def subclasses(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_error_of_the_domain_has_a_row_of_its_own() -> None:
    ours = {kind for kind in subclasses(GatewayError) if kind.__module__ == "domain.errors"}
    assert ours | {GatewayError} == set(STATUS)


def test_a_vendors_trouble_that_gets_this_far_is_our_bug() -> None:
    assert status_of(VendorError("x")) == 500


def test_a_new_kind_is_told_like_its_parent() -> None:
    class AlreadyEnded(Conflict):
        code = "already-ended"

    assert status_of(AlreadyEnded("x")) == 409


@pytest.mark.parametrize(("seconds", "told"), [(0, "1"), (0.2, "1"), (1.5, "2"), (30, "30")])
def test_retry_after_is_whole_seconds_and_at_least_one(seconds: float, told: str) -> None:
    assert headers_of(Unavailable("x", retry_after=timedelta(seconds=seconds))) == {"Retry-After": told}


def test_a_401_says_how_to_authenticate() -> None:
    assert "WWW-Authenticate" in headers_of(Unauthenticated("x"))


@pytest.mark.parametrize(
    "bug", [RuntimeError("mongodb://me:secret@host"), OutcomeUnknown("secret"), HTTPException("secret")]
)
async def test_a_bug_is_logged_whole_and_told_bare(bug: Exception) -> None:
    @get("/bug")
    async def bugged() -> None:
        raise bug

    with capture_logs() as logged:
        async with AsyncClient(transport=ASGITransport(build_edge([bugged])), base_url="http://x") as client:  # type: ignore[arg-type]
            answer = await client.get("/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    (entry,) = logged
    assert (entry["trace_id"], entry["exc_info"]) == (answer.json()["trace_id"], bug)


@pytest.mark.parametrize(
    "error", [ClientException("odd"), NotAuthorizedException(headers={"www-authenticate": "Bearer"})]
)
async def test_the_frameworks_own_errors_are_problems_too(error: HTTPException) -> None:
    @get("/odd")
    async def odd() -> None:
        raise error

    async with AsyncClient(transport=ASGITransport(build_edge([odd])), base_url="http://x") as client:  # type: ignore[arg-type]
        answer = await client.get("/odd")
    assert answer.status_code == error.status_code
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(error.headers or {}) <= set(answer.headers)
