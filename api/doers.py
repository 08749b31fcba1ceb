"""Who does what a request asks for, as the record of acts knows them."""

from dataclasses import replace

from api.callers import caller_of
from api.ports import AccountPorts, ApiPorts
from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.edge.addresses import client_address
from domain.edge.answers import AnyRequest
from domain.edge.request_ids import request_id_of
from domain.submitted_fields import to_milliseconds


def doer_of(request: AnyRequest, accounts: AccountPorts) -> Doer:
    """For routes behind the gate: its caller, now."""
    return replace(visitor_of(request, accounts), actor=caller_of(request).client)


def visitor_of(request: AnyRequest, accounts: AccountPorts) -> Doer:
    """For open routes: nobody known, now; to the millisecond, since MongoDB keeps no more."""
    scope, now = request.scope, to_milliseconds(accounts.clock())
    return Doer("", now, client_address(scope, accounts.trusted_hops), request_id_of(scope))


async def record(request: AnyRequest, ports: ApiPorts, act: Act, subject: str, **detail: str) -> None:
    """On record, before it is done; nothing where there are no accounts. Raises `Unavailable`."""
    if ports.accounts is not None:
        await ports.accounts.audit.write(doer_of(request, ports.accounts).entry(act, subject, **detail))
