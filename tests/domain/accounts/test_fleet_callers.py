"""Who holds a token: what is remembered, for how long, and what is asked of the stores."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain.accounts.api_keys import ApiKey, Scope
from domain.accounts.audit import Act
from domain.accounts.key_format import new_key
from domain.callers import Caller, Role
from domain.errors import Unavailable
from domain.infra import callers as fleet
from domain.infra.background import end
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeApiKeys
from tests.signed_in import SignedIn
from tests.strategies import NOON


class SlowKeys(FakeApiKeys):
    """Answers when `answers` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def find(self, key_id: UUID) -> ApiKey | None:
        await self.answers.wait()
        return await super().find(key_id)


@pytest.fixture
async def ada() -> SignedIn:
    return SignedIn()


async def test_a_session_is_its_users(ada: SignedIn) -> None:
    ada.change_user(role=Role.ADMIN)  # whatever the token says, the store knows it better
    caller = await ada.callers.find(ada.token())
    assert caller == Caller(f"user:{ada.user.id}", Role.ADMIN, user=ada.user.id, session=ada.session.id)


async def test_a_key_brings_its_scopes_and_its_rate(ada: SignedIn) -> None:
    key, text = ada.add_key(scopes=frozenset({Scope.READ_JOBS}), rate="5/second", client="service:ci", user=None)
    caller = await ada.callers.find(text)
    assert caller == Caller("service:ci", Role.USER, key=key.id, scopes=frozenset({"jobs:read"}), rate="5/second")


async def test_what_has_begun_outlives_its_token_and_no_session(ada: SignedIn) -> None:
    token, begun = ada.token(), ada.clock.now()
    ada.clock.move(minutes=10)
    assert await ada.callers.find(token) is None
    assert await ada.callers.find(token, begun=begun) is not None
    assert await ada.callers.find(token) is None  # it is remembered for nobody else
    await ada.sign_out()
    ada.clock.move(seconds=fleet.MEMORY_SECONDS)
    assert await ada.callers.find(token, begun=begun) is None


async def test_the_operator_is_known_by_the_bootstrap_key_and_forgotten_at_once(ada: SignedIn) -> None:
    known = await ada.callers.find("gwk_operator")
    assert known is not None
    assert known.role is Role.ADMIN
    ada.operator.forget()
    assert await ada.callers.find("gwk_operator") is None


async def test_a_token_is_asked_about_once_in_ten_seconds(ada: SignedIn) -> None:
    token = ada.token()
    for _ in range(5):
        assert await ada.callers.find(token) is not None
        ada.clock.move(seconds=1.9)
    assert ada.users.asked == 1
    ada.clock.move(seconds=0.5)
    assert await ada.callers.find(token) is not None
    assert ada.users.asked == 2


async def test_what_is_remembered_never_outlives_the_token(ada: SignedIn) -> None:
    token, (_, key) = ada.token(timedelta(seconds=3)), ada.add_key(expires_at=NOON + timedelta(seconds=3))
    for shown in (token, key):
        assert await ada.callers.find(shown) is not None
    ada.clock.move(seconds=3)
    for shown in (token, key):
        assert await ada.callers.find(shown) is None


@pytest.mark.parametrize("change", [{"locked_at": NOON}, {"confirmed_at": None}], ids=["locked", "unconfirmed"])
async def test_a_user_who_may_not_sign_in_is_nobody_ten_seconds_later(
    ada: SignedIn, change: dict[str, datetime | None]
) -> None:
    token = ada.token()
    assert await ada.callers.find(token) is not None
    ada.change_user(**change)
    ada.clock.move(seconds=10)
    assert await ada.callers.find(token) is None


async def test_a_session_that_ended_is_nobodys_ten_seconds_later(ada: SignedIn) -> None:
    token = ada.token()
    assert await ada.callers.find(token) is not None
    await ada.sign_out()
    ada.clock.move(seconds=10)
    assert await ada.callers.find(token) is None


async def test_a_slow_answer_is_as_old_as_its_question(ada: SignedIn) -> None:
    token = ada.token()
    ada.users.answers.clear()
    asking = asyncio.create_task(ada.callers.find(token))
    while not ada.users.asked:
        await asyncio.sleep(0)
    ada.clock.move(seconds=9)
    ada.users.answers.set()
    assert await asking is not None
    ada.change_user(locked_at=NOON)
    ada.clock.move(seconds=1)
    assert await ada.callers.find(token) is None


async def test_a_session_of_somebody_else_is_nobodys(ada: SignedIn) -> None:
    ada.sessions.stored[ada.session.id] = replace(ada.session, user=new_request_id())
    assert await ada.callers.find(ada.token()) is None


async def test_a_removed_users_token_and_key_are_nobodys(ada: SignedIn) -> None:
    token = ada.token()
    del ada.users.stored[ada.user.id]
    assert await ada.callers.find(token) is None
    assert await ada.callers.find(ada.key_text) is None


