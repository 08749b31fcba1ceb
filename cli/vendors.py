"""`gateway vendors …`: how the vendors stand, and the switch that stops all calls to one."""

from collections.abc import Sequence
from urllib.parse import quote

import click

from cli.answered_json import Fields
from cli.api_client import GatewayApi
from cli.api_options import as_json, say, say_json, with_api
from cli.columns import Table, lines_of, text_of

_COLUMNS = ("running", "due", "queued", "oldest_due_seconds", "estimated_drain_seconds", "error_rate")


@click.group()
def vendors() -> None:
    """
    See how the vendors stand, and pause one, over HTTP.

    Exit codes: 0 done, 1 refused by the gateway, 2 wrong usage, 69 the gateway cannot be reached.
    """


@vendors.command("list")
@with_api
@as_json
def list_vendors(api: GatewayApi, *, as_json: bool) -> None:
    """List the vendors and how each stands. Times are in seconds."""
    table = Table("VENDOR", "STATE", "LIMIT", "RUNNING", "DUE", "QUEUED", "OLDEST", "DRAINED IN", "ERRORS", "P50 MS")
    for page in api.pages("/vendors", {}):
        if as_json:
            for item in page:
                say_json(item.encode())
        else:
            say(table.lines(_row(api.fields(item.encode())) for item in page))


@vendors.command()
@with_api
@click.argument("name")
@as_json
def show(api: GatewayApi, *, name: str, as_json: bool) -> None:
    """Show how a vendor stands."""
    _tell(api, "GET", _path(name), as_json=as_json)


@vendors.command()
@with_api
@click.argument("name")
@as_json
def pause(api: GatewayApi, *, name: str, as_json: bool) -> None:
    """Stop calling a vendor, on every worker, until it is resumed. For admins."""
    _tell(api, "POST", f"{_path(name)}/pause", as_json=as_json)


@vendors.command()
@with_api
@click.argument("name")
@as_json
def resume(api: GatewayApi, *, name: str, as_json: bool) -> None:
    """Call a vendor again. For admins."""
    _tell(api, "POST", f"{_path(name)}/resume", as_json=as_json)


def _path(name: str) -> str:
    if name in {"", ".", ".."}:  # a client reads these as parts of a path
        raise click.BadParameter(f"{name!r} is no vendor's name; `gateway vendors list` shows them", param_hint="NAME")
    return f"/vendors/{quote(name, safe='')}"


def _tell(api: GatewayApi, method: str, path: str, *, as_json: bool) -> None:
    answer = api.send(method, path)
    vendor = api.fields(answer.content)
    if as_json:
        say_json(answer.content)
    else:
        say(lines_of(vendor))


def _row(vendor: Fields) -> Sequence[str]:
    cells = [text_of(vendor.get(name)) for name in _COLUMNS]
    return [text_of(vendor.get("name")), _state(vendor), _limit(vendor), *cells, text_of(vendor.get("p50_ms"))]


def _limit(vendor: Fields) -> str:
    limit, concurrency = text_of(vendor.get("limit")), text_of(vendor.get("concurrency"))
    told = [*([limit] if limit != "-" else []), *([f"{concurrency} at once"] if concurrency != "-" else [])]
    return "; ".join(told) or "-"


def _state(vendor: Fields) -> str:
    if text_of(vendor.get("paused")) == "true":
        return "paused"
    closed_until = text_of(vendor.get("closed_until"))
    if closed_until != "-":
        return f"closed until {closed_until}"
    return "open" if text_of(vendor.get("next_start")) == "-" else "at its limit"
