"""
`backup.json` in a home says that it is a copy, and of when: what runs there next comes back from the past.

Until `gateway restored` has ended what may have been called since, no worker is started there.
"""

import json
from datetime import UTC, datetime

from cli.home import Home, write_whole
from domain.errors import ConfigurationError

NAME = "backup.json"


def write_note(home: Home, taken_at: datetime) -> None:
    write_whole(home.path / NAME, json.dumps({"taken_at": taken_at.isoformat()}) + "\n")


def read_note(home: Home) -> datetime | None:
    """When the backup that this home came from was taken; None where it is none, or all was settled since."""
    file = home.path / NAME
    return read_moment(f"{file}", json.loads(file.read_text())["taken_at"]) if file.exists() else None


def remove_note(home: Home) -> None:
    (home.path / NAME).unlink(missing_ok=True)


def read_moment(where: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{where}: {text!r} is no time; write one such as 2026-01-31T09:00:00Z") from None
    if moment.tzinfo is None:
        raise ConfigurationError(f"{where}: write a time with a zone, such as 2026-01-31T09:00:00Z")
    return moment.astimezone(UTC)


def refuse_calls(home: Home, workers: int) -> None:
    """Raises `ConfigurationError` where workers are wanted in a home that came from a backup and is not settled."""
    if workers and (taken_at := read_note(home)) is not None:
        raise ConfigurationError(
            f"GATEWAY_HOME: {home.path} is a backup of {taken_at.isoformat()}, and vendors may have been called since; "
            "run `gateway up --workers 0`, beside it `gateway restored`, then stop it and start again"
        )
