"""The child process that decodes strangers' bytes: what it may take, and how it ends when its parent does."""

import multiprocessing
import os
import resource
import signal
import threading
import time

from vendors.media.compress import Pictures, Refused, compress
from vendors.media.settings import Terms


def settle_down(memory_bytes: int) -> None:
    """
    Before the first image: no more memory than that, no files, and no word to signals that are meant for the parent.

    A stop is told to the whole group, and the parent lets what runs come to its end first.
    """
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def compress_within(source: bytes, terms: Terms) -> Pictures | Refused:
    """`compress` with `cpu_seconds` from now on: the kernel kills who spins, whatever the parent is busy with."""
    _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + terms.cpu_seconds)
    return compress(source, terms)


def _limit(what: int, most: int) -> None:
    """Where less is allowed already, that stays."""
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _end_with_parent() -> None:
    """A parent that was killed tells nobody, and a child that waits for work would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
