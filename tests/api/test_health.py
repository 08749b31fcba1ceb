"""`/health`: up with every part, down with any, and alive whatever the parts do."""

import pytest
from httpx import AsyncClient

from tests.fakes import FakeHealthCheck


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_every_part_is_listed(stranger: AsyncClient, path: str) -> None:
    answer = await stranger.get(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "up")
    assert [part["status"] for part in answer.json()["parts"].values()] == ["up", "up"]


async def test_one_part_down_is_a_503_that_says_which(
    stranger: AsyncClient, checks: tuple[FakeHealthCheck, ...]
) -> None:
    checks[1].fault = "no answer from Redis"
    for path in ("/health", "/health/ready", "/health/redis"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()["status"]) == (503, "down")
        assert answer.json()["parts"]["redis"]["detail"] == "no answer from Redis"
        assert answer.headers["retry-after"] == "1"
    assert (await stranger.get("/health/db")).status_code == 200


async def test_a_process_is_alive_without_its_parts(stranger: AsyncClient, checks: tuple[FakeHealthCheck, ...]) -> None:
    for check in checks:
        check.fault = "away"
    assert (await stranger.get("/health/live")).status_code == 200


async def test_a_part_that_there_is_not_is_a_404(stranger: AsyncClient) -> None:
    assert (await stranger.get("/health/disk")).status_code == 404
