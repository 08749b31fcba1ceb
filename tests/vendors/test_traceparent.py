"""The trace that a vendor is handed."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendors.traceparent import child_of

REQUEST_ID = UUID("0192f0c0-0000-7000-8000-000000000001")
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_child_keeps_the_trace_and_the_flags_and_has_a_span_of_its_own() -> None:
    version, trace, span, flags = child_of(PARENT, REQUEST_ID).split("-")
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01")
    assert span != "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "parent", [None, "", "x", "ff" + PARENT[2:], PARENT.upper(), PARENT + "\r\nX: 1", "00-" + "0" * 32]
)
def test_without_a_sound_parent_the_trace_is_the_jobs(parent: str | None) -> None:
    assert child_of(parent, REQUEST_ID).split("-")[1] == REQUEST_ID.hex


@given(st.text())
def test_whatever_the_client_sent_the_vendor_gets_a_sound_one(parent: str) -> None:
    made = child_of(parent, REQUEST_ID)
    assert len(made) == len(PARENT)
    assert set(made) <= set("0123456789abcdef-")
