"""What every `Users` promises, the fake and the real one alike; and what only the real one can get wrong."""

import asyncio
import traceback

import pytest

from domain.accounts.links import Purpose
from domain.accounts.ports import Taken
from domain.accounts.users import User
from domain.callers import Role
from domain.errors import Unavailable
from domain.infra.mongo import Database
from domain.request_ids import new_request_id
from tests.account_stores import Accounts, a_key, a_link, a_session, a_user
from tests.strategies import NOON

OPERATORS = ['{"$gt": ""}', "$where", "a.b", "' || 1==1 //", ".*", "\x00", "ａｎｎ@acme.example"]


def changed(user: User, **fields: object) -> User:
    return user.model_copy(update={"version": user.version + 1, **fields})


async def test_a_user_is_found_by_id_and_by_each_name(accounts: Accounts) -> None:
    ann = a_user(email="Ann@acme.example", username="Ann", username_key="ann", name="Ann A.", role=Role.ADMIN)
    await accounts.users.add(ann)
    assert await accounts.users.find(ann.id) == ann
    assert await accounts.users.find_by_name(email_key="ann@acme.example") == ann
    assert await accounts.users.find_by_name(username_key="ann") == ann
    assert await accounts.users.find_by_name("ann@acme.example", "ann") == ann


async def test_nobody_is_found_by_another_name_or_by_none(accounts: Accounts) -> None:
    await accounts.users.add(a_user(username_key="ann"))
    assert await accounts.users.find(new_request_id()) is None
    assert await accounts.users.find_by_name(email_key="ann") is None
    assert await accounts.users.find_by_name(username_key="ann@acme.example") is None
    assert await accounts.users.find_by_name("ann@acme.example", "bob") is None
    assert await accounts.users.find_by_name() is None


async def test_an_address_is_taken_once(accounts: Accounts) -> None:
    ann = a_user()
    await accounts.users.add(ann)
    with pytest.raises(Taken) as refusal:
        await accounts.users.add(a_user(username_key="other"))
    assert refusal.value.field == "email"
    assert await accounts.users.list(10) == [ann]


async def test_a_username_is_taken_once_and_none_is_taken_by_nobody(accounts: Accounts) -> None:
    await accounts.users.add(a_user(email="ann@acme.example", username_key="ann"))
    with pytest.raises(Taken) as refusal:
        await accounts.users.add(a_user(email="bob@acme.example", username_key="ann"))
    assert refusal.value.field == "username"
    for email in ("cat@acme.example", "dan@acme.example"):
        await accounts.users.add(a_user(email=email))


@pytest.mark.parametrize("one", [True, False], ids=["of one user", "of two"])
async def test_of_both_taken_the_username_is_told_of(accounts: Accounts, one: bool) -> None:
    """So that who gives a free username, and only who does, could learn of an address; and that is told to nobody."""
    await accounts.users.add(a_user(email="ann@acme.example", username_key="ann" if one else None))
    if not one:
        await accounts.users.add(a_user(email="bob@acme.example", username_key="ann"))
    with pytest.raises(Taken) as refusal:
        await accounts.users.add(a_user(email="ann@acme.example", username_key="ann"))
    assert refusal.value.field == "username"


async def test_the_same_user_may_be_added_again_after_an_answer_that_was_lost(accounts: Accounts) -> None:
    ann = a_user()
    await accounts.users.add(ann)
    await accounts.users.add(ann)
    assert await accounts.users.list(10) == [ann]


async def test_a_list_is_newest_first_and_goes_on_from_its_last(accounts: Accounts) -> None:
    users = [a_user(email=f"{name}@acme.example") for name in "abcd"]
    for user in users:
        await accounts.users.add(user)
    page = await accounts.users.list(2)
    assert [user.id for user in page] == [users[3].id, users[2].id]
    assert [user.id for user in await accounts.users.list(2, before=page[-1].id)] == [users[1].id, users[0].id]


async def test_a_change_is_of_what_was_read(accounts: Accounts) -> None:
    ann = a_user(name="Ann")
    await accounts.users.add(ann)
    after = changed(ann, locked_at=NOON, locked_by="root")
    assert await accounts.users.change(ann, after) is True
    assert await accounts.users.change(ann, changed(ann, name="Anna")) is False
    assert await accounts.users.find(ann.id) == after


