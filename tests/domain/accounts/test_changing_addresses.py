"""Another address: by the password and a link, told to whom it concerns, and nothing of other accounts."""

import asyncio

import pytest

from api.auth_cases import changing_addresses, changing_passwords, resetting
from domain.accounts.audit import Act
from domain.accounts.changing import altered
from domain.accounts.changing_addresses import ChangingAddresses, NewAddress
from domain.accounts.changing_passwords import PasswordChange
from domain.accounts.doers import Doer
from domain.accounts.locking import Locks
from domain.accounts.mailed_links import VoidLink
from domain.accounts.mails import Mail, Template
from domain.accounts.names import read_email
from domain.accounts.ports import Taken
from domain.accounts.profiles import change_profile
from domain.accounts.sessions import Session
from domain.accounts.users import PendingEmail, User
from domain.errors import Conflict, Forbidden, Invalid, TooMany, Unavailable
from tests.auth_world import ADDRESS, EMAIL, OTHER_PASSWORD, PASSWORD, AuthWorld
from tests.fakes_accounts import FakeUsers

NEW = "Jane@New.example"
TO_NEW = NewAddress(read_email(NEW), PASSWORD)
TO_OTHER = NewAddress(read_email("jane@other.example"), PASSWORD)


@pytest.fixture
def case(world: AuthWorld) -> ChangingAddresses:
    return changing_addresses(world.accounts)


def doer_of(world: AuthWorld, user: User) -> Doer:
    return Doer(user.client, world.now, ADDRESS, "trace")


async def ask(world: AuthWorld, user: User, wanted: NewAddress = TO_NEW) -> User:
    """As the route does it."""
    case, doer = changing_addresses(world.accounts), doer_of(world, user)
    wish = await case.begin(world.user(user), wanted, doer)
    after = await change_profile(user.id, {"pending": wish}, (world.users, world.audit), doer)
    await case.tell_of_wish(after)
    await case.follow_up(after, doer)
    return after


def mails_to(world: AuthWorld, address: str) -> list[Template]:
    return [mail.template for mail in world.post.mails if mail.to == address]


def link_to(world: AuthWorld, address: str) -> str:
    """The token of the newest link that was mailed to this address."""
    mails: list[Mail] = [mail for mail in world.post.mails if mail.to == address and mail.link is not None]
    return world.token_of(mails[-1])


async def test_a_wish_changes_nothing_and_tells_both_addresses(world: AuthWorld, jane: User) -> None:
    after = await ask(world, jane)
    assert (after.email, after.pending and after.pending.email) == (EMAIL, NEW)
    assert after.pending is not None
    assert after.pending.email_key == NEW.lower()
    assert [(mail.to, mail.template) for mail in world.post.mails] == [
        (EMAIL, Template.EMAIL_ASKED),
        (NEW, Template.NEW_EMAIL),
    ]
    assert [(entry.act, entry.actor) for entry in world.audit.entries] == [(Act.EMAIL_ASKED, jane.client)]


async def test_neither_the_record_nor_a_mail_holds_the_other_address(world: AuthWorld, jane: User) -> None:
    await ask(world, jane)
    told = [repr(entry) for entry in world.audit.entries]
    told += [repr((mail.values, mail.link)) for mail in world.post.mails]
    told += [repr(mail) for mail in world.post.mails if mail.to == EMAIL]
    assert all("new.example" not in text.lower() for text in told)


async def test_the_link_makes_it_theirs_and_ends_every_session(
    world: AuthWorld, case: ChangingAddresses, jane: User, session: Session
) -> None:
    await ask(world, jane)
    world.move(hours=1)
    moved = await case.confirm(link_to(world, NEW), world.visitor())
    await case.tell(moved)
    await case.tell(moved)
    now = world.user(jane)
    assert (now.email, now.email_key, now.pending, now.confirmed_at) == (NEW, NEW.lower(), None, world.now)
    assert world.session(session).why_ended == "email"
    assert mails_to(world, EMAIL) == [Template.EMAIL_ASKED, Template.EMAIL_CHANGED]
    assert [(entry.act, entry.actor) for entry in world.audit.entries] == [
        (Act.EMAIL_ASKED, jane.client),
        (Act.EMAIL_CHANGED, jane.client),
    ]


