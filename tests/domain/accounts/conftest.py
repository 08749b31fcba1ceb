"""Accounts on fakes."""

import pytest

from tests.auth_world import AuthWorld


@pytest.fixture
def world() -> AuthWorld:
    return AuthWorld()
