"""What the tests have child processes do: it is found there by name."""

import os
import signal
import time

from vendors.media.child import compress_within
from vendors.media.settings import Terms


def tell_pid() -> int:
    return os.getpid()


def tell_signals() -> list[bool]:
    """Whether those that are meant for the parent are ignored."""
    return [signal.getsignal(signum) is signal.SIG_IGN for signum in (signal.SIGINT, signal.SIGTERM)]


def fail() -> None:
    raise ValueError("what the work raises")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    time.sleep(3600)


def spin() -> None:
    """More work than its second of it allows."""
    compress_within(b"", Terms(cpu_seconds=0))
    while True:
        pass


def eat(size: int) -> str:
    try:
        return str(len(bytearray(size)))
    except MemoryError:
        return "refused"


def write(path: str) -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"x")
    except OSError:
        return "refused"
    return "written"
