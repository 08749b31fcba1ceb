"""`gateway payments accounts` and `same-account`: what waits for which key, and an operator's word on two of them."""

import asyncio
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from cli.main import gateway
from domain.accounts.audit import Act
from domain.accounts.ports import AuditFilter
from domain.infra.accounts.audit import open_audit_log
from domain.infra.payments.payments import MongoPaymentStore
from domain.payments.payments import Payment, Status
from tests.fakes_payments import a_paid_payment, a_payment
from tests.stores import Stores

KEY, OTHER_KEY = f"key_{'a' * 24}/live", f"key_{'b' * 24}/live"
OURS, IN_TEST = "acct_1/live", "acct_1/test"


async def command(jobs_url: str, redis_url: str, *args: str) -> Result:
    urls = ("--mongo-url", jobs_url, "--redis-url", redis_url)
    return await asyncio.to_thread(CliRunner().invoke, gateway, ["payments", *args, *urls])


@pytest.fixture
async def books(stores: Stores) -> tuple[MongoPaymentStore, list[Payment]]:
    store = MongoPaymentStore(stores.database)
    under_way = [a_payment(status=Status.PROCESSING, account=name) for name in (None, OURS, KEY, KEY)]
    others = [a_paid_payment(refunding=300, account=OURS), a_paid_payment(account=KEY), a_payment()]
    return store, [await store.add(payment) for payment in (*under_way, *others)]


async def test_what_is_under_way_is_counted_by_its_account(
    books: tuple[MongoPaymentStore, list[Payment]], jobs_url: str, redis_database_url: str
) -> None:
    unsent, ours, first, *_ = books[1]
    said = await command(jobs_url, redis_database_url, "accounts")
    told = await command(jobs_url, redis_database_url, "accounts", "--json")
    assert said.exit_code == told.exit_code == 0
    assert [line.split() for line in said.stdout.splitlines()] == [
        ["ACCOUNT", "PAYMENTS", "REFUNDING", "OLDEST"],
        ["-", "1", "0", str(unsent.id)],
        [OURS, "1", "1", str(ours.id)],
        [KEY, "2", "0", str(first.id)],
    ]
    counted = json.loads(told.stdout)["accounts"]
    assert [(each["account"], each["payments"]) for each in counted] == [(None, 1), (OURS, 1), (KEY, 2)]


async def test_what_a_key_stood_for_is_its_accounts_by_an_operators_word_which_is_on_record(
    books: tuple[MongoPaymentStore, list[Payment]], stores: Stores, jobs_url: str, redis_database_url: str
) -> None:
    store, payments = books
    said = await command(jobs_url, redis_database_url, "same-account", KEY, OURS)
    assert (said.exit_code, said.stdout) == (0, f"3 payments go through {OURS} from now on\n")
    after = [await store.find(payment.id, None) for payment in payments]
    assert [each.account for each in after if each is not None] == [None, OURS, OURS, OURS, OURS, OURS, None]
    assert [each.epoch - old.epoch for each, old in zip(after, payments, strict=True) if each] == [0, 0, 1, 1, 0, 1, 0]
    async with open_audit_log(stores.database, timedelta(days=1)) as audit:
        entries = await audit.list(AuditFilter(limit=10))
    assert [(entry.subject, entry.detail) for entry in entries if entry.act is Act.PAYMENTS_MOVED] == [
        (OURS, {"key": KEY})
    ]


async def test_a_mistaken_word_is_taken_back_and_of_what_was_the_accounts_own_nothing_moves(
    books: tuple[MongoPaymentStore, list[Payment]], stores: Stores, jobs_url: str, redis_database_url: str
) -> None:
    store, payments = books
    await command(jobs_url, redis_database_url, "same-account", KEY, OURS)
    anew = await store.find(payments[2].id, None)
    assert anew is not None
    begun_again = anew.model_copy(update={"account": None, "job": anew.id, "epoch": anew.epoch + 1})
    assert await store.change(anew, begun_again)
    await store.pin(anew.id, OURS, anew.id)
    said = await command(jobs_url, redis_database_url, "same-account", KEY, OURS, "--undo")
    again = await command(jobs_url, redis_database_url, "same-account", KEY, OURS, "--undo")
    assert (said.stdout, again.stdout) == tuple(f"{n} payments go through {KEY} from now on\n" for n in (2, 0))
    after = [await store.find(payment.id, None) for payment in payments]
    assert [each.account for each in after if each is not None] == [None, OURS, OURS, KEY, OURS, KEY, None]
    async with open_audit_log(stores.database, timedelta(days=1)) as audit:
        entries = await audit.list(AuditFilter(limit=10))
    assert [entry.detail for entry in entries] == [{"key": KEY, "undone": "yes"}] * 2 + [{"key": KEY}]


@pytest.mark.parametrize(
    ("key", "account"),
    [(OURS, "acct_2/live"), (OURS, KEY), (KEY, IN_TEST), (KEY, KEY), (KEY, "acct_1"), ("sk_live_x", OURS), ("", OURS)],
)
async def test_no_account_becomes_another_one(
    books: tuple[MongoPaymentStore, list[Payment]], jobs_url: str, redis_database_url: str, key: str, account: str
) -> None:
    store, payments = books
    said = await command(jobs_url, redis_database_url, "same-account", key, account)
    assert said.exit_code == 2
    assert [await store.find(payment.id, None) for payment in payments] == payments


async def test_another_key_may_stand_for_it_too(
    books: tuple[MongoPaymentStore, list[Payment]], jobs_url: str, redis_database_url: str
) -> None:
    assert books
    said = await command(jobs_url, redis_database_url, "same-account", KEY, OTHER_KEY)
    assert said.exit_code == 0
