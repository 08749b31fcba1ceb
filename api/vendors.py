"""
`/vendors`: how each vendor stands over the whole fleet, how it is called, and the switch that stops all calls to one.

Admins see the gateway's own vendors (payments, mails, images, callbacks) besides; for anybody else there are none.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from litestar import Response, get, patch, post
from litestar.enums import MediaType
from litestar.params import FromPath

from api.callers import caller_of
from api.doers import record
from api.fields import read_fields
from api.headers import header, tags_asked
from api.ports import ApiPorts
from api.provided import Ports, controls_of
from api.queries import read_query
from api.vendor_bodies import read_patch
from api.vendor_views import ControlView, VendorList, VendorView, control_view, instance_view, vendor_view
from domain.accounts.audit import Act
from domain.callers import Role
from domain.edge.answers import AnyRequest
from domain.errors import FieldError, NotFound, Unconditional
from domain.submitted_fields import to_milliseconds
from domain.vendor_control import Change, change_control
from domain.vendor_states import VendorState

_NO_VERSION = (
    "is missing; send the ETag of GET /vendors/{name}, so that nothing is changed unseen, or * for any version"
)


@get("/vendors")
async def list_vendors(request: AnyRequest, ports: Ports) -> Response[bytes]:
    """All vendors by name."""
    read_query(request.scope)
    states = await ports.vendor_states.looks(
        {name for name in ports.vendor_states.names() if _may_see(request, name, ports)}
    )
    return _answer(VendorList([_view(request, states[name]) for name in sorted(states)], None))


@get("/vendors/{name:str}")
async def show_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    read_query(request.scope)
    return await _shown(request, name, ports)


@patch("/vendors/{name:str}")
async def change_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    """Change how it is called, on every worker, until it is changed back. Done twice it changes nothing more."""
    read_query(request.scope)
    controls = controls_of(ports)
    table = controls.table(name)
    if table is None:
        raise _no_such_vendor()
    if header(request.scope, b"if-match") is None:
        raise Unconditional(f"If-Match {_NO_VERSION}", errors=(FieldError("/headers/If-Match", _NO_VERSION),))
    values = read_patch(await read_fields(request), name, table)
    change = Change(values, caller_of(request).client, to_milliseconds(datetime.now(UTC)), tags_asked(request.scope))

    async def note(differences: Mapping[str, str]) -> None:
        await record(request, ports, Act.VENDOR_CHANGED, f"vendor:{name}", **differences)

    control = await change_control(name, change, controls, note)
    return _answer(control_view(name, table, control), ETag=control.tag)


@post("/vendors/{name:str}/pause", status_code=HTTPStatus.OK)
async def pause_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    """Stop calling it, on every worker, until it is resumed. Done twice it changes nothing more."""
    read_query(request.scope)
    await _look(request, name, ports)  # an unknown one is nothing to record
    await record(request, ports, Act.VENDOR_PAUSED, f"vendor:{name}")
    await ports.vendor_states.pause(name, caller_of(request).client)
    return await _shown(request, name, ports)


@post("/vendors/{name:str}/resume", status_code=HTTPStatus.OK)
async def resume_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    read_query(request.scope)
    await _look(request, name, ports)  # an unknown one is nothing to record
    await record(request, ports, Act.VENDOR_RESUMED, f"vendor:{name}")
    await ports.vendor_states.resume(name, caller_of(request).client)
    return await _shown(request, name, ports)


async def _shown(request: AnyRequest, name: str, ports: ApiPorts) -> Response[bytes]:
    state = await _look(request, name, ports)
    shown, now = _view(request, state), datetime.now(UTC)
    if _is_admin(request):  # where it is reached is nobody else's affair
        instances = await ports.vendor_states.instances(name)
        views = None if instances is None else [instance_view(each, now) for each in instances]
        shown = msgspec.structs.replace(shown, instances=views)
    return _answer(shown, ETag=state.control.tag)


async def _look(request: AnyRequest, name: str, ports: ApiPorts) -> VendorState:
    state = await ports.vendor_states.look(name) if _may_see(request, name, ports) else None
    if state is None:
        raise _no_such_vendor()
    return state


def _may_see(request: AnyRequest, name: str, ports: ApiPorts) -> bool:
    return name in ports.vendors or _is_admin(request)


def _is_admin(request: AnyRequest) -> bool:
    return caller_of(request).role is Role.ADMIN


def _view(request: AnyRequest, state: VendorState) -> VendorView:
    """Who changed it is for admins to know."""
    shown = vendor_view(state, datetime.now(UTC))
    return shown if _is_admin(request) else msgspec.structs.replace(shown, changed_by=None)


def _no_such_vendor() -> NotFound:
    return NotFound("Vendor not found")


def _answer(view: VendorView | VendorList | ControlView, **headers: str) -> Response[bytes]:
    headers = {"Cache-Control": "private, no-cache", **headers}
    return Response(msgspec.json.encode(view), media_type=MediaType.JSON, headers=headers)
