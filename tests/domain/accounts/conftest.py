"""Accounts on fakes."""

import pytest

from domain.accounts.sessions import Session
from domain.accounts.users import User
from tests.auth_world import AuthWorld


@pytest.fixture
def world() -> AuthWorld:
    return AuthWorld()


@pytest.fixture
def jane(world: AuthWorld) -> User:
    return world.add_user()


@pytest.fixture
def session(world: AuthWorld, jane: User) -> Session:
    return world.add_session(jane)
