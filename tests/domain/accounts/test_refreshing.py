"""Refresh tokens are good once; who shows an old one ends the session; who lost the answer is given it again."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from api.auth_cases import refreshing, signing_out
from domain.accounts.audit import Act
from domain.accounts.refreshing import Refreshing
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.errors import Unauthenticated, Unavailable
from tests.auth_world import ADDRESS, AuthWorld
from tests.fakes_accounts import FakeSessions


@pytest.fixture
def case(world: AuthWorld) -> Refreshing:
    return refreshing(world.accounts)


@pytest.fixture
def token(world: AuthWorld, session: Session) -> str:
    return world.tokens.refresh(session)


async def test_the_newest_becomes_the_next(world: AuthWorld, case: Refreshing, session: Session, token: str) -> None:
    world.move(hours=1)
    issued = await case.refresh(token, world.visitor())
    rotated = world.session(session)
    assert (rotated.number, rotated.refreshed_at, rotated.address) == (2, world.now, ADDRESS)
    assert issued.refresh_token == world.tokens.refresh(rotated) != token
    assert world.tokens.read_access(issued.access_token, world.now) is not None


async def test_who_lost_the_answer_is_given_the_same_successor(
    world: AuthWorld, case: Refreshing, session: Session, token: str
) -> None:
    first = await case.refresh(token, world.visitor())
    world.move(seconds=10)
    again = await case.refresh(token, world.visitor())
    assert again.refresh_token == first.refresh_token
    assert world.session(session).number == 2


async def test_two_at_once_are_given_the_same_successor(
    world: AuthWorld, case: Refreshing, session: Session, token: str
) -> None:
    both = await asyncio.gather(*(case.refresh(token, world.visitor()) for _ in range(2)))
    assert both[0].refresh_token == both[1].refresh_token
    assert (world.session(session).number, world.session(session).ended_at) == (2, None)


class OvertakenSessions(FakeSessions):
    """Another refresh is always a moment quicker than the first try of this one."""

    def __init__(self, *sessions: Session, times: int) -> None:
        super().__init__(*sessions)
        self._times = times

    async def rotate(self, session: Session, now: datetime, address: str) -> Session | None:
        if self._times:
            self._times -= 1
            if session.number == self.stored[session.id].number == 1:
                await super().rotate(session, now, "198.51.100.1")
            return None
        return await super().rotate(session, now, address)


async def test_who_loses_the_race_reads_again(world: AuthWorld, session: Session, token: str) -> None:
    world.sessions = OvertakenSessions(session, times=1)
    issued = await refreshing(world.accounts).refresh(token, world.visitor())
    assert issued.refresh_token == world.tokens.refresh(world.session(session))
    assert world.session(session).number == 2


@pytest.mark.parametrize("later", [{"seconds": 11}, {"days": 20}], ids=["after the grace", "long after"])
async def test_a_reused_one_ends_the_session_for_everybody(
    world: AuthWorld, case: Refreshing, session: Session, token: str, later: dict[str, Any]
) -> None:
    stolen = await case.refresh(token, world.visitor())
    world.move(**later)
    with pytest.raises(Unauthenticated):
        await case.refresh(token, world.visitor())
    assert world.session(session).why_ended == "reuse"
    with pytest.raises(Unauthenticated):
        await case.refresh(stolen.refresh_token, world.visitor())
    assert world.audit.acts == [Act.REFRESH_REUSED]


async def test_one_before_the_last_is_reused_even_within_the_grace(
    world: AuthWorld, case: Refreshing, session: Session, token: str
) -> None:
    second = await case.refresh(token, world.visitor())
    await case.refresh(second.refresh_token, world.visitor())
    with pytest.raises(Unauthenticated):
        await case.refresh(token, world.visitor())
    assert world.session(session).why_ended == "reuse"


async def test_the_session_ends_even_where_that_cannot_be_recorded(
    world: AuthWorld, case: Refreshing, session: Session, token: str
) -> None:
    await case.refresh(token, world.visitor())
    world.move(minutes=1)
    world.audit.down = True
    with pytest.raises(Unavailable):
        await case.refresh(token, world.visitor())
    assert world.session(session).ended_at is not None


async def test_a_session_that_nobody_uses_runs_out(world: AuthWorld, case: Refreshing, token: str) -> None:
    world.move(days=30)
    with pytest.raises(Unauthenticated):
        await case.refresh(token, world.visitor())
    assert not world.audit.entries


@pytest.mark.parametrize("change", [{"locked_at": AuthWorld().now}, {"confirmed_at": None}], ids=["locked", "unproven"])
async def test_who_may_not_sign_in_may_not_refresh(
    world: AuthWorld, case: Refreshing, jane: User, session: Session, token: str, change: dict[str, object]
) -> None:
    world.users.stored[jane.id] = jane.model_copy(update=change)
    with pytest.raises(Unauthenticated):
        await case.refresh(token, world.visitor())
    assert world.session(session).number == 1


async def test_who_has_left_may_not_refresh(world: AuthWorld, case: Refreshing, jane: User, token: str) -> None:
    del world.users.stored[jane.id]
    with pytest.raises(Unauthenticated):
        await case.refresh(token, world.visitor())


async def test_a_forged_one_is_refused_and_ends_nothing(
    world: AuthWorld, case: Refreshing, session: Session, token: str
) -> None:
    world.sessions.stored[session.id] = session
    for forged in ("", "nonsense", token.replace("~1~", "~0~")[:-2], token[:-2] + "00"):
        with pytest.raises(Unauthenticated):
            await case.refresh(forged, world.visitor())
    assert world.session(session) == session


async def test_signing_out_ends_the_session_of_either_token_once(
    world: AuthWorld, jane: User, session: Session, token: str
) -> None:
    case, other = signing_out(world.accounts), world.add_session(jane)
    access = f"access~{jane.id}~{other.id}~user~2036-01-01T00:00:00+00:00"
    for _ in range(2):
        await case.sign_out(access, token, world.visitor())
    assert [each.why_ended for each in world.sessions.stored.values()] == ["logout", "logout"]
    assert [(entry.act, entry.actor) for entry in world.audit.entries] == [(Act.SIGNED_OUT, jane.client)] * 2


async def test_what_is_no_token_signs_nobody_out(world: AuthWorld, session: Session, token: str) -> None:
    await signing_out(world.accounts).sign_out("nonsense", token[:-2] + "00", world.visitor())
    assert world.session(session).ended_at is None
