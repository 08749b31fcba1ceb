"""`gateway vendors …`: how the vendors stand and are called, and the switch that stops all calls to one."""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import click

from cli.answered_json import Fields, read_fields
from cli.api_client import GatewayApi
from cli.api_options import as_json, say, say_json, with_api
from cli.columns import Table, lines_of, text_of

RULES = ("limit", "concurrency", "timeout_seconds", "attempts")

_COLUMNS = ("running", "due", "queued", "oldest_due_seconds", "estimated_drain_seconds", "error_rate")


@click.group()
def vendors() -> None:
    """
    See how the vendors stand, change how one is called, and pause one, over HTTP.

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


@vendors.command("set")
@with_api
@click.argument("name")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE…")
@as_json
def set_values(api: GatewayApi, *, name: str, values: tuple[str, ...], as_json: bool) -> None:
    """
    Change how a vendor is called, on every worker, until it is reset. For admins.

    FIELD is limit (such as limit="50/second; 10000/hour"), concurrency, timeout_seconds or attempts.
    """
    _change(api, name, dict(_read_value(text) for text in values), as_json=as_json)


@vendors.command()
@with_api
@click.argument("name")
@click.argument("fields", nargs=-1, type=click.Choice(RULES), metavar="[FIELD…]")
@as_json
def reset(api: GatewayApi, *, name: str, fields: tuple[str, ...], as_json: bool) -> None:
    """Call a vendor as its table says again: in these fields, or in all. For admins."""
    _change(api, name, dict.fromkeys(fields or RULES), as_json=as_json)


def _change(api: GatewayApi, name: str, values: Mapping[str, object], *, as_json: bool) -> None:
    """Of the version that is there now: what others change at the same moment is refused, and not undone unseen."""
    path = _path(name)
    seen = api.send("GET", path).headers.get("ETag", "*")
    answer = api.send("PATCH", path, headers={"If-Match": seen}, body=json.dumps(values).encode())
    _say(api, answer.content, as_json=as_json)


def _read_value(text: str) -> tuple[str, object]:
    field, equals, value = text.partition("=")
    if field not in RULES or not equals:
        remedy = f"write FIELD=VALUE, FIELD being one of {', '.join(RULES)}"
        raise click.BadParameter(f"{text!r} sets nothing; {remedy}", param_hint="FIELD=VALUE")
    if field == "limit":
        return field, value
    try:
        return field, float(value) if field == "timeout_seconds" else int(value)
    except ValueError:
        raise click.BadParameter(f"{text!r}: {value!r} is no number", param_hint="FIELD=VALUE") from None


def _path(name: str) -> str:
    if name in {"", ".", ".."}:  # a client reads these as parts of a path
        raise click.BadParameter(f"{name!r} is no vendor's name; `gateway vendors list` shows them", param_hint="NAME")
    return f"/vendors/{quote(name, safe='')}"


def _tell(api: GatewayApi, method: str, path: str, *, as_json: bool) -> None:
    _say(api, api.send(method, path).content, as_json=as_json)


def _say(api: GatewayApi, content: bytes, *, as_json: bool) -> None:
    vendor = api.fields(content)
    if as_json:
        say_json(content)
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
    breaker = read_fields(vendor.get("breaker", "{}").encode())
    if text_of(breaker.get("state")) not in {"-", "closed"}:
        return f"circuit {text_of(breaker['state'])}"
    closed_until = text_of(vendor.get("closed_until"))
    if closed_until != "-":
        return f"closed until {closed_until}"
    return "ready" if text_of(vendor.get("next_start")) == "-" else "at its limit"
