"""`gateway users …`: the first admin, made at the machine itself, and the accounts as an admin sees them over HTTP."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import click

from cli.account_stores import open_accounts
from cli.answered_json import Fields
from cli.api_client import GatewayApi
from cli.api_options import as_json, say, say_json, with_api
from cli.columns import Table, lines_of, text_of
from cli.options import setting_flags
from cli.settings import Settings, load_settings
from domain.accounts.doers import Doer
from domain.accounts.making_admins import OPERATOR, MakingAdmins
from domain.accounts.names import Name, read_email, read_username
from domain.accounts.ports import Taken
from domain.accounts.users import User
from domain.errors import Invalid, Unavailable
from domain.infra.passwords import open_passwords


@click.group()
def users() -> None:
    """
    Make an admin, and see, lock or unlock accounts.

    All but create-admin speak to a gateway over HTTP. Exit codes: 0 done, 1 refused, 2 wrong usage, 69 the gateway
    cannot be reached, 78 a setting is wrong.
    """


@users.command("create-admin")
@click.option("--email", required=True, metavar="ADDRESS", help="What the admin signs in with.")
@click.option("--username", metavar="NAME", help="The same, for who would rather type less.")
@setting_flags("home", "mongo_url")
def create_admin(*, email: str, username: str | None, **flags: str | None) -> None:
    """
    Make an admin's account, confirmed at once.

    The password is asked for or, where standard input is no terminal, its first line. It is no flag on purpose: others
    on this machine would see it, and the shell would remember it.
    """
    try:
        names = (read_email(email), None if username is None else read_username(username))
        made = asyncio.run(_create_admin(load_settings(flags), *names, _ask_password()))
    except Invalid as fault:
        pointer = fault.errors[0].pointer.removeprefix("/")
        hint = "the password" if pointer == "password" else f"--{pointer}"
        raise click.BadParameter(fault.errors[0].detail, param_hint=hint) from None
    except (Taken, Unavailable) as fault:
        raise click.ClickException(fault.detail) from None
    say([f"made {made.email} an admin: {made.id}"])


@users.command("list")
@with_api
@as_json
def list_users(api: GatewayApi, *, as_json: bool) -> None:
    """List the accounts, newest first. For admins."""
    table = Table("ID", "EMAIL", "USERNAME", "ROLE", "STATE", "MADE")
    for page in api.pages("/users", {}):
        if as_json:
            for item in page:
                say_json(item.encode())
        else:
            say(table.lines(_row(api.fields(item.encode())) for item in page))


@users.command()
@with_api
@click.argument("user_id", type=click.UUID)
@as_json
def lock(api: GatewayApi, *, user_id: UUID, as_json: bool) -> None:
    """Shut a user out, and end all their sessions. For admins."""
    _tell(api, f"/users/{user_id}/lock", as_json=as_json)


@users.command()
@with_api
@click.argument("user_id", type=click.UUID)
@as_json
def unlock(api: GatewayApi, *, user_id: UUID, as_json: bool) -> None:
    """Let a user in again. For admins."""
    _tell(api, f"/users/{user_id}/unlock", as_json=as_json)


async def _create_admin(settings: Settings, email: Name, username: Name | None, password: str) -> User:
    async with open_accounts(settings) as stores, open_passwords(threads=1) as passwords:
        making = MakingAdmins(stores.users, passwords, stores.audit)
        return await making.make(email, username, password, Doer(OPERATOR, datetime.now(UTC)))


def _ask_password() -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _tell(api: GatewayApi, path: str, *, as_json: bool) -> None:
    answer = api.send("POST", path)
    if as_json:
        say_json(answer.content)
    else:
        say(lines_of(api.fields(answer.content)))


def _row(user: Fields) -> Sequence[str]:
    names = [text_of(user.get(name)) for name in ("id", "email", "username", "role")]
    return [*names, _state(user), text_of(user.get("created_at"))]


def _state(user: Fields) -> str:
    if text_of(user.get("locked_at")) != "-":
        return "locked"
    return "unconfirmed" if text_of(user.get("confirmed_at")) == "-" else "active"
