"""Tables and fields for people: aligned, and free of what a terminal would obey instead of show."""

import json
from collections.abc import Iterable, Iterator, Sequence

from cli.answered_json import Fields

GAP = "  "


def printable(text: str) -> str:
    """The text on one line: a stranger's control characters are shown as escapes, not sent to the terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )


def text_of(value: str | None) -> str:
    """A JSON value for people: strings without quotes, null and what is not there as -, the rest as it is spelled."""
    if value is None or value == "null":
        return "-"
    return printable(json.loads(value) if value.startswith('"') else on_one_line(value))


def on_one_line(text: str) -> str:
    """The same JSON: outside of strings a line break is mere space, and inside of them there is none."""
    return text.replace("\r", " ").replace("\n", " ")


def lines_of(fields: Fields) -> Iterator[str]:
    """One field a line, the names in one column."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        yield f"{printable(name):<{width}}{GAP}{text_of(value)}"


class Table:
    """Rows under a heading. Pages may come one by one: a column only ever grows wider."""

    def __init__(self, *heading: str) -> None:
        self._heading: Sequence[str] | None = heading
        self._widths = [len(name) for name in heading]

    def lines(self, rows: Iterable[Sequence[str]]) -> Iterator[str]:
        page = [*([] if self._heading is None else [self._heading]), *rows]
        self._heading = None
        for row in page:
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=True)]
        for row in page:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, self._widths, strict=True))
            yield GAP.join(cells).rstrip()
