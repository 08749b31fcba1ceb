"""Passwords as argon2id hashes. At no cost here, but for the one test of what a hash costs."""

import re
from collections.abc import AsyncIterator

import pytest
from argon2 import extract_parameters
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from domain.accounts.ports import Passwords, Verified
from domain.infra.bounded_threads import open_threads
from domain.infra.passwords import FULL_COST, ArgonPasswords, Cost, open_passwords

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
LESS_CHEAP = Cost(memory_kib=16, passes=1, lanes=1)
RIGHT, WRONG = "cup lantern oblique tram", "cup lantern oblique tran"


class CountingHasher(Argon2Hasher):
    """Notes the parameters of every hash that it verifies."""

    def __init__(self, cost: Cost) -> None:
        super().__init__(cost.passes, cost.memory_kib, cost.lanes)
        self.verified: list[str] = []

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - pwdlib's word
        self.verified.append(str(hash).rsplit("$", 2)[0])
        return super().verify(password, hash)


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    async with open_passwords(cost=CHEAP) as passwords:
        yield passwords


async def test_a_password_is_right_and_no_other_is(passwords: Passwords) -> None:
    hashed = await passwords.hash(RIGHT)
    assert await passwords.verify(RIGHT, hashed) == Verified(right=True)
    assert await passwords.verify(WRONG, hashed) == Verified(right=False)


async def test_one_password_has_another_hash_each_time(passwords: Passwords) -> None:
    assert await passwords.hash(RIGHT) != await passwords.hash(RIGHT)


@pytest.mark.parametrize(
    ("given", "other"),
    [("caf\u00e9 au lait", "cafe\u0301 au lait"), ("x" * 256, "x" * 255), ("a\x00bcdefghij", "a")],
    ids=["not normalised", "not cut", "a null ends nothing"],
)
async def test_a_password_is_taken_as_it_was_given(passwords: Passwords, given: str, other: str) -> None:
    hashed = await passwords.hash(given)
    assert (await passwords.verify(given, hashed)).right
    assert not (await passwords.verify(other, hashed)).right


async def test_a_hash_of_another_cost_is_made_anew_when_its_password_was_right(passwords: Passwords) -> None:
    hashed = await passwords.hash(RIGHT)
    async with open_passwords(cost=LESS_CHEAP) as dearer:
        assert await dearer.verify(WRONG, hashed) == Verified(right=False)
        upgraded = (await dearer.verify(RIGHT, hashed)).rehashed
        assert upgraded is not None
        assert extract_parameters(upgraded).memory_cost == LESS_CHEAP.memory_kib
        assert await dearer.verify(RIGHT, upgraded) == Verified(right=True)


@pytest.mark.parametrize("nobodys", [None, "", "*", "$2b$12$abcdefghijklmnopqrstuv", "x" * 10_000])
async def test_where_there_is_no_hash_a_password_is_wrong(passwords: Passwords, nobodys: str | None) -> None:
    assert await passwords.verify(RIGHT, nobodys) == Verified(right=False)


@pytest.mark.parametrize("password", ["", "x" * 257, "x" * 1_000_000, "\ud800" * 12], ids=range(4))
async def test_what_is_nobodys_password_is_wrong_and_never_raises(passwords: Passwords, password: str) -> None:
    assert await passwords.verify(password, await passwords.hash(RIGHT)) == Verified(right=False)


@pytest.mark.parametrize("password", ["x" * 257, "x" * 1_000_000, "secret\ud800" * 2], ids=range(3))
async def test_what_is_nobodys_password_is_not_hashed(passwords: Passwords, password: str) -> None:
    with pytest.raises(ValueError, match="nobody's password") as refusal:
        await passwords.hash(password)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("password", "known"),
    [(RIGHT, True), (WRONG, True), (RIGHT, False), ("x" * 1_000_000, True), ("x" * 1_000_000, False), ("\ud800", True)],
    ids=range(6),
)
async def test_every_try_costs_one_hash_of_the_same_cost_whoever_is_meant(password: str, known: bool) -> None:
    hasher = CountingHasher(CHEAP)
    hashed, nobodys = hasher.hash(RIGHT), hasher.hash("nobody's")
    async with open_threads("test", 1, most_waiting=0) as threads:
        passwords = ArgonPasswords(PasswordHash((hasher,)), nobodys, threads)
        await passwords.verify(password, hashed if known else None)
    assert hasher.verified == ["$argon2id$v=19$m=8,t=1,p=1"]


async def test_nobodys_hash_costs_what_everybodys_does() -> None:
    async with open_passwords(cost=LESS_CHEAP) as passwords:
        nobodys, somebodys = passwords._nobodys, await passwords.hash(RIGHT)
        assert extract_parameters(nobodys) == extract_parameters(somebodys)


def test_a_hash_costs_64_mib_and_three_passes_in_one_lane() -> None:
    """Slow (a fifth of a second): it makes one hash at its full cost."""
    hashed = Argon2Hasher(FULL_COST.passes, FULL_COST.memory_kib, FULL_COST.lanes).hash(RIGHT)
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$", hashed)
