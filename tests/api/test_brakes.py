"""Who is refused for asking too much before anybody knows who they are waits for it; nobody else does."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import get, post

from api.app import build_app
from api.brakes import APART_SECONDS, LONGEST_SECONDS, Brake, Pace
from api.callers import CallerGate
from api.ports import ApiPorts
from domain.accounts.pauses import Pause
from domain.callers import Caller, Role
from domain.edge.app import build_edge
from domain.errors import TooMany, Unauthenticated, Unavailable
from tests.auth_world import EMAIL, AuthWorld
from tests.fakes import FakeCallers

CALLERS = FakeCallers(acme=Caller("acme", Role.USER))
MANY = TooMany("not so fast", retry_after=timedelta(seconds=1))


class Slept:
    """How often somebody was made to wait."""

    times = 0

    async def __call__(self) -> None:
        self.times += 1


def client_of(pause: Pause, answer: Exception | None = None, most: int = 9) -> AsyncClient:
    @post("/auth/login", status_code=200)
    async def sign_in() -> str:
        if answer is not None:
            raise answer
        return "in"

    @get("/jobs")
    async def list_jobs() -> str:
        raise MANY

    gate = partial(CallerGate, directory=CALLERS, anonymous_allowed=False)
    app = build_edge([sign_in, list_jobs], middleware=[gate, partial(Brake, pause=pause, most=most)])
    transport = ASGITransport(app)  # type: ignore[arg-type]
    return AsyncClient(transport=transport, base_url="http://gateway.test")


@pytest.mark.parametrize(
    ("answer", "times"),
    [(None, 0), (Unauthenticated("who?"), 0), (MANY, 1), (Unavailable("too many wait already"), 1)],
    ids=["in", "refused", "too-many", "full"],
)
async def test_what_is_too_much_is_told_after_a_pause(answer: Exception | None, times: int) -> None:
    slept = Slept()
    await client_of(slept, answer).post("/auth/login")
    assert slept.times == times


async def test_a_known_caller_is_told_at_once() -> None:
    slept = Slept()
    answer = await client_of(slept).get("/jobs", headers={"Authorization": "Bearer acme"})
    assert (answer.status_code, slept.times) == (429, 0)


async def test_so_many_wait_at_once_and_no_more() -> None:
    waiting, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def pause() -> None:
        waiting.release()
        await go_on.wait()

    client = client_of(pause, MANY, most=2)
    slowed = [asyncio.create_task(client.post("/auth/login")) for _ in range(2)]
    for _ in slowed:
        await waiting.acquire()
    assert (await client.post("/auth/login")).status_code == 429
    go_on.set()
    assert [(await answer).status_code for answer in slowed] == [429, 429]
    await client.post("/auth/login")
    assert not waiting.locked()  # there is room again


async def test_refusals_leave_one_after_the_other_and_none_is_held_back_for_long() -> None:
    slept: list[float] = []
    now = 100.0

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = Pace(lambda: now, sleep)
    for _ in range(300):
        await pace.wait()
    assert slept[:3] == pytest.approx([0, APART_SECONDS, 2 * APART_SECONDS])
    assert max(slept) == pytest.approx(LONGEST_SECONDS)
    now += 1
    await pace.wait()
    assert slept[-1] == pytest.approx(LONGEST_SECONDS - 1 + APART_SECONDS)
    now += LONGEST_SECONDS
    await pace.wait()
    assert slept[-1] == 0


async def test_the_api_slows_down_who_tries_too_many_passwords(ports: ApiPorts) -> None:
    world, slept = AuthWorld(), Slept()
    world.add_user()
    app = build_app(replace(ports, accounts=world.accounts, brake=slept))
    async with AsyncClient(transport=ASGITransport(app), base_url="https://gateway.test") as client:  # type: ignore[arg-type]
        tries = [await client.post("/auth/login", json={"email": EMAIL, "password": "wrong one"}) for _ in range(7)]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429] * 2
    assert slept.times == 2
