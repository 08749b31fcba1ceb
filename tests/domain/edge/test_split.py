"""Two apps behind one port keep out of each other's paths."""

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import get
from litestar.params import FromPath

from domain.edge.app import build_edge
from domain.edge.split import SplitByPath


@get("/{path:path}")
async def below(path: FromPath[str]) -> str:
    return f"below {path}"


@get("/{path:path}")
async def otherwise(path: FromPath[str]) -> str:
    return f"otherwise {path}"


@pytest.mark.parametrize(
    ("path", "answered"),
    [("/webhooks", "below"), ("/webhooks/acme", "below"), ("/webhooksx", "otherwise"), ("/jobs", "otherwise")],
)
async def test_the_prefix_decides(path: str, answered: str) -> None:
    app = SplitByPath("/webhooks", below=build_edge([below]), otherwise=build_edge([otherwise]))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:  # type: ignore[arg-type]
        assert (await client.get(path)).text == f"{answered} {path}"
