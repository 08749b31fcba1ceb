"""The secrets that a run used and the texts that it wrote; and where one of the first stands in one of the second."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.leaks.forms import FORMS, SHOWN_ONCE

WINDOW = 8  # characters by which a secret is found at first; a text is looked through once, however many there are
SHORTEST = 10  # what is shorter is a word that stands for a token in a test, and may be in any text
FEWEST = 6  # different characters: fewer are met by chance
LONGEST = 4096
SHOWN = 80  # characters of a line on either side of a leak
HIDDEN = "█"


@dataclass(frozen=True, slots=True)
class Secret:
    """`test` is the first that used it."""

    text: str = field(repr=False)
    kind: str
    test: str


@dataclass(frozen=True, slots=True)
class Text:
    """Something that was written, `place` says whither; `test` is the one that ran."""

    text: str = field(repr=False)
    place: str
    test: str


@dataclass(frozen=True, slots=True)
class Leak:
    """Tells of itself without the secret."""

    kind: str
    used_by: str
    place: str
    test: str
    line: str

    def __str__(self) -> str:
        return f"{self.kind} (of {self.used_by}) stands in {self.place} of {self.test}:\n    {self.line}"


@dataclass(frozen=True, slots=True)
class _Find:
    start: int
    end: int
    kind: str
    used_by: str


class Ledger:
    def __init__(self) -> None:
        self.test = "before the first test"
        self._secrets: dict[str, Secret] = {}
        self._texts: dict[str, Text] = {}  # by the text: a line that is written a thousand times is looked at once
        self._harmless: set[str] = set()

    def secret(self, text: object, kind: str) -> None:
        """Note something that must stand nowhere, however it may be spelled."""
        if not isinstance(text, str) or not SHORTEST <= len(text) <= LONGEST or len(set(text)) < FEWEST:
            return
        for spelled in {
            text,
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            quote(text, safe="", errors="replace"),
        }:
            if spelled not in self._secrets:
                self._secrets[spelled] = Secret(spelled, kind, self.test)

    def forgive(self, text: str) -> None:
        """What a test takes for a secret and everybody may read: a public value that is typed as a password."""
        self._harmless.add(text)

    def text(self, text: str, place: str) -> None:
        """What a start shows once, on purpose, is taken out of it."""
        if "bootstrap" in text:
            text = SHOWN_ONCE.sub("", text)
        if len(text) >= SHORTEST and text not in self._texts:
            self._texts[text] = Text(text, place, self.test)

    def leaks(self) -> list[Leak]:
        """One for each secret and place."""
        by_window = self._windows()
        found: dict[tuple[str, str, str], Leak] = {}
        for text in self._texts.values():
            finds = [*_known(text.text, by_window), *_formed(text.text)]
            for find in finds:
                leak = Leak(find.kind, find.used_by, text.place, text.test, _line(text.text, find, finds))
                found.setdefault((leak.kind, leak.used_by, leak.place), leak)
        return list(found.values())

    @property
    def counts(self) -> str:
        characters = sum(map(len, self._texts))
        return f"{len(self._secrets)} secrets, {len(self._texts)} texts of {characters} characters"

    def _windows(self) -> dict[str, list[Secret]]:
        by_window: dict[str, list[Secret]] = defaultdict(list)
        for secret in self._secrets.values():
            if secret.text not in self._harmless:
                by_window[secret.text[:WINDOW]].append(secret)
        return dict(by_window)


def _known(whole: str, by_window: Mapping[str, list[Secret]]) -> Iterator[_Find]:
    starts = (start for start in range(len(whole) - WINDOW + 1) if whole[start : start + WINDOW] in by_window)
    for start in starts:
        for secret in by_window[whole[start : start + WINDOW]]:
            if whole.startswith(secret.text, start):
                yield _Find(start, start + len(secret.text), secret.kind, secret.test)


def _formed(whole: str) -> Iterator[_Find]:
    for kind, (word, form) in FORMS.items():
        for found in form.finditer(whole) if word in whole else ():
            yield _Find(*found.span(), f"what looks like {kind}", "anybody")


def _line(whole: str, find: _Find, finds: Sequence[_Find]) -> str:
    """What stands around it in its line, cut, and with nothing that was found in it."""
    begin = max(whole.rfind("\n", 0, find.start) + 1, find.start - SHOWN)
    stop = whole.find("\n", find.end)
    stop = min(len(whole) if stop == -1 else stop, find.end + SHOWN)
    shown = list(whole)
    for other in finds:
        shown[other.start : other.end] = HIDDEN * (other.end - other.start)
    return "".join(shown[begin:stop])