async def test_what_a_change_takes_away_is_gone(accounts: Accounts) -> None:
    ann = a_user(name="Ann", username="Ann", username_key="ann", locked_at=NOON)
    await accounts.users.add(ann)
    after = changed(ann, name=None, username=None, username_key=None, locked_at=None)
    assert await accounts.users.change(ann, after)
    assert await accounts.users.find(ann.id) == after
    await accounts.users.add(a_user(email="bob@acme.example", username_key="ann"))


async def test_a_change_to_the_wrong_version_or_of_another_user_is_a_bug(accounts: Accounts) -> None:
    ann = a_user()
    await accounts.users.add(ann)
    for after in (ann, changed(ann, version=2), changed(ann, id=new_request_id())):
        with pytest.raises(ValueError, match="next version"):
            await accounts.users.change(ann, after)


async def test_a_change_to_a_name_that_is_taken_is_refused(accounts: Accounts) -> None:
    ann, bob = a_user(username_key="ann"), a_user(email="bob@acme.example")
    await accounts.users.add(ann)
    await accounts.users.add(bob)
    with pytest.raises(Taken) as refusal:
        await accounts.users.change(bob, changed(bob, email_key=ann.email_key, username_key="ann"))
    assert refusal.value.field == "username"
    with pytest.raises(Taken) as refusal:
        await accounts.users.change(bob, changed(bob, email_key=ann.email_key))
    assert refusal.value.field == "email"
    assert await accounts.users.find(bob.id) == bob


async def test_a_change_that_keeps_ones_own_names_is_no_clash(accounts: Accounts) -> None:
    ann = a_user(username_key="ann")
    await accounts.users.add(ann)
    assert await accounts.users.change(ann, changed(ann, name="Ann"))


async def test_nobody_who_was_removed_can_be_changed(accounts: Accounts) -> None:
    ann = a_user()
    await accounts.users.add(ann)
    await accounts.users.remove(ann)
    assert await accounts.users.change(ann, changed(ann)) is False
    assert await accounts.users.find(ann.id) is None


async def test_with_a_user_goes_all_that_opens_a_door_and_nothing_of_others(accounts: Accounts) -> None:
    ann, bob = a_user(), a_user(email="bob@acme.example")
    sessions, keys = [a_session(ann), a_session(bob)], [a_key(user=ann.id), a_key(user=bob.id), a_key()]
    links = [a_link(ann), a_link(ann, Purpose.RESET), a_link(bob)]
    for user, session in zip((ann, bob), sessions, strict=True):
        await accounts.users.add(user)
        await accounts.sessions.add(session)
    for key in keys:
        await accounts.keys.add(key)
    for link in links:
        await accounts.links.add(link)
    for _ in range(2):
        await accounts.users.remove(ann)
    assert await accounts.users.list(10) == [bob]
    assert [await accounts.sessions.find(session.id) for session in sessions] == [None, sessions[1]]
    assert [await accounts.keys.find(key.id) for key in keys] == [None, *keys[1:]]
    taken = [await accounts.links.take(link.id, link.purpose, NOON) for link in links]
    assert taken == [None, None, links[2]]


@pytest.mark.parametrize("text", OPERATORS, ids=range(len(OPERATORS)))
async def test_what_looks_like_an_operator_is_text(accounts: Accounts, text: str) -> None:
    ann, odd = a_user(), a_user(email=text, email_key=text, username=text, username_key=text, name=text)
    await accounts.users.add(ann)
    assert await accounts.users.find_by_name(email_key=text) is None
    await accounts.users.add(odd)
    assert await accounts.users.find_by_name(email_key=text, username_key=text) == odd
    assert await accounts.users.find(odd.id) == odd


async def test_an_operator_in_place_of_a_name_finds_nobody(real_accounts: Accounts) -> None:
    """No route lets one through; if one ever did, it would still be compared as it stands."""
    await real_accounts.users.add(a_user(username_key="ann"))
    anything: str = {"$gt": ""}  # type: ignore[assignment]
    assert await real_accounts.users.find_by_name(email_key=anything) is None
    assert await real_accounts.users.find_by_name(username_key=anything) is None


