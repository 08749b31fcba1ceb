"""What the tests of tokens are made of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.accounts.ports import Access
from domain.accounts.sessions import Session
from domain.callers import Role
from domain.infra.key_ring import KeyRing
from domain.infra.tokens import SignedTokens
from tests.strategies import NOON

OLD, NEW = "an-old-secret-of-enough-characters", "a-new-secret-of-enough-characters"
ISSUER = "https://gateway.example"
USER, SESSION, LINK = UUID(int=1), UUID(int=2), UUID(int=3)
ACCESS = Access(USER, SESSION, Role.USER, NOON + timedelta(minutes=10))


def tokens_of(*secrets: str, issuer: str = ISSUER) -> SignedTokens:
    return SignedTokens(KeyRing.of(secrets), issuer=issuer, clock=lambda: NOON)


def a_session(**changed: Any) -> Session:
    return replace(Session(SESSION, USER, b"s" * 16, NOON, NOON), **changed)
