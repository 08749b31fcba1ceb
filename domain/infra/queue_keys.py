"""
Where the jobs that wait for a vendor stand in Redis.

Within a vendor they have a class, their priority or apart; within a class each client has a lane of its own.
The ring of a class says whose turn it is: `lua/lanes.lua`.
"""

from domain.jobs import Priority
from domain.ports import Queued

APART = "apart"  # the class of jobs that run while nothing else does: they may kill their worker
CLASSES = (*(priority.value for priority in Priority), APART)
ROTATION = (  # the classes in the order in which each eighth claim looks at them: high goes first mostly, low moves
    *(("high", "normal", "low"),) * 2,
    ("normal", "high", "low"),
    *(("high", "normal", "low"),) * 2,
    ("normal", "high", "low"),
    ("high", "normal", "low"),
    ("low", "high", "normal"),
)
QUEUED = "gateway:queued"  # hash: how many jobs stand in each place, by `place_of`


def place_of(vendor: str, priority: Priority | str) -> str:
    """One class of one vendor; `priority` may be `APART` too."""
    return f"{vendor}:{priority}"


def queue_key(vendor: str, priority: Priority | str, client: str = "") -> str:
    """The lane of one client, a queue as arq has it. Events, which are nobody's, have the client ""."""
    return f"arq:queue:{place_of(vendor, priority)}:{client}"


def ring_key(vendor: str, priority: Priority | str) -> str:
    return f"gateway:lanes:{place_of(vendor, priority)}"


def class_of(job: Queued) -> str:
    return APART if job.apart else job.priority.value


def is_former(key: str) -> bool:
    """Whether an earlier version left this key behind, which had one queue for all clients."""
    return key.count(":") == 3 and key.startswith("arq:queue:") and key.rsplit(":", 1)[1] in CLASSES
