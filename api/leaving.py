"""`DELETE /users/me`: one's account, for good."""

from collections.abc import Iterator
from http import HTTPStatus

from litestar import delete
from msgspec import UNSET

from api.auth_bodies import read_or_blame, read_password
from api.doers import doer_of
from api.fields import read_fields
from api.ports import ApiPorts
from api.provided import Ports, accounts_of
from api.queries import read_query
from api.users import find_oneself
from domain.accounts.leaving import Leaving
from domain.accounts.password_trials import PasswordTrials
from domain.accounts.ports import KeptOfUser
from domain.edge.answers import AnyRequest


@delete("/users/me", status_code=HTTPStatus.NO_CONTENT)
async def delete_me(request: AnyRequest, ports: Ports) -> None:
    """Remove the caller's account, for who shows its password."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    fields = await read_fields(request)
    password = fields.require("password", str, "must be a string")
    if password is not UNSET:
        read_or_blame(fields, password, read_password)
    fields.end()
    trials = PasswordTrials(accounts.passwords, accounts.sign_ins)
    leaving = Leaving(accounts.users, accounts.keys, tuple(_kept_of_users(ports)), trials, accounts.audit)
    await leaving.leave(await find_oneself(request, accounts), password, doer_of(request, accounts))


def _kept_of_users(ports: ApiPorts) -> Iterator[KeptOfUser]:
    yield accounts_of(ports).user_jobs
    if ports.orders is not None:
        yield ports.orders.orders
    if ports.payments is not None:
        yield ports.payments.payments
