"""
Programming errors, apart from operational ones: what nobody foresaw, and somebody has to mend.

An operational error (bad input, a vendor or a store in trouble) has a word of `domain.errors` or an outcome, and is
answered and counted as such. A bug is logged with its stack where it was met. What is kept of it besides holds
nothing that a client or a vendor wrote: an exception's text may, its kind and its place in our code do not.
"""

import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

KEPT = 100  # the last of them, by kind and place
MOST_MET = 10_000  # in a second, by one process
ROOT = Path(__file__).resolve().parents[1]
OURS = tuple(f"{ROOT / name}/" for name in ("api", "cli", "domain", "loadtest", "vendors", "webhooks", "worker"))


@dataclass(frozen=True, slots=True)
class Bug:
    """`what` is the log's own word for it; `trace` the `trace_id` or job's id that the log line has, "" for none."""

    at: datetime
    process: str
    type: str
    place: str
    what: str
    trace: str = ""
    times: int = 1


class BugRecord(Protocol):
    """The bugs of the whole fleet, each kind at its place once, for a week. Both raise `Unavailable`."""

    async def keep(self, bugs: Sequence[Bug]) -> None: ...

    async def since(self, moment: datetime) -> Sequence[Bug]:
        """
        Those that were met since, newest first, `KEPT` at most: of each the newest.

        `times` is how often it was met while it was on record, before `moment` too.
        """
        ...


class MetBugs:
    """Those that one process has met and not put on record yet; may be told of by any thread."""

    def __init__(self) -> None:
        self._met: deque[Bug] = deque(maxlen=MOST_MET)

    def note(self, bug: Bug) -> None:
        self._met.append(bug)

    def take(self) -> list[Bug]:
        """What was noted since the last time, oldest first; of the same place and kind the newest, and how often."""
        found: dict[tuple[str, str], Bug] = {}
        while self._met:
            bug = self._met.popleft()
            earlier = found.pop((bug.place, bug.type), None)
            times = bug.times + (earlier.times if earlier else 0)
            found[bug.place, bug.type] = replace(bug, times=times)
        return list(found.values())


def place_of(fault: BaseException) -> str:
    """`worker/runner.py:93`: where it left our code for the last time, or where it was raised if it never was there."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(fault.__traceback__)]
    for name, line in reversed(frames):
        if name.startswith(OURS):
            return f"{Path(name).relative_to(ROOT)}:{line}"
    return f"{Path(frames[-1][0]).name}:{frames[-1][1]}" if frames else "unknown"
