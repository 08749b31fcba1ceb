"""
`gateway payments accounts`, `same-account`: through which Stripe accounts payments go, and an operator's word on two.

Nobody asks Stripe from here: whose key a worker has, it says in its log.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click
import msgspec

from cli.addresses import with_servers
from cli.api_options import as_json, say, say_json
from cli.columns import Table, printable
from cli.options import setting_flags
from cli.settings import Settings, load_settings
from cli.stores import Stores, open_stores
from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.making_admins import OPERATOR
from domain.errors import Unavailable
from domain.infra.accounts.audit import open_audit_log
from domain.infra.payments.accounts import Use, accounts_in_use, move_all, move_back
from domain.submitted_fields import to_milliseconds

_FINGERPRINT = re.compile(r"key_[0-9a-f]{24}/(live|test)")
_ANY = re.compile(r"(?:acct_[!-.0-~]+|key_[0-9a-f]{24})/(live|test)")

Answer = TypeVar("Answer")


@click.command()
@as_json
@setting_flags("home", "mongo_url", "redis_url")
def accounts(*, as_json: bool, **flags: str | None) -> None:
    """
    Count the payments under way, and those being refunded, by the Stripe account that they go through.

    They wait while STRIPE_SECRET_KEY is of another account, and go on by themselves when it is one of theirs again.
    """
    found = _at_stores(load_settings(flags), lambda stores: accounts_in_use(stores.database))
    if as_json:
        say_json(msgspec.json.encode({"accounts": found}))
        return
    say(Table("ACCOUNT", "PAYMENTS", "REFUNDING", "OLDEST").lines([_row(use) for use in found]))


@click.command("same-account")
@click.argument("key")
@click.argument("account")
@click.option("--undo", is_flag=True, help="Take that word back: what it moved is KEY's again.")
@setting_flags("home", "mongo_url", "redis_url", "audit_days")
def same_account(*, key: str, account: str, undo: bool, **flags: str | None) -> None:
    """
    Say that payments of KEY, the fingerprint of a key that could not tell its account (key_…/live), are ACCOUNT's.

    For a restricted key that was rolled, or will be. Were it not so, buyers could pay twice: look at Stripe's
    dashboard first.
    """
    mode, other = _FINGERPRINT.fullmatch(key), _ANY.fullmatch(account)
    if mode is None:
        raise click.BadParameter("it is no key's fingerprint: one account is never another", param_hint="KEY")
    if other is None or key == account:
        raise click.BadParameter("write it as gateway payments accounts, or a worker's log, does", param_hint="ACCOUNT")
    if mode[1] != other[1]:
        raise click.BadParameter("one is of test mode, the other is live", param_hint="ACCOUNT")
    settings = load_settings(flags)
    moved = _at_stores(settings, lambda stores: _move(settings, stores, key, account, undo=undo))
    say([f"{moved} payments go through {key if undo else account} from now on"])


async def _move(settings: Settings, stores: Stores, key: str, account: str, *, undo: bool) -> int:
    """It is on record before it is done."""
    doer = Doer(OPERATOR, to_milliseconds(datetime.now(UTC)))
    async with open_audit_log(stores.database, timedelta(days=settings.audit_days)) as audit:
        await audit.write(doer.entry(Act.PAYMENTS_MOVED, account, key=key, **({"undone": "yes"} if undo else {})))
    return await (move_back if undo else move_all)(stores.database, key, account)


def _at_stores(settings: Settings, do: Callable[[Stores], Awaitable[Answer]]) -> Answer:
    async def done() -> Answer:
        async with open_stores(with_servers(settings)) as stores:
            return await do(stores)

    try:
        return asyncio.run(done())
    except Unavailable as fault:
        raise click.ClickException(fault.detail) from None


def _row(use: Use) -> list[str]:
    return [printable(use.account or "-"), str(use.payments), str(use.refunding), str(use.oldest)]
