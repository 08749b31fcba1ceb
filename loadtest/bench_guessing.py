"""
Whether the time of an answer tells who has an account: known and unknown addresses by turns, in an order by chance.

The means are compared by Welch's t: beyond 2 or so either way, the difference is more than noise. What is done behind
an answer's back is looked for in the next request on the same connection, which would have to wait for it.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean, stdev

from loadtest.account_requests import forgot_password, new_name, register, sign_in
from loadtest.lab import Lab, Row
from loadtest.raw_http import Connection, connect, request_bytes

PAUSE_SECONDS = 0.03  # what was done behind an answer's back is over by the next one
BEHIND = request_bytes("GET", "/health/db")


@dataclass(slots=True)
class Times:
    """Milliseconds."""

    answers: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)  # of the request right behind each


async def measure_register(lab: Lab, tries: int) -> tuple[list[Row], list[str]]:
    """The rows, and who has an account by now."""
    known = [new_name() for _ in range(2)]
    await _by_turns(lab, register, known, [])
    made = [new_name() for _ in range(tries)]
    taken = [random.choice(known) for _ in range(tries)]
    rows = _rows("register", *await _by_turns(lab, register, taken, made))
    return rows, made


async def measure_sign_in(lab: Lab, known: Sequence[str]) -> list[Row]:
    return _rows("sign-in with a wrong password", *await _by_turns(lab, sign_in, known, _strangers(known)))


async def measure_forgotten(lab: Lab, known: Sequence[str]) -> list[Row]:
    return _rows("forgot-password", *await _by_turns(lab, forgot_password, known, _strangers(known)))


def _strangers(known: Sequence[str]) -> list[str]:
    return [new_name() for _ in known]


async def _by_turns(
    lab: Lab, request: Callable[[str], bytes], known: Sequence[str], unknown: Sequence[str]
) -> tuple[Times, Times]:
    """The times of both, one request after the other."""
    of_known, of_unknown = Times(), Times()
    turns = [*((name, of_known) for name in known), *((name, of_unknown) for name in unknown)]
    random.shuffle(turns)
    connection = await connect(lab.host)
    for name, times in turns:
        times.answers.append(await _timed(connection, request(name)))
        times.behind.append(await _timed(connection, BEHIND))
        await asyncio.sleep(PAUSE_SECONDS)
    connection.close()
    return of_known, of_unknown


async def _timed(connection: Connection, request: bytes) -> float:
    began = time.perf_counter()
    status, answer = await connection.exchange(request)
    took = (time.perf_counter() - began) * 1000
    assert status not in {429, 503}, answer  # noqa: S101 - a refusal would be no measurement
    return took


def _rows(what: str, known: Times, unknown: Times) -> list[Row]:
    tries = len(known.answers)
    return [
        _row(f"{what}, {tries} tries each: mean and its standard error, ms", known.answers, unknown.answers),
        _row("… of the request right behind it, ms", known.behind, unknown.behind),
    ]


def _row(what: str, known: Sequence[float], unknown: Sequence[float]) -> Row:
    return Row(what, f"known {_told(known)}", f"unknown {_told(unknown)}", f"t = {welch(known, unknown):+.1f}")


def _told(times: Sequence[float]) -> str:
    return f"{fmean(times):.2f} ± {_error(times):.2f}"


def _error(times: Sequence[float]) -> float:
    return stdev(times) / sqrt(len(times))


def welch(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Welch's t: how many standard errors the two means are apart (B. L. Welch, Biometrika 34, 1947)."""
    return (fmean(ours) - fmean(theirs)) / sqrt(_error(ours) ** 2 + _error(theirs) ** 2)
