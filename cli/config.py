"""`gateway config …`: the configurations of services, over HTTP."""

import sys
from typing import BinaryIO

import click

from cli.api_client import GatewayApi
from cli.api_options import Wiring, as_json, say, say_json, with_api
from cli.columns import Table, on_one_line, printable, text_of
from cli.following import follow
from domain.callers import SERVICE_NAME

_HISTORY = ("version", "changed_at", "changed_by", "size")


def _check_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not SERVICE_NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no service's name: 1 to 63 of a-z 0-9 . _ -")
    return name


_service = click.argument("service", callback=_check_name)


@click.group()
def config() -> None:
    """
    Read and change the configuration of a service, and look back, over HTTP.

    Exit codes: 0 done, 1 refused by the gateway, 2 wrong usage, 69 the gateway cannot be reached.
    """


@config.command()
@with_api
@_service
@click.option("--version", type=click.IntRange(1), help="An earlier version. For admins.")
def get(api: GatewayApi, *, service: str, version: int | None) -> None:
    """Write a configuration to standard output, as it was put, and its version to standard error."""
    path = f"/config/{service}" + ("" if version is None else f"/history/{version}")
    answer = api.send("GET", path)
    click.echo(f"version {_version_of(answer.headers.get('etag', ''))}", err=True)
    sys.stdout.buffer.write(answer.content)
    sys.stdout.buffer.flush()


@config.command()
@with_api
@_service
@click.argument("file", type=click.File("rb"))
@click.option(
    "--version",
    required=True,
    type=click.IntRange(0),
    help="The version that the change is meant for; 0 where there is none yet.",
)
@as_json
def put(api: GatewayApi, *, service: str, file: BinaryIO, version: int, as_json: bool) -> None:
    """
    Make FILE (- for standard input) the next version. For admins.

    It is refused where somebody else has changed it since that version. The same command once more changes nothing.
    """
    condition = {"If-Match": f'"{version}"'} if version else {"If-None-Match": "*"}
    answer = api.send("PUT", f"/config/{service}", headers=condition, body=file.read())
    if as_json:
        say_json(answer.content)
    else:
        say([f"version {text_of(api.fields(answer.content).get('version'))}"])


@config.command()
@with_api
@_service
@click.option("--all", "every_page", is_flag=True, help="Every page, not the first alone.")
@as_json
def history(api: GatewayApi, *, service: str, every_page: bool, as_json: bool) -> None:
    """List the versions, newest first. For admins."""
    table = Table("VERSION", "CHANGED", "BY", "BYTES")
    for page in api.pages(f"/config/{service}/history", {}, every_page=every_page):
        if as_json:
            for item in page:
                say_json(item.encode())
        else:
            rows = (api.fields(item.encode()) for item in page)
            say(table.lines([text_of(row.get(name)) for name in _HISTORY] for row in rows))


@config.command()
@with_api
@_service
@click.pass_obj
def watch(wiring: Wiring | None, api: GatewayApi, *, service: str) -> None:
    """Tell the newest version and each later one, a line each: the version, a space, the object."""
    for event in follow(api, f"/config/{service}/events", (wiring or Wiring()).pause):
        say([f"{printable(event.id)} {printable(on_one_line(event.data.decode()))}"])


def _version_of(tag: str) -> str:
    return printable(tag.strip('"')) or "unknown"
