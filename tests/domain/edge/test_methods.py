"""`Allow` names what a path takes, whoever asks and however."""

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import delete, get, post

from domain.edge.app import build_edge


@get("/things")
async def show() -> None: ...


@post("/things")
async def make() -> None: ...


@delete("/things/{name:str}", status_code=204)
async def forget() -> None: ...


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    ("path", "allowed"), [("/things", "GET, HEAD, OPTIONS, POST"), ("/things/1", "DELETE, OPTIONS")]
)
async def test_allow_has_every_method_of_every_handler_of_the_path(method: str, path: str, allowed: str) -> None:
    app = build_edge([show, make, forget])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:  # type: ignore[arg-type]
        answer = await client.request(method, path)
    assert answer.status_code == (204 if method == "OPTIONS" else 405)
    assert answer.headers["allow"] == allowed
