"""`/users/me/sessions`: where one is signed in, and the end of what one does not know."""

from http import HTTPStatus

import msgspec
from litestar import delete, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.account_views import SessionList, session_view
from api.callers import caller_of
from api.doers import doer_of
from api.fields import read_nothing
from api.provided import Ports, accounts_of
from api.queries import read_query
from api.users import PRIVATE, find_oneself
from domain.accounts.audit import Act
from domain.edge.answers import AnyRequest
from domain.errors import NotFound
from domain.request_ids import read_request_id


@get("/users/me/sessions")
async def list_sessions(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List the caller's sessions that live."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    user = await find_oneself(request, accounts)
    live = await accounts.sessions.list_live(user.id, accounts.clock())
    current = caller_of(request).session
    view = SessionList([session_view(session, current) for session in live], None)
    return ASGIResponse(body=msgspec.json.encode(view), headers=PRIVATE)


@delete("/users/me/sessions/{session_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def end_session(request: AnyRequest, session_id: FromPath[str], ports: Ports) -> None:
    """End one of the caller's sessions."""
    await read_nothing(request)
    accounts = accounts_of(ports)
    user = await find_oneself(request, accounts)
    asked = read_request_id(session_id)
    doer = doer_of(request, accounts)
    if asked is None or not await accounts.sessions.end(asked, user.id, "revoked", doer.at):
        raise NotFound("Session not found")
    accounts.audit.note(doer.entry(Act.SIGNED_OUT, user.client, session=str(asked), why="revoked"))


@delete("/users/me/sessions", status_code=HTTPStatus.NO_CONTENT)
async def end_other_sessions(request: AnyRequest, ports: Ports) -> None:
    """End all of the caller's sessions but the one that asks."""
    await read_nothing(request)
    accounts = accounts_of(ports)
    user = await find_oneself(request, accounts)
    doer = doer_of(request, accounts)
    ended = await accounts.sessions.end_all(user.id, "revoked", doer.at, but=caller_of(request).session)
    if ended:
        accounts.audit.note(doer.entry(Act.SIGNED_OUT, user.client, why="revoked", sessions=str(ended)))
