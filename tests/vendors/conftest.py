"""Fixtures of the vendors' tests."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.vendors import Call

REQUEST_ID = UUID("0192f0c0-0000-7000-8000-000000000001")


@pytest.fixture
def make_call() -> Callable[..., Call]:
    """A call of one fixed job; what a test does not care about is filled in."""

    def make(payload: str = '{"productId": "A"}', *, seconds: float = 5.0, **more: Any) -> Call:
        return Call(REQUEST_ID, payload, timedelta(seconds=seconds), **more)

    return make
