"""
What changed among the settings of the fleet since somebody started last, told once however many start together.

Each kind of process (HTTP, worker) has its own last word on every setting, and beside them stands what was told last
by any. A setting is told where a process differs from both: from its own kind's last word, so that two kinds that
differ for good say so once, and from what was told, so that the second one to start has nothing to add. A secret is
compared by its mark (see `domain.accounts.marks`), and of its change nothing is told but that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from domain.accounts.audit import Act, Entry
from domain.accounts.doers import Doer
from domain.accounts.marks import Marks

VENDORS = "vendors."  # what stands in the tables: a vendor may come and go, and with it all that begins so
TOKENS = "GATEWAY_JWT_SECRET"  # the marks' keys are made of it: where they are lost, it has changed
SUBJECT = "settings"
MOST_TOLD = 100  # changes of one start
LONGEST_TOLD = 200  # characters of a value

_MARK = "mark:"
_CHANGED, _NONE = "(changed)", "(none)"

Words = Mapping[str, str]  # a setting's name, and its value or its mark; "" where it is not set


@dataclass(frozen=True, slots=True)
class Fact:
    """A setting as a process has it. The text of a secret is nowhere shown or stored."""

    text: str = field(repr=False)
    secret: bool = False

    def word(self, marks: Marks, key_id: str) -> str:
        return f"{_MARK}{marks.mark(self.text, key_id)}" if self.secret and self.text else self.text


Facts = Mapping[str, Fact]


class Recorded(msgspec.Struct, frozen=True):
    """What is stored: the words that were told last, and each kind's own; `key_id` is the key of their marks."""

    key_id: str
    told: dict[str, str]
    of_kinds: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Process:
    """Which process tells: of what kind, on what machine."""

    kind: str
    host: str


Decide = Callable[[Recorded | None], tuple[Recorded, Entry | None]]


class SettingsRecord(Protocol):
    async def change(self, decide: Decide) -> Entry | None:
        """
        Store what `decide` makes of what is recorded, and its entry, both or neither; of many at once one is first.

        `decide` is asked again where somebody else was. Raises `Unavailable`.
        """
        ...


def decide(facts: Facts, marks: Marks, process: Process, doer: Doer) -> Decide:
    """For a record: nothing is told by the first who ever starts, since there is nothing to compare with."""

    def with_record(recorded: Recorded | None) -> tuple[Recorded, Entry | None]:
        after, changes = weigh(recorded, facts, marks, process.kind)
        if not changes:
            return after, None
        detail = {**changes, "process": process.kind, "host": process.host}
        return after, doer.entry(Act.SETTINGS_CHANGED, SUBJECT, **detail)

    return with_record


def weigh(recorded: Recorded | None, facts: Facts, marks: Marks, kind: str) -> tuple[Recorded, dict[str, str]]:
    """What is recorded from now on, and what is to be told: the name of each change, with its values where harmless."""
    known = None if recorded is None else _comparable(recorded, marks)
    key_id = marks.newest if known is None else known.key_id
    words = {name: fact.word(marks, key_id) for name, fact in facts.items()}
    if recorded is None or known is None:
        return Recorded(key_id, words, {kind: words}), {}
    lost = known.key_id != recorded.key_id
    words |= {name: "" for name in known.told if name.startswith(VENDORS) and name not in words}
    own = known.of_kinds.get(kind, {})
    said = {name: word for name, word in words.items() if word != _before(own, name)}
    unknown = {name for name, word in said.items() if lost and word.startswith(_MARK)}
    news = {name for name, word in said.items() if _before(known.told, name) not in (None, word)} - unknown
    changes = {name: _change(own.get(name, known.told.get(name, "")), words[name]) for name in news}
    if lost:
        changes[TOKENS] = _CHANGED
    after = Recorded(key_id, _kept({**known.told, **said}), {**known.of_kinds, kind: _kept(words)})
    return after, _bounded(changes)


def _comparable(recorded: Recorded, marks: Marks) -> Recorded:
    """The record, without the marks by a key that is lost."""
    if recorded.key_id in marks.keys:
        return recorded
    of_kinds = {kind: _unmarked(words) for kind, words in recorded.of_kinds.items()}
    return Recorded(marks.newest, _unmarked(recorded.told), of_kinds)


def _unmarked(words: Words) -> dict[str, str]:
    return {name: word for name, word in words.items() if not word.startswith(_MARK)}


def _before(words: Words, name: str) -> str | None:
    """None: it was never heard of. What a table does not say is not set."""
    return words.get(name, "" if name.startswith(VENDORS) else None)


def _kept(words: Words) -> dict[str, str]:
    return {name: word for name, word in words.items() if word or not name.startswith(VENDORS)}


def _change(before: str, after: str) -> str:
    if before.startswith(_MARK) or after.startswith(_MARK):
        return _CHANGED
    return f"{_shown(before)} → {_shown(after)}"


def _shown(word: str) -> str:
    return word[:LONGEST_TOLD] or _NONE


def _bounded(changes: Mapping[str, str]) -> dict[str, str]:
    told = dict(sorted(changes.items())[:MOST_TOLD])
    left = len(changes) - len(told)
    return {**told, "more": str(left)} if left else told
