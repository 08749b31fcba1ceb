"""What a browser must not keep: whoever sits down at the same desk next would find it."""

import pytest
from httpx import AsyncClient

from tests.api.people import People


@pytest.mark.parametrize("path", ["/users/me", "/users/me/sessions", "/users/me/export", "/api-keys"])
async def test_nothing_of_an_account_is_kept(alice: AsyncClient, path: str) -> None:
    answer = await alice.get(path)
    assert (answer.status_code, answer.headers.get_list("cache-control")) == (200, ["no-store"])


@pytest.mark.parametrize("path", ["/users", "/users/{bob}", "/audit", "/api-keys"])
async def test_nor_what_an_admin_sees_of_others(people: People, root: AsyncClient, path: str) -> None:
    answer = await root.get(path.replace("{bob}", str(people.bob.user.id)))
    assert (answer.status_code, answer.headers.get_list("cache-control")) == (200, ["no-store"])
