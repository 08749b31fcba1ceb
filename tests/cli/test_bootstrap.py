"""`gateway bootstrap-key`: revoked for good, and not while nobody else is admin."""

import asyncio

import pytest
from click.testing import CliRunner, Result

from cli.account_stores import open_accounts
from cli.credentials import (
    ADMIN,
    BootstrapCallers,
    ensure_bootstrap_key,
    is_bootstrap_revoked,
    renew_bootstrap_key,
)
from cli.home import Home
from cli.main import gateway
from cli.settings import load_settings
from domain.accounts.audit import Act, Entry
from domain.accounts.ports import AuditFilter
from domain.accounts.users import User
from domain.callers import Role
from domain.errors import ConfigurationError
from domain.request_ids import new_request_id
from tests.strategies import NOON


def run(home: Home, *args: str) -> Result:
    return CliRunner().invoke(gateway, ["bootstrap-key", "--home", str(home.path), *args])


def opens(home: Home, key: str) -> bool:
    return asyncio.run(BootstrapCallers(home).find(key)) == ADMIN


def test_a_revoked_key_opens_nothing_and_no_start_makes_another(home: Home, mongo_database_url: str) -> None:
    key = renew_bootstrap_key(home)
    make_admin(mongo_database_url)
    said = run(home, "--revoke", "--mongo-url", mongo_database_url)
    assert (said.exit_code, said.stdout) == (0, "revoked; it opens nothing any more\n")
    assert not opens(home, key)
    assert ensure_bootstrap_key(home) is None
    assert not opens(home, "revoked")
    (entry,) = acts(mongo_database_url)
    assert (entry.act, entry.actor) == (Act.BOOTSTRAP_REVOKED, "operator")


async def test_it_is_void_at_once_in_a_running_process(home: Home) -> None:
    key, callers = renew_bootstrap_key(home), BootstrapCallers(home)
    assert await callers.find(key) == ADMIN
    await asyncio.to_thread(run, home, "--revoke", "--force")
    assert await callers.find(key) is None


@pytest.mark.parametrize("admins", ["none", "locked"])
def test_it_is_not_revoked_while_nobody_else_is_admin(home: Home, mongo_database_url: str, admins: str) -> None:
    key = renew_bootstrap_key(home)
    if admins == "locked":
        make_admin(mongo_database_url, locked=True)
    said = run(home, "--revoke", "--mongo-url", mongo_database_url)
    assert isinstance(said.exception, ConfigurationError)
    assert "gateway users create-admin" in said.exception.detail
    assert opens(home, key)
    assert acts(mongo_database_url) == []


def test_force_revokes_it_all_the_same_and_says_what_is_not_on_record(home: Home, mongo_database_url: str) -> None:
    key = renew_bootstrap_key(home)
    said = run(home, "--revoke", "--force")  # no MongoDB is known here
    assert (said.exit_code, "no record" in said.stderr) == (0, True)
    assert not opens(home, key)
    assert run(home, "--revoke", "--force", "--mongo-url", mongo_database_url).stderr == ""
    assert [entry.act for entry in acts(mongo_database_url)] == [Act.BOOTSTRAP_REVOKED]


def test_without_force_a_mongodb_that_is_not_known_leaves_it_good(home: Home) -> None:
    key = renew_bootstrap_key(home)
    said = run(home, "--revoke")
    assert isinstance(said.exception, ConfigurationError)
    assert "GATEWAY_MONGO_URL" in said.exception.detail
    assert opens(home, key)


def test_only_who_asks_for_a_new_one_gets_one(home: Home) -> None:
    run(home, "--revoke", "--force")
    said = run(home)
    assert isinstance(said.exception, ConfigurationError)
    assert "revoked" in said.exception.detail
    key = run(home, "--renew").stdout.strip()
    assert opens(home, key)
    assert not is_bootstrap_revoked(home)


def test_a_key_is_made_on_record_and_without_one_where_mongodb_is_not_known(
    home: Home, mongo_database_url: str
) -> None:
    first = run(home, "--mongo-url", mongo_database_url)
    anew = run(home, "--renew", "--mongo-url", mongo_database_url)
    assert [entry.act for entry in acts(mongo_database_url)] == [Act.BOOTSTRAP_MADE] * 2
    assert [entry.detail["how"] for entry in acts(mongo_database_url)] == ["anew", "first"]
    assert first.stderr == anew.stderr == ""
    unrecorded = run(home, "--renew")
    assert "no record" in unrecorded.stderr
    assert opens(home, unrecorded.stdout.strip())


@pytest.mark.parametrize("args", [["--renew", "--revoke"], ["--force"], ["--renew", "--force"]])
def test_what_does_not_go_together_is_refused(home: Home, args: list[str]) -> None:
    key = renew_bootstrap_key(home)
    assert run(home, *args).exit_code == 2
    assert opens(home, key)


def make_admin(url: str, *, locked: bool = False) -> None:
    email = "root@example.com"
    user = User(
        id=new_request_id(), email=email, email_key=email, password="x", role=Role.ADMIN, confirmed_at=NOON,
        locked_at=NOON if locked else None, created_at=NOON, updated_at=NOON,
    )  # fmt: skip

    async def add() -> None:
        async with open_accounts(load_settings({"mongo_url": url})) as stores:
            await stores.users.add(user)

    asyncio.run(add())


def acts(url: str) -> list[Entry]:
    async def read() -> list[Entry]:
        async with open_accounts(load_settings({"mongo_url": url})) as stores:
            return list(await stores.audit.list(AuditFilter()))

    return asyncio.run(read())