async def test_a_key_of_a_locked_user_is_nobodys(ada: SignedIn) -> None:
    ada.change_user(locked_at=NOON)
    assert await ada.callers.find(ada.key_text) is None


async def test_a_revoked_key_is_nobodys_ten_seconds_later(ada: SignedIn) -> None:
    assert await ada.callers.find(ada.key_text) is not None
    ada.change_key(ada.key, revoked_at=NOON)
    ada.clock.move(seconds=10)
    assert await ada.callers.find(ada.key_text) is None


async def test_an_admins_key_is_nobodys_when_they_are_none_any_more(ada: SignedIn) -> None:
    _, text = ada.add_key(role=Role.ADMIN)
    assert await ada.callers.find(text) is None
    ada.change_user(role=Role.ADMIN)
    ada.clock.move(seconds=10)
    found = await ada.callers.find(text)
    assert found is not None
    assert found.role is Role.ADMIN


async def test_another_secret_under_a_keys_id_is_nobodys(ada: SignedIn) -> None:
    forged, _ = new_key(ada.key.id)
    assert await ada.callers.find(forged) is None
    assert await ada.callers.find(ada.key_text) is not None


@pytest.mark.parametrize("shown", ["", "x", "gwk_", "gwk_stranger", "a.b.c", "ÿ\x00", "é" * 100, "x" * 5_000])
async def test_what_is_no_token_of_ours_costs_no_store(ada: SignedIn, shown: str) -> None:
    ada.take_away_the_stores()
    assert await ada.callers.find(shown) is None


async def test_a_text_too_long_is_not_even_hashed(ada: SignedIn) -> None:
    assert await ada.callers.find("gwk_operator" + "x" * 5_000) is None


async def test_many_who_ask_at_once_about_one_token_ask_the_stores_once(ada: SignedIn) -> None:
    token = ada.token()
    ada.users.answers.clear()
    asking = [asyncio.create_task(ada.callers.find(token)) for _ in range(20)]
    while not ada.users.asked:
        await asyncio.sleep(0)
    ada.users.answers.set()
    assert {caller and caller.user for caller in await asyncio.gather(*asking)} == {ada.user.id}
    assert ada.users.asked == 1


async def test_who_asked_first_and_left_takes_no_answer_with_them(ada: SignedIn) -> None:
    token = ada.token()
    ada.users.answers.clear()
    first = asyncio.create_task(ada.callers.find(token))
    while not ada.users.asked:
        await asyncio.sleep(0)
    second = asyncio.create_task(ada.callers.find(token))
    await asyncio.sleep(0)
    await end(first)
    ada.users.answers.set()
    assert await second is not None
    assert ada.users.asked == 1


