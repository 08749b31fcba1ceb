"""Rewrites the table in docs/earlier-clients.md from that of `api.aliases`: `python -m tests.api.aliases_page`."""

from pathlib import Path

from api.alias_rows import Alias, Spelling
from api.aliases import ALIASES

PAGE = Path(__file__).parents[2] / "docs" / "earlier-clients.md"
_HEAD = "| earlier | now | fields with another name | refresh cookie for |\n|---|---|---|---|\n"


def main() -> None:
    text = PAGE.read_text()
    PAGE.write_text(text.replace(table_in(text), draw_table()))


def draw_table() -> str:
    return _HEAD + "".join(_row(row) for row in ALIASES)


def table_in(text: str) -> str:
    """From its head to the first line that is none of it."""
    lines = text[text.index(_HEAD.splitlines()[0]) :].splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return "".join(lines[:end])


def _row(row: Alias) -> str:
    method, path = row.ours
    path = row.successor
    sets_cookie = path.startswith("/auth/") and path.split("/")[2] in _COOKIE_ROUTES
    cookie = f"`{row.cookie or '/auth'}`" if sets_cookie else ""
    return f"| `{row.method} {row.old}` | `{method} {path}` | {_spelled(row.body)} | {cookie} |\n"


def _spelled(spelling: Spelling) -> str:
    renamed = [f"`{theirs}` → `{ours}`" for theirs, ours in spelling.names.items()]
    joined = [
        f"{' + '.join(f'`{part}`' for part, whole in spelling.parts.items() if whole == ours)} → `{ours}`"
        for ours in dict.fromkeys(spelling.parts.values())
    ]
    repeated = [f"`{name}` = `{ours}`" for name, ours in spelling.repeated.items()]
    whole = [f"`{name}` as text of digits too" for name in spelling.whole]
    inner = [f"each of `{ours}`: {_spelled(each)}" for ours, each in spelling.inner.items()]
    own = [f"`{name}` = who asks" for name in spelling.own]
    refused = [f"not {', '.join(f'`{name}`' for name in spelling.refused)}"] if spelling.refused else []
    return ", ".join([*renamed, *joined, *repeated, *whole, *inner, *own, *refused])


_COOKIE_ROUTES = {"confirmation", "login", "refresh-token", "logout", "reset-password", "change-password"}


if __name__ == "__main__":
    main()