async def test_a_link_is_good_once_even_if_it_is_asked_for_again_at_once(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    await ask(world, jane)
    first = link_to(world, NEW)
    world.move(seconds=1)
    await case.confirm(first, world.visitor())
    await ask(world, jane, NewAddress(read_email(EMAIL), PASSWORD))
    world.move(seconds=1)
    await case.confirm(link_to(world, EMAIL), world.visitor())
    await ask(world, jane)
    with pytest.raises(VoidLink):
        await case.confirm(first, world.visitor())
    assert world.user(jane).email == EMAIL
    await case.confirm(link_to(world, NEW), world.visitor())


async def test_of_two_who_follow_it_at_once_one_is_told(world: AuthWorld, case: ChangingAddresses, jane: User) -> None:
    await ask(world, jane)
    token = link_to(world, NEW)
    ends = await asyncio.gather(*(case.confirm(token, world.visitor()) for _ in range(2)), return_exceptions=True)
    assert sorted(isinstance(end, VoidLink) for end in ends) == [False, True]


async def test_a_link_runs_out(world: AuthWorld, case: ChangingAddresses, jane: User) -> None:
    after = await ask(world, jane)
    token = link_to(world, NEW)
    world.move(hours=24)
    assert after.pending is not None
    assert after.pending.expires_at == world.now
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())


