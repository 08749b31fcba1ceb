"""
Child processes are made when they are needed, bounded, killed when they hang, and gone with their parent.

Slow: each child is a new interpreter, half a second of work.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.pictures import encoded
from tests.vendors.media.child_work import die, eat, fail, hang, spin, tell_pid, tell_signals, write
from vendors.media.child import compress_within
from vendors.media.compress import Pictures
from vendors.media.pool import Busy, ChildLost, Children, open_children
from vendors.media.settings import MediaSettings, Terms

ROOT = Path(__file__).parents[3]
PARENT = """
import asyncio, sys
from tests.vendors.media.child_work import tell_pid
from vendors.media.pool import Children
from vendors.media.settings import MediaSettings

async def main():
    pool = Children(MediaSettings())  # kept: its children end with it
    print(await pool.run(tell_pid), flush=True)
    await asyncio.sleep(3600)

if __name__ == "__main__":
    asyncio.run(main())
"""


@asynccontextmanager
async def children(**settings: Any) -> AsyncIterator[Children]:
    async with open_children(MediaSettings(**settings)) as opened:
        yield opened


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def ended(pid: int) -> None:
    async with asyncio.timeout(20):
        while is_alive(pid):
            await asyncio.sleep(0.01)


def children_of_this() -> set[str]:
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


async def test_no_process_is_started_before_there_is_work() -> None:
    before = children_of_this()
    async with children():
        assert children_of_this() == before


async def test_a_child_is_used_again_and_ends_with_the_pool() -> None:
    async with children() as pool:
        pid = await pool.run(tell_pid)
        assert pid != os.getpid()
        assert await pool.run(tell_pid) == pid
        assert await pool.run(tell_signals) == [True, True]
    assert not is_alive(pid)


async def test_a_child_is_replaced_after_so_many_images() -> None:
    async with children(images_of_one=2) as pool:
        pids = [await pool.run(tell_pid) for _ in range(3)]
        assert pids[0] == pids[1] != pids[2]
        await ended(pids[0])


async def test_no_more_run_at_once_than_there_are_processes() -> None:
    async with children(processes=2) as pool:
        assert len(set(await asyncio.gather(*(pool.run(tell_pid) for _ in range(6))))) <= 2


async def test_a_hanging_child_is_killed_and_its_place_is_free_again() -> None:
    async with children(seconds=2.0) as pool:
        pid = await pool.run(tell_pid)
        with pytest.raises(ChildLost, match="no answer within 2 s"):
            await pool.run(hang)
        await ended(pid)
        assert await pool.run(tell_pid) != pid


async def test_a_child_that_dies_takes_nobody_else_with_it() -> None:
    async with children(processes=2) as pool:
        first, second = await asyncio.gather(pool.run(tell_pid), pool.run(tell_pid))
        lost, other = await asyncio.gather(pool.run(die), pool.run(tell_pid), return_exceptions=True)
        assert isinstance(lost, ChildLost)
        assert other in {first, second}


async def test_who_waits_too_long_for_a_child_is_told_that_nothing_was_begun() -> None:
    async with children(patience_seconds=0.01) as pool:
        hanging = asyncio.create_task(pool.run(hang))
        await asyncio.sleep(0)  # it has the only place
        with pytest.raises(Busy):
            await pool.run(tell_pid)
        hanging.cancel()
        await asyncio.wait({hanging})


async def test_a_child_whose_work_nobody_waits_for_any_more_is_killed() -> None:
    async with children() as pool:
        pid = await pool.run(tell_pid)
        hanging = asyncio.create_task(pool.run(hang))
        await asyncio.sleep(0)
        hanging.cancel()
        await asyncio.wait({hanging})
        assert hanging.cancelled()
        await ended(pid)


async def test_what_the_work_raises_is_raised() -> None:
    async with children() as pool:
        with pytest.raises(ValueError, match="what the work raises"):
            await pool.run(fail)


async def test_a_child_that_spins_is_killed_by_the_kernel() -> None:
    """Whatever the parent is busy with: its own clock is far from up."""
    async with children(seconds=600) as pool:
        with pytest.raises(ChildLost, match="died"):
            await pool.run(spin)


async def test_a_child_has_no_more_memory_than_it_may_and_writes_no_file(tmp_path: Path) -> None:
    async with children(memory_bytes=1024**3) as pool:
        assert await pool.run(eat, 2 * 1024**3) == "refused"
        assert await pool.run(eat, 1024) == "1024"
        assert await pool.run(write, str(tmp_path / "file")) == "refused"


async def test_a_child_that_cannot_be_started_is_nothing_begun() -> None:
    """It has no room for its first thread: a machine's trouble, and no image's."""
    async with children(memory_bytes=1024**2) as pool:
        for _ in range(2):
            with pytest.raises(Busy, match="no process could be started"):
                await pool.run(tell_pid)


async def test_the_largest_image_that_is_taken_fits_into_a_childs_memory() -> None:
    """A WebP is the thirstiest. Slow: 40 million pixels are made, and read."""
    source = encoded(Image.new("RGB", (8000, 5000)), "WEBP", lossless=True, quality=0, method=0)
    async with children(seconds=600) as pool:
        made = await pool.run(compress_within, source, Terms(cpu_seconds=600))
    assert isinstance(made, Pictures)
    assert made.large.width == 1600


async def test_children_end_when_their_parent_is_killed() -> None:
    parent = subprocess.Popen(  # noqa: ASYNC220 - short
        [sys.executable, "-P", "-c", PARENT], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    try:
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_alive(child)
    finally:
        parent.send_signal(signal.SIGKILL)
        await asyncio.to_thread(parent.communicate)
    await ended(child)
