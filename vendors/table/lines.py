"""
Where in a TOML file a key stands, so that a complaint can name the line: tomllib tells values, not places.

Good enough for people: a key inside an inline table is found on its table's line, and a key that is
not found (it is missing) on the nearest table around it. Text that looks like keys inside a
multi-line string may be taken for one.
"""

import re
import tomllib

Path = tuple[str, ...]  # ("vendors", "acme", "timeout_seconds")

_HEADER = re.compile(r"\s*\[\[?(?P<path>[^\[\]]+)\]\]?\s*(#.*)?")
_KEY = re.compile(
    r"""\s*(?P<path>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


class Lines:
    """The lines of one file's tables and keys."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        table: Path = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.fullmatch(line):
                table = _split(header["path"])
                self._note(table, number)
            elif key := _KEY.match(line):
                self._note(table + _split(key["path"]), number)

    def of(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it that is in the file."""
        return next((self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), 1)

    def _note(self, path: Path, number: int) -> None:
        for end in range(1, len(path) + 1):
            self._lines.setdefault(path[:end], number)


def _split(dotted: str) -> Path:
    """A dotted key's parts, quotes undone, as TOML itself reads it."""
    parts: list[str] = []
    try:
        value = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    while isinstance(value, dict):
        [(part, value)] = value.items()
        parts.append(part)
    return tuple(parts)
