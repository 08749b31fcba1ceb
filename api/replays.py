"""`POST /jobs/replay`: an admin runs many ended jobs again, or is told how many there are."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse

from api.doers import record
from api.provided import Ports
from api.queries import read_query, refuse
from domain.accounts.audit import Act
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import FieldError
from domain.jobs import Status
from domain.json_text import pointer_to, read_object
from domain.ports import ReplayFilter

_TIME = 'must be a time with a zone by RFC 3339, such as "2026-01-31T09:00:00Z"'
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_FIELDS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "vendor": (str, "must be a string, the name of a vendor"),
        "status": (Literal["failed", "cancelled"], "must be failed or cancelled"),
        "error_code": (str, "must be a string, such as vendor_rejected"),
        "from": (_Moment, _TIME),
        "to": (_Moment, _TIME),
        "dry_run": (bool, "must be true or false"),
    }
)
_REQUIRED = ("vendor", "status", "dry_run")


class ReplayView(msgspec.Struct, frozen=True):
    """`matched` jobs answered to the filter; `queued` of them are run again by this call."""

    matched: int
    queued: int
    dry_run: bool


@post("/jobs/replay", status_code=200)
async def replay_jobs(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Run failed or cancelled jobs again, the oldest first."""
    read_query(request.scope)
    require_json(request.scope)
    which, dry_run = read_replay(await read_body(request.scope, request.receive))
    if not dry_run:
        await record(request, ports, Act.JOBS_REPLAYED, f"vendor:{which.vendor}", **_detail(which))
    replayed = await ports.control.replay(which, dry_run=dry_run)
    return ASGIResponse(body=msgspec.json.encode(ReplayView(replayed.matched, replayed.queued, dry_run)))


def _detail(which: ReplayFilter) -> dict[str, str]:
    """What of everybody's jobs was meant, beside the vendor."""
    bounds = {"from": which.created_from, "to": which.created_to}
    told = {name: moment.isoformat() for name, moment in bounds.items() if moment is not None}
    error_code = {} if which.error_code is None else {"error_code": which.error_code}
    return {"status": which.status.value, **error_code, **told}


def read_replay(body: bytes) -> tuple[ReplayFilter, bool]:
    """The jobs that are meant, and whether to count them only. Raises `BadSyntax`, or `Invalid` with every fault."""
    members = read_object(body)
    faults: list[FieldError] = []
    given = {name: _read(name, bytes(members[name]), faults) for name in _FIELDS if name in members}
    faults += (FieldError(pointer_to(name), "is missing; it is required") for name in _REQUIRED if name not in given)
    unknown = f"is not a field of a replay; these are: {', '.join(_FIELDS)}"
    faults += (FieldError(pointer_to(name), unknown) for name in islice(members, 100) if name not in _FIELDS)
    begins, ends = given.get("from"), given.get("to")
    if begins is not None and ends is not None and ends <= begins:
        faults.append(FieldError("/to", "must be later than from"))
    refuse(faults)
    which = ReplayFilter(given["vendor"], Status(given["status"]), given.get("error_code"), begins, ends)
    return which, given["dry_run"]


def _read(name: str, raw: bytes, faults: list[FieldError]) -> Any:
    kind, detail = _FIELDS[name]
    try:
        value = msgspec.json.decode(raw, type=kind)
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    except (msgspec.DecodeError, RecursionError, OverflowError):
        faults.append(FieldError(pointer_to(name), detail))
        return None
