"""Who does what a request asks for, as the record of acts knows them."""

from dataclasses import replace
from uuid import UUID

from api.callers import caller_of
from api.ports import AccountPorts, ApiPorts
from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.callers import Role
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


async def record_intervention(request: AnyRequest, ports: ApiPorts, act: Act, job_id: UUID) -> None:
    """The same, where an admin is about to change a job that is somebody else's."""
    caller = caller_of(request)
    if caller.role is not Role.ADMIN:
        return
    job = await ports.jobs.find(job_id, caller.owner)
    if job is not None and job.client != caller.client:
        await record(request, ports, act, f"job:{job_id}", client=job.client)
