"""Backoff and request ids: their laws."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.backoff import Backoff
from domain.request_ids import new_request_id, read_request_id

backoffs = st.builds(Backoff, st.floats(0, 1e6), st.floats(0, 1e6))


@given(backoffs, st.integers(1, 10_000))
def test_backoff_grows_to_its_cap_and_no_further(backoff: Backoff, tries: int) -> None:
    assert backoff.ceiling(tries) <= backoff.ceiling(tries + 1) <= timedelta(seconds=backoff.cap_seconds)
    assert timedelta(0) <= backoff.wait(tries) <= backoff.ceiling(tries)


def test_request_ids_are_version_7_and_in_order() -> None:
    ids = [new_request_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {request_id.version for request_id in ids} == {7}


@given(st.text())
def test_any_text_is_an_id_or_none(text: str) -> None:
    assert read_request_id(text) is None


def test_an_id_is_read_back_in_its_usual_spelling_only() -> None:
    request_id = new_request_id()
    assert read_request_id(str(request_id)) == request_id
    assert read_request_id(request_id.hex) is None
    for odd in ("----" + request_id.hex, "urn:" + request_id.hex, "{" + str(request_id)[1:-1] + "}"):
        assert (len(odd), read_request_id(odd)) == (36, None)