async def test_a_later_wish_takes_the_place_of_an_earlier_one(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    await ask(world, jane)
    first = link_to(world, NEW)
    await ask(world, jane, TO_OTHER)
    with pytest.raises(VoidLink):
        await case.confirm(first, world.visitor())
    await case.confirm(link_to(world, "jane@other.example"), world.visitor())
    assert world.user(jane).email == "jane@other.example"


async def test_what_follows_an_earlier_wish_does_not_void_the_later_ones_link(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    earlier = await ask(world, jane)
    await ask(world, jane, TO_OTHER)
    await case.follow_up(earlier, doer_of(world, jane))
    await case.confirm(link_to(world, "jane@other.example"), world.visitor())


async def test_nor_does_it_mail_the_later_ones_link_which_nobody_was_told_of_yet(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    earlier, doer = await ask(world, jane), doer_of(world, jane)
    wish = await case.begin(earlier, TO_OTHER, doer)
    await change_profile(jane.id, {"pending": wish}, (world.users, world.audit), doer)
    await case.follow_up(earlier, doer)
    assert not mails_to(world, "jane@other.example")


@pytest.mark.parametrize("wish", [TO_NEW, TO_OTHER], ids=["nobody's", "somebody's"])
async def test_whose_the_address_is_shows_in_nothing_but_its_mail(
    world: AuthWorld, jane: User, wish: NewAddress
) -> None:
    world.add_user("jane@other.example")
    after = await ask(world, jane, wish)
    assert after.pending is not None
    assert after.pending.email == wish.email.shown
    assert world.passwords.verified == [jane.password]
    assert world.audit.acts == [Act.EMAIL_ASKED]
    assert mails_to(world, EMAIL) == [Template.EMAIL_ASKED]
    is_known = wish is TO_OTHER
    assert mails_to(world, wish.email.shown) == [Template.EMAIL_TAKEN if is_known else Template.NEW_EMAIL]
    assert len(world.links.stored) == (0 if is_known else 1)


async def test_whose_it_is_is_told_once_a_day(world: AuthWorld, jane: User) -> None:
    world.add_user("jane@other.example")
    for _ in range(3):
        await ask(world, jane, TO_OTHER)
    assert mails_to(world, "jane@other.example") == [Template.EMAIL_TAKEN]


async def test_a_wrong_password_is_refused_on_record_and_counted(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    for _ in range(5):
        with pytest.raises(Forbidden) as told:
            await case.begin(jane, NewAddress(TO_NEW.email, "not this one"), doer_of(world, jane))
        assert (told.value.code, told.value.errors[0].pointer) == ("wrong-password", "/current_password")
    with pytest.raises(TooMany):
        await case.begin(jane, TO_NEW, doer_of(world, jane))
    assert world.audit.acts == [Act.SIGN_IN_REFUSED] * 5
    assert not world.post.mails


async def test_a_guesser_has_no_more_tries_here_than_at_the_sign_in(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    for _ in range(5):
        await case.trials.limit.wait(f"account:{jane.id}", f"account:{jane.id}")
    with pytest.raises(Forbidden):
        await case.begin(jane, TO_NEW, doer_of(world, jane))


async def test_with_the_password_too_there_is_an_end_to_whom_mails_go(world: AuthWorld, jane: User) -> None:
    for number in range(5):
        await ask(world, jane, NewAddress(read_email(f"jane@{number}.example.com"), PASSWORD))
    with pytest.raises(TooMany):
        await ask(world, jane)
    assert not mails_to(world, NEW)


@pytest.mark.parametrize("email", [EMAIL, EMAIL.upper()])
async def test_ones_own_address_is_no_new_one(
    world: AuthWorld, case: ChangingAddresses, jane: User, email: str
) -> None:
    with pytest.raises(Invalid) as told:
        await case.begin(jane, NewAddress(read_email(email), PASSWORD), doer_of(world, jane))
    assert [fault.pointer for fault in told.value.errors] == ["/email"]


async def test_who_is_locked_can_neither_ask_nor_follow_a_link(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    await ask(world, jane)
    token = link_to(world, NEW)
    locks = Locks(world.users, world.sessions, world.audit)
    await locks.lock(jane.id, Doer("user:root", world.now))
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())
    with pytest.raises(Forbidden):
        await case.begin(world.user(jane), TO_NEW, doer_of(world, jane))
    await locks.unlock(jane.id, Doer("user:root", world.now))
    assert (world.user(jane).email, world.user(jane).pending) == (EMAIL, None)
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())


async def test_a_new_password_ends_the_wish(world: AuthWorld, case: ChangingAddresses, jane: User) -> None:
    await ask(world, jane)
    token = link_to(world, NEW)
    change = PasswordChange(PASSWORD, OTHER_PASSWORD)
    await changing_passwords(world.accounts).change(jane.id, change, doer_of(world, jane))
    assert world.user(jane).pending is None
    with pytest.raises(VoidLink):
        await case.confirm(token, world.visitor())


async def test_a_reset_by_the_former_address_is_void_afterwards(
    world: AuthWorld, case: ChangingAddresses, jane: User
) -> None:
    reset = resetting(world.accounts)
    await reset.ask(EMAIL, world.visitor())
    token = link_to(world, EMAIL)
    await ask(world, jane)
    await case.confirm(link_to(world, NEW), world.visitor())
    with pytest.raises(VoidLink):
        await reset.reset(token, OTHER_PASSWORD, world.visitor())


async def test_an_address_that_another_got_first_is_told_to_who_reads_its_mail(
    world: AuthWorld, case: ChangingAddresses, jane: User, session: Session
) -> None:
    await ask(world, jane)
    world.add_user(NEW)
    with pytest.raises(Conflict) as told:
        await case.confirm(link_to(world, NEW), world.visitor())
    assert (told.value.code, NEW.lower() in told.value.detail.lower()) == ("taken", False)
    assert (world.user(jane).email, world.user(jane).pending) == (EMAIL, None)
    assert world.session(session).ended_at is None
    assert world.audit.acts == [Act.EMAIL_ASKED, Act.EMAIL_REFUSED]


class LateUsers(FakeUsers):
    """Another account gets the address between the look and the write."""

    async def change(self, before: User, after: User) -> bool:
        if after.email_key != before.email_key:
            raise Taken("email")
        return await super().change(before, after)


async def test_and_so_it_is_where_both_come_at_once(world: AuthWorld, jane: User) -> None:
    await ask(world, jane)
    world.users = LateUsers(*world.users.stored.values())
    with pytest.raises(Conflict) as told:
        await changing_addresses(world.accounts).confirm(link_to(world, NEW), world.visitor())
    assert (told.value.code, world.user(jane).pending) == ("taken", None)
    assert world.audit.acts[-1] is Act.EMAIL_REFUSED


@pytest.mark.parametrize("store", ["audit", "sessions"])
async def test_a_store_that_is_away_leaves_the_link_and_the_address(
    world: AuthWorld, case: ChangingAddresses, jane: User, store: str
) -> None:
    await ask(world, jane)
    token = link_to(world, NEW)
    getattr(world, store).down = True
    with pytest.raises(Unavailable):
        await case.confirm(token, world.visitor())
    assert world.user(jane).email == EMAIL
    getattr(world, store).down = False
    await case.confirm(token, world.visitor())
    assert world.user(jane).email == NEW


async def test_no_link_leaves_before_the_present_address_is_told(world: AuthWorld, jane: User) -> None:
    world.post.down = True
    with pytest.raises(Unavailable):
        await ask(world, jane)
    assert not world.links.stored


class OvertakenUsers(FakeUsers):
    """Somebody else changes the user, a moment before the first write."""

    def __init__(self, user: User, **changes: object) -> None:
        super().__init__(user)
        self._changes: dict[str, object] | None = changes

    async def change(self, before: User, after: User) -> bool:
        if self._changes is not None:
            changes, self._changes = self._changes, None
            await super().change(before, altered(before, before.updated_at, **changes))
        return await super().change(before, after)


@pytest.mark.parametrize(
    "change",
    [
        {"pending": PendingEmail(email="j@third.example", email_key="j@third.example", expires_at=AuthWorld().now)},
        {"password": "hash:another"},
        {"locked_at": AuthWorld().now},
    ],
    ids=["wish", "password", "lock"],
)
async def test_the_write_looks_at_the_user_once_more(world: AuthWorld, jane: User, change: dict[str, object]) -> None:
    await ask(world, jane)
    world.users = OvertakenUsers(world.user(jane), **change)
    with pytest.raises(VoidLink):
        await changing_addresses(world.accounts).confirm(link_to(world, NEW), world.visitor())
    assert world.user(jane).email == EMAIL
