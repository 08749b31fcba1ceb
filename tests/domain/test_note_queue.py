"""Notes that are written behind the answer's back: what is tried again, what is dropped, and what an end waits for."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from structlog.testing import capture_logs

from domain.errors import Unavailable
from domain.infra.accounts.note_queue import NoteQueue


class Store:
    """What notes are written to; `answer` says what becomes of a try. `tried` is set with each."""

    def __init__(self, answer: Callable[[Sequence[int]], None] = lambda _: None) -> None:
        self.lots: list[list[int]] = []
        self.tried = asyncio.Event()
        self._answer = answer

    async def write(self, lot: Sequence[int]) -> None:
        self.tried.set()
        await asyncio.sleep(0)
        self._answer(lot)
        self.lots.append(list(lot))

    def queue(self, **bounds: Any) -> NoteQueue[int]:
        return NoteQueue(self.write, pauses=no_pauses, **bounds)


class Away:
    """An answer that is no answer until `back` is set."""

    def __init__(self) -> None:
        self.back = False

    def __call__(self, _: Sequence[int]) -> None:
        if not self.back:
            raise Unavailable("away")


def no_pauses() -> Iterator[float]:
    return itertools.repeat(0.0)


async def test_notes_are_written_in_order_and_in_lots() -> None:
    store = Store()
    async with store.queue(largest=3) as notes:
        for number in range(7):
            notes.add(number)
    assert store.lots == [[0, 1, 2], [3, 4, 5], [6]]


async def test_a_queue_that_was_never_used_ends_at_once() -> None:
    async with Store().queue(patience_seconds=60):
        pass


async def test_what_could_not_be_written_is_tried_again() -> None:
    away = Away()
    store = Store(away)
    async with store.queue() as notes:
        notes.add(1)
        await store.tried.wait()
        away.back = True
    assert store.lots == [[1]]


async def test_while_the_store_is_away_the_oldest_are_dropped_and_counted() -> None:
    away = Away()
    store = Store(away)
    with capture_logs() as told:
        async with store.queue(room=3, largest=10) as notes:
            notes.add(0)
            await store.tried.wait()
            for number in range(1, 6):
                notes.add(number)
            away.back = True
    assert store.lots == [[0], [3, 4, 5]]
    assert [(line["log_level"], line["dropped"]) for line in told] == [("warning", 2)]


async def test_an_end_waits_for_a_store_that_is_away_no_longer_than_its_patience() -> None:
    store = Store(Away())
    with capture_logs() as told:
        async with store.queue(patience_seconds=0.01, largest=1) as notes:
            notes.add(0)
            await store.tried.wait()
            notes.add(1)
    assert store.lots == []
    assert [line["left"] for line in told] == [2]


async def test_a_lot_that_cannot_be_written_is_told_of_without_its_words_and_ends_nothing() -> None:
    def refuse(lot: Sequence[int]) -> None:
        if 13 in lot:
            raise ValueError("ann@acme.example")

    store = Store(refuse)
    with capture_logs() as told:
        async with store.queue(largest=1) as notes:
            for number in (13, 14):
                notes.add(number)
    assert store.lots == [[14]]
    assert [(line["left"], line["fault"]) for line in told] == [(1, "ValueError")]
    assert "acme.example" not in str(told)
