"""What the commands that speak to a gateway have in common: where it is, who asks, and in which form to answer."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Concatenate

import click
import httpx
from pydantic import SecretStr

from cli.api_client import GatewayApi, open_api
from cli.columns import on_one_line
from cli.options import setting_flags
from cli.settings import load_settings

INTERRUPTED_EXIT = 130  # 128 and the number of SIGINT, as shells have it

ApiCommand = Callable[Concatenate[GatewayApi, ...], None]

as_json = click.option("--json", "as_json", is_flag=True, help="For programs: JSON, one value a line in lists.")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What tests hand in (as click's `obj`) in place of the network."""

    transport: httpx.BaseTransport | None = None
    pause: Callable[[float], None] = time.sleep


def with_api(command: ApiCommand) -> Callable[..., None]:
    """
    Opens the gateway that the options name and hands it on.

    Ctrl-C ends the command without a word, and a reader that has gone likewise; a full disk is told of.
    """

    def run(wiring: Wiring | None, *, url: str | None, api_key: str | None, **options: Any) -> None:
        _require_text(options)
        settings = load_settings({"api_key": api_key})
        with open_api(
            _base(url or settings.public_base), _sendable(settings.api_key), (wiring or Wiring()).transport
        ) as api:
            try:
                command(api, **options)
            except KeyboardInterrupt:
                sys.exit(INTERRUPTED_EXIT)
            except BrokenPipeError:  # click ends the command on it
                raise
            except OSError as fault:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the exit
                raise click.ClickException(f"the output cannot be written ({fault.strerror})") from None

    update_wrapper(run, command)  # with the options that it has so far
    url = click.option(
        "--url", metavar="URL", help="Where the gateway is; default GATEWAY_PUBLIC_URL or http://host:port."
    )
    return url(setting_flags("api_key")(click.pass_obj(run)))


def say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def say_json(content: bytes) -> None:
    click.echo(on_one_line(content.decode()).encode())


def is_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _require_text(options: Mapping[str, object]) -> None:
    """A shell hands on any bytes: those that are no UTF-8 arrive as lone surrogates, which no JSON or URL holds."""
    for name, value in options.items():
        try:
            "".join(map(str, value) if isinstance(value, tuple) else [str(value)]).encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"{name.upper()}: it is not UTF-8; write it in UTF-8") from None


def _base(url: str) -> str:
    try:
        parsed = httpx.URL(url)
        plain = bool(parsed.host) and not parsed.userinfo and not parsed.query
        parsed.raw_host.decode().encode("idna")  # as the connection will: no label is empty or too long
    except (httpx.InvalidURL, UnicodeError):
        plain = False
    if not plain or not url.lower().startswith(("http://", "https://")):
        raise click.UsageError("--url: write the gateway's address like http://127.0.0.1:8000, with no key in it")
    return url


def _sendable(key: SecretStr | None) -> SecretStr | None:
    if key is not None and not is_header(key.get_secret_value()):
        raise click.UsageError("GATEWAY_API_KEY: holds what is no printable ASCII character; copy the key again")
    return key
