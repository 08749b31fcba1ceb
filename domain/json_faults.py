"""
What readers of JSON may take in different ways, found anywhere in it: a member given twice, too many levels.

RFC 8259, section 4, leaves it open which of two members of one name counts, and parsers differ in how deep they go.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from domain.errors import FieldError
from domain.json_text import MAX_DEPTH, TOKEN, pointer_to


def faults_in(text: str) -> Iterator[FieldError]:
    """Of valid JSON text, in order. Beyond what is too deep nothing more is looked at."""
    within: list[_Level] = []
    for piece in (match.group() for match in TOKEN.finditer(text)):
        if piece in ("{", "["):
            within.append(_Level(piece == "{"))
            if len(within) > MAX_DEPTH:
                yield _fault(
                    within[:-1], f"is nested too deeply: {MAX_DEPTH} levels of objects and arrays are the most"
                )
                return
        elif piece in ("}", "]"):
            within.pop()
        elif piece == ",":
            within[-1].go_on()
        elif within and within[-1].expects_name and within[-1].is_known(piece):
            yield _fault(within, "is given twice; give it once")


@dataclass(slots=True)
class _Level:
    """An object or array that has not ended yet, and where in it we are."""

    is_object: bool
    names: set[str] = field(default_factory=set)
    here: str | int = 0
    expects_name: bool = False

    def __post_init__(self) -> None:
        self.expects_name = self.is_object

    def go_on(self) -> None:
        """To what follows a comma."""
        self.expects_name = self.is_object
        if isinstance(self.here, int):
            self.here += 1

    def is_known(self, quoted: str) -> bool:
        """Enter the member of this name, which may be spelled with escapes; whether it has been there before."""
        name: str = msgspec.json.decode(quoted, type=str)
        known = name in self.names
        self.names.add(name)
        self.here, self.expects_name = name, False
        return known


def _fault(within: list[_Level], detail: str) -> FieldError:
    return FieldError(pointer_to(*(str(level.here) for level in within)), detail)
