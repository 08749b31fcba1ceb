"""`/vendors`: how each vendor stands over the whole fleet, and the switch that stops all calls to one."""

from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from litestar import Response, get, post
from litestar.enums import MediaType
from litestar.params import FromPath

from api.callers import caller_of
from api.doers import record
from api.provided import Ports
from api.queries import read_query
from api.vendor_views import VendorList, VendorView, vendor_view
from domain.accounts.audit import Act
from domain.edge.answers import AnyRequest
from domain.errors import NotFound
from domain.vendor_states import VendorStates


@get("/vendors")
async def list_vendors(request: AnyRequest, ports: Ports) -> Response[bytes]:
    """All vendors by name, one after the other: their states are cached, and a burst of questions helps nobody."""
    read_query(request.scope)
    names = sorted(ports.vendor_states.names())
    return _answer(VendorList([await _view(name, ports.vendor_states) for name in names], None))


@get("/vendors/{name:str}")
async def show_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    read_query(request.scope)
    return _answer(await _view(name, ports.vendor_states))


@post("/vendors/{name:str}/pause", status_code=HTTPStatus.OK)
async def pause_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    """Stop calling it, on every worker, until it is resumed. Done twice it changes nothing more."""
    read_query(request.scope)
    await _view(name, ports.vendor_states)  # an unknown one is nothing to record
    await record(request, ports, Act.VENDOR_PAUSED, f"vendor:{name}")
    await ports.vendor_states.pause(name, caller_of(request).client)
    return _answer(await _view(name, ports.vendor_states))


@post("/vendors/{name:str}/resume", status_code=HTTPStatus.OK)
async def resume_vendor(request: AnyRequest, name: FromPath[str], ports: Ports) -> Response[bytes]:
    read_query(request.scope)
    await _view(name, ports.vendor_states)  # an unknown one is nothing to record
    await record(request, ports, Act.VENDOR_RESUMED, f"vendor:{name}")
    await ports.vendor_states.resume(name, caller_of(request).client)
    return _answer(await _view(name, ports.vendor_states))


async def _view(name: str, states: VendorStates) -> VendorView:
    state = await states.look(name)
    if state is None:
        raise NotFound("Vendor not found")
    return vendor_view(state, datetime.now(UTC))


def _answer(view: VendorView | VendorList) -> Response[bytes]:
    headers = {"Cache-Control": "private, no-cache"}
    return Response(msgspec.json.encode(view), media_type=MediaType.JSON, headers=headers)
