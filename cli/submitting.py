"""The options of `gateway jobs submit`, put together into the body of `POST /jobs`."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from cli.api_options import is_header
from domain.jobs import Priority

LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Submission:
    body: bytes
    headers: dict[str, str]


def submission_options(command: Callable[..., None]) -> Callable[..., None]:
    """Hands the command a `submission`. What the gateway alone can judge is left to it."""

    @click.argument("vendor")
    @click.argument("payload", default="{}")
    @click.option("--priority", type=click.Choice([priority.value for priority in Priority]), help="Default normal.")
    @click.option("--run-at", metavar="TIME", help="Not before, by RFC 3339: 2026-01-31T09:00:00Z.")
    @click.option("--deadline", metavar="TIME", help="Failed if not ended by then; default 24 h after --run-at.")
    @click.option("--callback-url", metavar="URL", help="Told when the job ends.")
    @click.option("--metadata", metavar="KEY=VALUE", multiple=True, help="Searchable; may be given many times.")
    @click.option("--key", metavar="KEY", help="Idempotency key: the same one gives the same job.")
    @wraps(command)
    def run(*args: Any, vendor: str, payload: str, metadata: Sequence[str], key: str | None, **options: Any) -> None:
        names = ("priority", "run_at", "deadline", "callback_url")
        fields = {name: options.pop(name) for name in names}
        body = {
            "vendorType": vendor,
            "vendorPayload": msgspec.Raw(_read_payload(payload)),
            **{name: value for name, value in fields.items() if value is not None},
            **({"metadata": dict(_read_pair(pair) for pair in metadata)} if metadata else {}),
        }
        submission = Submission(msgspec.json.encode(body), {} if key is None else {"Idempotency-Key": _check_key(key)})
        command(*args, submission=submission, **options)

    return run


def _read_payload(text: str) -> bytes:
    """JSON, handed on byte for byte; checked here because it becomes a part of a larger body."""
    try:
        payload = sys.stdin.buffer.read() if text == "-" else _read_file(text[1:]) if text[:1] == "@" else text.encode()
        json.loads(payload.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise click.BadParameter(
            "it is not JSON in UTF-8; quote it for the shell, as in '{\"id\": 1}'", param_hint="PAYLOAD"
        ) from None
    return payload.removeprefix(b"\xef\xbb\xbf")  # the mark that some editors begin a file with


def _read_file(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as fault:
        raise click.BadParameter(f"{name!r} cannot be read ({fault.strerror})", param_hint="PAYLOAD") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _read_pair(pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not equals:
        raise click.BadParameter(f"{pair!r}: write KEY=VALUE", param_hint="--metadata")
    return key, value


def _check_key(key: str) -> str:
    if not key or len(key) > LONGEST_KEY or not is_header(key):
        raise click.BadParameter(f"1 to {LONGEST_KEY} printable ASCII characters", param_hint="--key")
    return key
