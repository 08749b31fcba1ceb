"""`/auth`, the rest: passwords that were forgotten, or are to be others. A new one ends every session."""

from functools import partial
from http import HTTPStatus

from litestar import put
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.auth_answers import told, told_and_forgotten
from api.auth_bodies import read_address, read_new_password, read_password_change
from api.auth_cases import changing_passwords, renewal, resetting
from api.callers import caller_of
from api.doers import doer_of, visitor_of
from api.fields import read_fields
from api.provided import Ports, accounts_of
from api.queries import read_query
from domain.accounts.changing import no_such_user
from domain.accounts.mails import Template
from domain.edge.answers import AnyRequest

_RESET = "the password is changed, every session has ended, and your API keys are revoked; sign in"
_CHANGED = "the password is changed, and every session has ended; sign in"


@put("/auth/forgot-password", status_code=HTTPStatus.ACCEPTED)
async def forget_password(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Mail a link for a new password to the address, if anybody has it; the answer does not wait to know."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    email = read_address(await read_fields(request))
    later = partial(resetting(accounts).ask, email.key, visitor_of(request, accounts))
    message = "if this address has an account, we send it a mail; follow its link"
    return told(message, status=HTTPStatus.ACCEPTED, later=later)


@put("/auth/reset-password/{token:str}")
async def reset_password(request: AnyRequest, token: FromPath[str], ports: Ports) -> ASGIResponse:
    """Choose a new password by a mailed link."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    password = read_new_password(await read_fields(request))
    user = await resetting(accounts).reset(token, password, visitor_of(request, accounts))
    return told_and_forgotten(_RESET, later=partial(renewal(accounts).tell, user, Template.PASSWORD_RESET))


@put("/auth/change-password")
async def change_password(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Choose a new password by the old one."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    asked = read_password_change(await read_fields(request))
    user_id = caller_of(request).user
    if user_id is None:
        raise no_such_user()
    user = await changing_passwords(accounts).change(user_id, asked, doer_of(request, accounts))
    return told_and_forgotten(_CHANGED, later=partial(renewal(accounts).tell, user))
