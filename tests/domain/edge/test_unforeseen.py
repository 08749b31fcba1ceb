"""What breaks outside of the framework's handlers, or in the middle of an answer, is known by its id all the same."""

import re

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from domain.edge.request_ids import RequestIds
from domain.edge.unforeseen import Net

SECRET = "correct horse"


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError(SECRET)


async def breaks_later(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError(SECRET)


async def asked(app: ASGIApp) -> Response:
    async with AsyncClient(transport=ASGITransport(Net(app)), base_url="http://x") as client:  # type: ignore[arg-type]
        return await client.get("/orders", headers={"X-Request-ID": "from-the-client"})


async def test_it_is_a_bare_500_with_the_id_that_the_log_has() -> None:
    with capture_logs() as lines:
        answer = await asked(RequestIds(breaks))
    told = answer.json()
    assert (answer.status_code, told["code"], told["trace_id"]) == (500, "internal", "from-the-client")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "from-the-client"
    assert SECRET not in answer.text
    assert [(line["event"], line["trace_id"], bool(line["exc_info"])) for line in lines] == [
        ("unforeseen", "from-the-client", True)
    ]


async def test_what_breaks_before_there_is_an_id_is_given_one() -> None:
    with capture_logs() as lines:
        answer = await asked(breaks)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["trace_id"])
    assert lines[0]["trace_id"] == answer.json()["trace_id"]


async def test_an_answer_that_has_begun_is_logged_by_its_id_and_not_gone_on_with() -> None:
    with capture_logs() as lines, pytest.raises(AssertionError):  # httpx' word for an answer without an end
        await asked(RequestIds(breaks_later))
    assert [line["trace_id"] for line in lines] == ["from-the-client"]
