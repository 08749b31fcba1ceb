"""The refresh cookie as it is read: ours among others, at no cost to anybody else, and none where it is not clear."""

import time
from typing import Any

import pytest

from api.cookies import cookie_in
from api.ports import ApiPorts
from domain.edge.malformed import LARGEST_HEAD
from tests.auth_world import EMAIL, PASSWORD, AuthWorld

NAME = "gateway_refresh"


def read(*lines: str) -> str | None:
    scope: Any = {"headers": [(b"cookie", line.encode()) for line in lines]}
    return cookie_in(scope, NAME)


@pytest.mark.parametrize(
    "lines",
    [
        ["gateway_refresh=abc"],
        ["theme=dark; gateway_refresh=abc; lang=de"],
        ["theme=dark;gateway_refresh=abc"],
        ["theme=dark", "gateway_refresh=abc"],
        ["not_gateway_refresh=x; gateway_refresh=abc; gateway_refresh2=y; gateway_refresh"],
    ],
)
def test_ours_is_found_among_others(lines: list[str]) -> None:
    assert read(*lines) == "abc"


@pytest.mark.parametrize("lines", [[], [""], ["gateway_refresh="], ["gateway_refresh"], ["Gateway_Refresh=abc"]])
def test_where_there_is_none_there_is_none(lines: list[str]) -> None:
    assert read(*lines) is None


@pytest.mark.parametrize(
    "lines", [["gateway_refresh=theirs; gateway_refresh=ours"], ["gateway_refresh=theirs", "gateway_refresh=ours"]]
)
def test_of_two_nobody_can_say_which_is_ours(lines: list[str]) -> None:
    assert read(*lines) is None


@pytest.mark.parametrize("quoted", ["\\a", '\\"', "\\101", ";", "="])
def test_the_longest_header_that_is_let_in_takes_no_time(quoted: str) -> None:
    line = f'a="{quoted * (LARGEST_HEAD // len(quoted))}"; gateway_refresh=abc'
    begun = time.process_time()
    assert read(line) == "abc"
    assert time.process_time() - begun < 0.5  # the standard library takes seconds


async def test_a_planted_cookie_beside_ours_opens_no_session(ports: ApiPorts) -> None:
    world = AuthWorld()
    world.add_user()
    async with world.open_client(ports) as client:
        body = {"email": EMAIL, "password": PASSWORD}
        ours, theirs = [(await client.post("/auth/login?cookie=false", json=body)).json() for _ in range(2)]
        both = f"{NAME}={ours['refresh_token']}; {NAME}={theirs['refresh_token']}"
        assert (await client.post("/auth/refresh-token", headers={"Cookie": both})).status_code == 401
        answer = await client.post("/auth/refresh-token", headers={"Cookie": f"{NAME}={ours['refresh_token']}"})
        assert answer.status_code == 200