async def test_an_outage_while_many_ask_is_told_to_each_and_not_remembered(ada: SignedIn) -> None:
    token = ada.token()
    ada.sessions.down = True
    answers = await asyncio.gather(*(ada.callers.find(token) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    ada.sessions.down = False
    assert await ada.callers.find(token) is not None


async def test_while_the_stores_are_away_who_was_good_goes_on_for_ten_seconds(ada: SignedIn) -> None:
    token, other = ada.token(), ada.token(timedelta(minutes=5))
    for shown in (token, ada.key_text):
        assert await ada.callers.find(shown) is not None
    ada.take_away_the_stores()
    ada.clock.move(seconds=9.9)
    for shown in (token, ada.key_text):
        assert await ada.callers.find(shown) is not None
    with pytest.raises(Unavailable):
        await ada.callers.find(other)
    ada.clock.move(seconds=0.1)
    for shown in (token, ada.key_text):
        with pytest.raises(Unavailable):
            await ada.callers.find(shown)


async def test_a_services_key_goes_on_for_ten_minutes_while_the_stores_are_away(ada: SignedIn) -> None:
    """What services ask for, their configuration and each other, is answered without MongoDB."""
    of_service = {"role": Role.SERVICE, "client": "service:orders", "user": None}
    (_, lasting), (_, ending) = (
        ada.add_key(**of_service, expires_at=end) for end in (None, NOON + timedelta(minutes=5))
    )
    for shown in (lasting, ending):
        assert await ada.callers.find(shown) is not None
    ada.take_away_the_stores()
    for minute in range(10):
        assert await ada.callers.find(lasting) is not None
        if minute < 5:
            assert await ada.callers.find(ending) is not None
        else:
            with pytest.raises(Unavailable):
                await ada.callers.find(ending)
        ada.clock.move(minutes=1)
    with pytest.raises(Unavailable):
        await ada.callers.find(lasting)


async def test_a_services_key_that_was_revoked_is_nobodys_as_soon_as_the_stores_can_say_so(ada: SignedIn) -> None:
    key, text = ada.add_key(role=Role.SERVICE, client="service:orders", user=None)
    assert await ada.callers.find(text) is not None
    ada.keys.down = True
    ada.clock.move(seconds=10)
    assert await ada.callers.find(text) is not None
    ada.keys.down = False
    ada.change_key(key, revoked_at=NOON)
    ada.clock.move(seconds=10)
    assert await ada.callers.find(text) is None
    ada.keys.down = True
    ada.clock.move(seconds=10)
    with pytest.raises(Unavailable):
        await ada.callers.find(text)


async def test_a_store_that_hangs_keeps_no_service_waiting_and_is_believed_when_it_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet, "PATIENCE_SECONDS", 0.01)
    ada = SignedIn(keys := SlowKeys())
    key, text = ada.add_key(role=Role.SERVICE, client="service:orders", user=None)
    known = await ada.callers.find(text)
    ada.clock.move(seconds=10)
    keys.answers.clear()
    async with asyncio.timeout(5):
        assert [await ada.callers.find(text) for _ in range(2)] == [known] * 2
        ada.change_key(key, revoked_at=NOON)
        keys.answers.set()
        while await ada.callers.find(text) is not None:
            await asyncio.sleep(0)


async def test_a_refusal_is_remembered_and_forgotten_like_any_answer(ada: SignedIn) -> None:
    token = ada.token()
    ada.change_user(locked_at=NOON)
    for _ in range(3):
        assert await ada.callers.find(token) is None
    assert ada.users.asked == 1
    ada.change_user(locked_at=None)
    ada.clock.move(seconds=10)
    assert await ada.callers.find(token) is not None


async def test_strangers_push_out_nobody_who_is_good(ada: SignedIn) -> None:
    token = ada.token()
    assert await ada.callers.find(token) is not None
    for number in range(fleet.REFUSED + 10):
        await ada.callers.find(new_key(new_request_id())[0], f"192.0.{number // 256}.{number % 256}")
    assert await ada.callers.find(token) is not None
    assert ada.users.asked == 1


async def test_no_more_is_remembered_than_there_is_room_for() -> None:
    newest = fleet._Newest(2)
    for name in (b"a", b"b"):
        newest.keep(name, fleet._Answer(None, 1.0))
    assert newest.get(b"a") is not None  # and so it is asked for later than the other
    newest.keep(b"c", fleet._Answer(None, 1.0))
    assert [newest.get(name) is not None for name in (b"a", b"b", b"c")] == [True, False, True]


async def test_the_use_of_a_key_is_on_record_once_an_hour_for_each_address(ada: SignedIn) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        await ada.callers.find(ada.key_text, address)
    entries = ada.audit.entries
    assert [(entry.act, entry.address) for entry in entries] == [
        (Act.KEY_USED, "192.0.2.1"),
        (Act.KEY_USED, "192.0.2.2"),
    ]
    assert {(entry.actor, entry.subject) for entry in entries} == {(ada.user.client, f"key:{ada.key.id}")}
    ada.clock.move(minutes=59)
    await ada.callers.find(ada.key_text, "192.0.2.1")
    assert len(entries) == 2
    ada.clock.move(minutes=1)
    await ada.callers.find(ada.key_text, "192.0.2.1")
    assert len(entries) == 3


async def test_who_has_a_whole_network_to_come_from_fills_no_record(ada: SignedIn) -> None:
    for last in range(20):
        await ada.callers.find(ada.key_text, f"2001:db8::{last:x}")
    assert [entry.address for entry in ada.audit.entries] == ["2001:db8::0"]


async def test_the_use_of_the_bootstrap_key_is_on_record_too(ada: SignedIn) -> None:
    for _ in range(2):
        await ada.callers.find("gwk_operator", "192.0.2.1")
    assert [(entry.act, entry.actor, entry.subject) for entry in ada.audit.entries] == [
        (Act.KEY_USED, "admin", "key:bootstrap")
    ]


async def test_a_session_leaves_no_such_record(ada: SignedIn) -> None:
    await ada.callers.find(ada.token(), "192.0.2.1")
    assert ada.audit.entries == []


async def test_when_a_key_was_used_is_noted_behind_the_answers_back(ada: SignedIn) -> None:
    await ada.callers.find(ada.key_text)
    assert ada.keys.stored[ada.key.id].used_at is None
    await asyncio.sleep(0)
    assert ada.keys.stored[ada.key.id].used_at == NOON


async def test_a_use_that_cannot_be_noted_refuses_nobody(ada: SignedIn) -> None:
    assert await ada.callers.find(ada.key_text) is not None
    ada.keys.down = True
    await asyncio.sleep(0)
    assert await ada.callers.find(ada.key_text) is not None
    await ada.callers.stop()
    ada.keys.down = False
    assert ada.keys.stored[ada.key.id].used_at is None
