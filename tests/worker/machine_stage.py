"""
A stage on which every actor waits before each step that others could notice, until the test lets it go on.

An actor is one process' share of the work: a worker with a claim, an API process with a request, a sweep. It runs the
real parts on the real stores, but `stepped` holds it before each write. So any order of any actors' steps can be
played, a stall is a step that comes late, and a crash is one that never comes.
"""

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

QUIET_TURNS = 25  # of the loop without any work on the stores: more than any chain of our callbacks takes
HELD = frozenset(  # before these an actor waits: what comes between two of them nobody else can notice
    {
        *("compare_and_set", "move", "reopen", "orphan", "sweep_later", "sweep_now", "insert_many"),
        *("enqueue", "give_back", "forget", "find_by_references", "still_held", "confirmed"),
    }
)

Part = TypeVar("Part")

_acting: contextvars.ContextVar["Actor"] = contextvars.ContextVar("acting")


def acting() -> "Actor":
    """Whose code this is."""
    return _acting.get()


@dataclass(eq=False)
class Pause:
    """An actor's wish to take a step."""

    actor: "Actor"
    what: str
    go: asyncio.Future[Any]


@dataclass(eq=False)
class Actor:
    """`kind` is what it does; its name is unique, since lease tokens and attempts carry it."""

    name: str
    kind: str
    stage: "Stage"
    crashed: bool = False
    slept: timedelta = timedelta(0)  # since it last heard whose its leases are
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    parts: Any = None  # what the test wants to reach of it

    async def pause(self, what: str) -> Any:
        """Wait to be let go on; answers what the test says to that."""
        go: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        wish = Pause(self, what, go)
        if self.stage.running:  # else it woke by itself, by a timer, and its process is as good as dead
            self.stage.pauses.append(wish)
        try:
            return await go
        except asyncio.CancelledError:  # its call was cut, or its lease is lost
            self.stage.pauses = [pause for pause in self.stage.pauses if pause is not wish]
            raise

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something beside what it does already."""
        context = contextvars.copy_context()
        context.run(_acting.set, self)
        self.tasks.append(self.stage.loop.create_task(work, context=context))

    def raise_fault(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled() and (fault := task.exception()):
                raise fault


@dataclass(eq=False)
class Stage:
    loop: asyncio.AbstractEventLoop
    pauses: list[Pause] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    running: bool = False
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _busy: int = 0
    _free: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While the stores are being asked."""
        self._busy += 1
        self._free.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._free.set()

    def begin(self, kind: str, work: Callable[[Actor], Coroutine[Any, Any, None]]) -> Actor:
        """A new actor, which runs to its first pause when the stage is next let run."""
        actor = Actor(f"{kind}-{len(self.actors) + 1}", kind, self)
        self.actors.append(actor)
        actor.do(work(actor))
        return actor

    async def until_quiet(self) -> None:
        """Until every actor waits at a pause, or is done."""
        self.running, quiet = True, 0
        while quiet < QUIET_TURNS:
            if self._busy:
                await self._free.wait()
                quiet = 0
            await asyncio.sleep(0)
            quiet += 1
        self.running = False
        for actor in self.actors:
            actor.raise_fault()

    async def let_go(self, pause: Pause, word: Any = None) -> None:
        """One step of one actor."""
        self.pauses.remove(pause)
        pause.go.set_result(word)
        await self.until_quiet()

    def crash(self, actor: Actor) -> None:
        """It is never heard of again."""
        actor.crashed = True
        self.pauses = [pause for pause in self.pauses if pause.actor is not actor]

    def adopt(self, loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        """A task factory: knows the actors' tasks from those of the stores' clients."""
        task = asyncio.Task(work, loop=loop, **named)
        context = named.get("context") or contextvars.copy_context()
        if _acting in context:
            self._tasks.add(task)
        return task

    async def clear(self) -> None:
        """End all that is left of the actors; what outlives one cancellation gets another."""
        while left := {task for task in self._tasks if not task.done()}:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.01)
        self._tasks.clear()


def stepped(real: Part, actor: Actor) -> Part:
    """A store or a queue, for one actor."""
    return cast("Part", _Stepped(real, actor))


class _Stepped:
    """A store or a queue at whose `HELD` methods its actor waits to be let go."""

    def __init__(self, real: Any, actor: Actor) -> None:
        self._real = real
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)

        def ask(*args: Any, **named: Any) -> Any:
            if name in HELD and args[0]:  # of nothing, it asks nothing
                return self._when_let_go(name, found, args, named)
            answer = found(*args, **named)
            if inspect.isasyncgen(answer):
                return self._each(answer)
            return self._counted(answer) if inspect.isawaitable(answer) else answer

        return ask if callable(found) else found

    async def _when_let_go(self, name: str, found: Any, args: Any, named: Any) -> Any:
        await self._actor.pause(name)
        return await self._counted(found(*args, **named))

    async def _each(self, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
        with suppress(StopAsyncIteration):
            while True:
                yield await self._counted(anext(answers))

    async def _counted(self, answer: Awaitable[Any]) -> Any:
        with self._actor.stage.at_work():
            return await answer
