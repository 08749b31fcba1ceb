"""`gateway bootstrap-key`: the admin's key from before there were accounts; made, made anew, and revoked for good."""

import asyncio
import sys
from datetime import UTC, datetime

from cli.account_stores import open_accounts
from cli.credentials import (
    ensure_bootstrap_key,
    has_bootstrap_key,
    is_bootstrap_revoked,
    renew_bootstrap_key,
    revoke_bootstrap_key,
)
from cli.home import Home
from cli.settings import Settings
from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.making_admins import OPERATOR, has_admin
from domain.errors import ConfigurationError, Unavailable


def make(settings: Settings, *, renew: bool) -> str:
    """
    The key, to be shown once. Raises `ConfigurationError` where there is one, or was: only `renew` replaces it.

    It is the way back in, so a record that cannot be written stops nobody.
    """
    home = Home.at(settings.home)
    if renew or not has_bootstrap_key(home):
        try:
            asyncio.run(_record_made(settings, renew=renew))
        except (ConfigurationError, Unavailable) as fault:
            _tell_unrecorded(fault)
    key = renew_bootstrap_key(home) if renew else ensure_bootstrap_key(home)
    if key is not None:
        return key
    if is_bootstrap_revoked(home):
        raise ConfigurationError("the key was revoked; gateway bootstrap-key --renew makes a new one all the same")
    raise ConfigurationError(
        "there is a key already, and nobody can show it again; gateway bootstrap-key --renew makes a new one"
    )


def revoke(settings: Settings, *, force: bool) -> None:
    """Void it in running processes too, at once. By `force` also where nobody else is admin, or MongoDB is away."""
    home = Home.at(settings.home)
    try:
        asyncio.run(_record(settings, force=force))
    except (ConfigurationError, Unavailable) as fault:
        if not force:
            raise ConfigurationError(fault.detail) from None
        _tell_unrecorded(fault)
    revoke_bootstrap_key(home)


def _tell_unrecorded(fault: ConfigurationError | Unavailable) -> None:
    print(f"warning: this stands in no record: {fault.detail}", file=sys.stderr)


async def _record_made(settings: Settings, *, renew: bool) -> None:
    async with open_accounts(settings) as stores:
        how = "anew" if renew else "first"
        await stores.audit.write(Doer(OPERATOR, datetime.now(UTC)).entry(Act.BOOTSTRAP_MADE, "key:bootstrap", how=how))


async def _record(settings: Settings, *, force: bool) -> None:
    async with open_accounts(settings) as stores:
        if not force and not await has_admin(stores.users):
            raise ConfigurationError(
                "bootstrap-key --revoke: nobody else is an admin; make one by gateway users create-admin, "
                "or add --force: gateway bootstrap-key --renew is the way back"
            )
        await stores.audit.write(Doer(OPERATOR, datetime.now(UTC)).entry(Act.BOOTSTRAP_REVOKED, "key:bootstrap"))
