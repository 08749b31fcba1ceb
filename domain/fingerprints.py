"""
A fingerprint of JSON text that ignores the order of keys and the spacing, and nothing else.

It works on the text's tokens, so that `1` and `1.0` differ, escapes count as they are spelled,
and repeated keys stay in their order. A parser would lose all three.
"""

import hashlib
from dataclasses import dataclass, field

from domain.json_text import TOKEN


def fingerprint(text: str) -> str:
    """SHA-256, in hex, of the canonical form of valid JSON text."""
    return hashlib.sha256(canonical(text).encode()).hexdigest()


def canonical(text: str) -> str:
    """The text without spacing, the members of every object sorted by their key as it is spelled."""
    frames = [_Frame("")]
    for match in TOKEN.finditer(text):
        piece = match.group()
        if piece in ("{", "["):
            frames.append(_Frame(piece))
        elif piece in ("}", "]"):
            closed = frames.pop().close()
            frames[-1].parts.append(closed)
        elif piece == ",":
            frames[-1].end_item()
        elif piece == ":":
            frames[-1].name_item()
        else:
            frames[-1].parts.append(piece)
    return "".join(frames[0].parts)


@dataclass(slots=True)
class _Frame:
    """An object or array whose end has not been reached yet."""

    opening: str
    parts: list[str] = field(default_factory=list)  # of the item that is being read
    name: str = ""
    items: list[tuple[str, str]] = field(default_factory=list)

    def name_item(self) -> None:
        self.name = self.parts.pop()

    def end_item(self) -> None:
        self.items.append((self.name, "".join(self.parts)))
        self.parts = []

    def close(self) -> str:
        if self.parts:
            self.end_item()
        if self.opening == "[":
            return "[" + ",".join(value for _, value in self.items) + "]"
        ordered = sorted(self.items, key=lambda item: item[0])  # stable: repeated keys keep their order
        return "{" + ",".join(f"{name}:{value}" for name, value in ordered) + "}"