async def test_of_two_who_register_one_address_at_once_one_does(real_accounts: Accounts) -> None:
    rivals = [a_user(username_key=f"ann{number}") for number in range(5)]
    answers = await asyncio.gather(*(real_accounts.users.add(user) for user in rivals), return_exceptions=True)
    assert [answer for answer in answers if answer is None] == [None]
    assert {answer.field for answer in answers if isinstance(answer, Taken)} == {"email"}
    assert len(await real_accounts.users.list(10)) == 1


async def test_of_two_changes_at_once_one_is_made(real_accounts: Accounts) -> None:
    ann = a_user()
    await real_accounts.users.add(ann)
    wishes = [changed(ann, name=f"Ann {number}") for number in range(5)]
    made = await asyncio.gather(*(real_accounts.users.change(ann, wish) for wish in wishes))
    assert sorted(made) == [False, False, False, False, True]
    assert await real_accounts.users.find(ann.id) == wishes[made.index(True)]


async def test_what_a_newer_version_of_the_program_wrote_besides_stays(
    real_accounts: Accounts, accounts_database: Database
) -> None:
    ann = a_user()
    await real_accounts.users.add(ann)
    await accounts_database.users.update_one({"_id": ann.id}, {"$set": {"later": 1}})
    assert await real_accounts.users.change(ann, changed(ann))
    stored = await accounts_database.users.find_one({"_id": ann.id})
    assert stored is not None
    assert stored["later"] == 1
    assert await real_accounts.users.find(ann.id) == changed(ann)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [({"email_key": {"$eq": "a"}}, "once_per_address"), ({"username_key": {"$eq": "a"}}, "once_per_username")],
    ids=["email", "username"],
)
async def test_a_name_is_looked_up_by_an_index(
    accounts_database: Database, wanted: dict[str, object], index: str
) -> None:
    plan = (await accounts_database.users.find(wanted).explain())["queryPlanner"]["winningPlan"]
    assert index in str(plan)


async def test_who_confirmed_no_address_goes_by_an_index_and_nobody_else_does(
    real_accounts: Accounts, accounts_database: Database
) -> None:
    new = a_user(forget_at=NOON)
    await real_accounts.users.add(new)
    expiry = (await accounts_database.users.index_information())["unconfirmed"]
    assert (expiry["key"], expiry["expireAfterSeconds"]) == ([("forget_at", 1)], 0)
    assert await real_accounts.users.change(new, changed(new, forget_at=None))
    assert "forget_at" not in (await accounts_database.users.find_one({"_id": new.id}) or {})


async def test_nothing_is_null_in_the_database(real_accounts: Accounts, accounts_database: Database) -> None:
    ann = a_user()
    await real_accounts.users.add(ann)
    await real_accounts.users.change(ann, changed(ann))
    stored = await accounts_database.users.find_one({"_id": ann.id})
    assert stored is not None
    assert None not in stored.values()


async def test_a_store_that_is_away_is_unavailable_and_quotes_nobodys_address(unreachable: Accounts) -> None:
    ann = a_user()
    refusals = await asyncio.gather(
        unreachable.users.add(ann),
        unreachable.users.find(ann.id),
        unreachable.users.find_by_name(ann.email_key),
        unreachable.users.list(10),
        unreachable.users.change(ann, changed(ann)),
        unreachable.users.remove(ann),
        return_exceptions=True,
    )
    for refusal in refusals:
        assert isinstance(refusal, Unavailable)
        assert "acme.example" not in "".join(traceback.format_exception(refusal))


async def test_a_refusal_quotes_nobodys_address(real_accounts: Accounts) -> None:
    """PyMongo's text of a clash holds the value, and a traceback that is logged would hold PyMongo's text."""
    await real_accounts.users.add(a_user())
    with pytest.raises(Taken) as refusal:
        await real_accounts.users.add(a_user())
    assert "ann@acme.example" not in "".join(traceback.format_exception(refusal.value))
