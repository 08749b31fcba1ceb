"""
Passwords as argon2id hashes (RFC 9106), by pwdlib, in a few threads of their own.

A hash takes 64 MiB and a core for a fifth of a second or so, on purpose. How many are made at once is therefore
bounded: fifty sign-ins at once take the memory of two.

One lane: with four the work of a hash is the same, and only its wall time is less where cores are idle. Where they are
not, each thread brings three more that the event loop has to share them with: every other request waits longer, and no
more hashes are made. `make bench-accounts` measures both.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from domain.accounts.passwords import is_possible
from domain.accounts.ports import Verified
from domain.infra.bounded_threads import BoundedThreads, open_threads

THREADS = 2
MOST_WAITING = 64  # with two threads that is some five seconds' work: whoever came after would have given up


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What a hash costs: memory and passes of the second choice of RFC 9106, section 4.

    More than OWASP's Password Storage Cheat Sheet asks for: 46 MiB and one pass, or 19 MiB and two, in one lane.
    """

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 1


FULL_COST = Cost()


class ArgonPasswords:
    """A `Passwords`, made by `open_passwords`."""

    def __init__(self, hasher: PasswordHash, nobodys: str, threads: BoundedThreads) -> None:
        self._hasher = hasher
        self._nobodys = nobodys
        self._threads = threads

    async def hash(self, password: str) -> str:
        """Of a password that `check_new_password` has let through. Raises `ValueError` for one that cannot be any."""
        if not is_possible(password):
            raise ValueError("this can be nobody's password: check a new one before it is hashed")
        return await self._threads.run(partial(self._hasher.hash, password))

    async def verify(self, password: str, hashed: str | None) -> Verified:
        """
        A hash that nobody here made is as good as none, and so is a password that can be nobody's.

        A right password of a former cost takes longer, once: its new hash is made too.
        """
        if hashed is None or not Argon2Hasher.identify(hashed) or not is_possible(password):
            await self._threads.run(partial(self._hasher.verify, "", self._nobodys))
            return Verified(right=False)
        right, rehashed = await self._threads.run(partial(self._hasher.verify_and_update, password, hashed))
        return Verified(right, rehashed)


@asynccontextmanager
async def open_passwords(
    *, threads: int = THREADS, most_waiting: int = MOST_WAITING, cost: Cost = FULL_COST
) -> AsyncIterator[ArgonPasswords]:
    """Makes one hash at once: nobody's, which is verified where there is no user."""
    hasher = PasswordHash((Argon2Hasher(cost.passes, cost.memory_kib, cost.lanes),))
    async with open_threads("passwords", threads, most_waiting=most_waiting) as pool:
        nobodys = await pool.run(partial(hasher.hash, secrets.token_urlsafe()))
        yield ArgonPasswords(hasher, nobodys, pool)
