"""What becomes of a submission, and the laws of its times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.callers import Caller, Role
from domain.errors import BadSyntax, GatewayError, Invalid
from domain.json_text import pointer_to
from domain.submissions import (
    DEFAULT_LIFETIME,
    QUEUED_WITHIN,
    Submission,
    read_idempotency_key,
    read_submission,
    read_traceparent,
)
from tests.domain.test_json_text import VALUES

NOW = datetime(2026, 11, 21, 12, 0, 0, 123_456, tzinfo=UTC)
ACME = Caller("acme", Role.USER)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def read(**fields: Any) -> Submission:
    body = {"vendorType": "sync", "vendorPayload": None, **fields}
    return read_submission(msgspec.json.encode(body), now=NOW, vendors={"sync"})


def faults_of(**fields: Any) -> list[str]:
    """Pointers to what is wrong; none when it is taken."""
    try:
        read(**fields)
    except Invalid as refused:
        return [fault.pointer for fault in refused.errors]
    return []


def test_times_are_kept_to_the_millisecond_since_mongodb_keeps_no_more() -> None:
    submission = read(run_at="2026-11-22T14:00:00.987654+02:00")
    job = submission.job(ACME, key=None, now=NOW)
    assert job.run_at == datetime(2026, 11, 22, 12, 0, 0, 987_000, tzinfo=UTC)
    assert job.created_at == NOW.replace(microsecond=123_000)
    assert job.deadline == job.run_at + DEFAULT_LIFETIME


def test_a_job_without_times_runs_now_and_has_a_day() -> None:
    job = read().job(ACME, key=None, now=NOW)
    assert job.run_at == job.created_at
    assert (job.deadline, job.sweep_at) == (job.run_at + DEFAULT_LIFETIME, job.run_at + QUEUED_WITHIN)


@given(st.integers(-4_000, 366 * 86_400_000), st.integers(1, 10_000_000))
def test_the_sweep_looks_after_the_start_and_not_after_the_deadline(begin_ms: int, lifetime_ms: int) -> None:
    run_at = NOW.replace(microsecond=0) + timedelta(milliseconds=begin_ms)
    deadline = max(run_at, NOW) + timedelta(milliseconds=lifetime_ms)
    try:
        job = read(run_at=run_at, deadline=deadline).job(ACME, key=None, now=NOW)
    except Invalid:
        return
    assert job.sweep_at is not None
    assert job.created_at < job.sweep_at <= job.deadline
    assert job.run_at < job.deadline


@pytest.mark.parametrize("ago", [0.0, 4.9])
def test_clocks_may_differ_by_some_seconds(ago: float) -> None:
    assert read(run_at=NOW - timedelta(seconds=ago)).run_at <= NOW


def test_a_deadline_before_the_start_is_refused() -> None:
    later = NOW + timedelta(hours=1)
    assert faults_of(run_at=later, deadline=later) == ["/deadline"]


def test_only_a_key_is_worth_a_fingerprint() -> None:
    without, keyed = read().job(ACME, key=None, now=NOW), read().job(ACME, key="k", now=NOW)
    assert (without.fingerprint, without.idempotency_key) == (None, None)
    assert keyed.idempotency_key == "k"
    assert len(keyed.fingerprint or "") == 64


def test_all_faults_are_told_at_once() -> None:
    found = faults_of(vendorType="no", priority=1, run_at="x", deadline="y", callback_url=2, metadata=3, other=4)
    assert found == ["/vendorType", "/priority", "/run_at", "/deadline", "/callback_url", "/metadata", "/other"]


def test_an_unknown_vendor_is_told_the_known_ones_while_they_are_few() -> None:
    body = b'{"vendorType": "x", "vendorPayload": 1}'
    with pytest.raises(Invalid, match="known are a, b"):
        read_submission(body, now=NOW, vendors={"b", "a"})
    with pytest.raises(Invalid, match=r"names no vendor of this gateway$"):
        read_submission(body, now=NOW, vendors={str(n) for n in range(100)})


@given(st.dictionaries(st.text("abcXYZ019_-", min_size=1, max_size=64), st.text(max_size=500), max_size=50))
def test_flat_metadata_is_kept(metadata: dict[str, str]) -> None:
    assert read(metadata=metadata).metadata == metadata


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "a\n", "$a"])
def test_a_metadata_name_of_other_characters_is_refused(name: str) -> None:
    assert faults_of(metadata={name: "x"}) == [pointer_to("metadata", name)]


def test_a_metadata_name_given_twice_is_refused() -> None:
    body = b'{"vendorType": "sync", "vendorPayload": 1, "metadata": {"a": "1", "a": "2"}}'
    with pytest.raises(Invalid):
        read_submission(body, now=NOW, vendors={"sync"})


@pytest.mark.parametrize(
    "url", ["http://a", "HTTPS://a.example:8443/x?y=%20#z", "http://[::1]:80/", "http://a/p@q", "http://127.0.0.1/"]
)
def test_in_development_callbacks_go_anywhere(url: str) -> None:
    body = msgspec.json.encode({"vendorType": "sync", "vendorPayload": {}, "callback_url": url})
    assert read_submission(body, now=NOW, vendors={"sync"}, callbacks_anywhere=True).callback_url == url


@pytest.mark.parametrize(
    "url",
    ["https://a", "HTTPS://a.example:8443/x?y=%20#z", "https://1.1.1.1/", "https://[2606:4700::1111]:444/",
     "https://a.example?to=u@b", "https://a.example/u@b", "https://a.example#u@b"],
)  # fmt: skip
def test_https_urls_are_taken(url: str) -> None:
    assert read(callback_url=url).callback_url == url


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https://10.0.0.1/", "https://127.0.0.1:8443/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
     "https://2130706433/", "https://127.1/", "https://169.254.169.254/", "https://localhost/", "https://a.LOCALHOST./"],
)  # fmt: skip
def test_callbacks_in_the_clear_and_to_what_is_plainly_private_are_refused(url: str) -> None:
    assert faults_of(callback_url=url) == ["/callback_url"]


@pytest.mark.parametrize(
    "url",
    ["", "a", "http:", "http://", "http://:80", "http://u@a", "http://u@a?x", "http://u:p@a#x", "http:/a", " http://a",
     "http://a b", "http://ä", "http://a\\@b", "http://[::1", "http://a:x", "http://a:0", "file:///etc/passwd", "http://a\x00"],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    assert faults_of(callback_url=url) == ["/callback_url"]


@given(VALUES)
def test_any_value_in_any_field_is_taken_or_named(value: Any) -> None:
    for name in ("vendorType", "priority", "run_at", "deadline", "callback_url", "metadata", "other"):
        assert all(pointer.startswith(f"/{name}") for pointer in faults_of(**{name: value}))


@given(st.datetimes(timezones=st.timezones()) | st.datetimes())
def test_any_moment_is_taken_or_refused(moment: datetime) -> None:
    assert faults_of(deadline=moment.isoformat()) in ([], ["/deadline"])


@given(st.binary(max_size=100))
def test_no_bytes_get_past_the_reader_unread(body: bytes) -> None:
    with pytest.raises(GatewayError):
        read_submission(body, now=NOW, vendors={"sync"})


@given(st.text(max_size=300))
def test_a_key_is_printable_ascii_or_refused(text: str) -> None:
    usable = 1 <= len(text) <= 255 and all(" " <= character <= "~" for character in text)
    try:
        assert read_idempotency_key(text) == text
        assert usable
    except BadSyntax:
        assert not usable


@pytest.mark.parametrize("text", [TRACE, TRACE[:-2] + "00", "cc" + TRACE[2:] + "-what-comes-later"])
def test_a_well_formed_trace_is_taken_up(text: str) -> None:
    assert read_traceparent(text) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00",
        TRACE.upper(),
        "ff" + TRACE[2:],
        TRACE + "-x",
        TRACE + "\n",
        TRACE.replace("b7ad6b7169203331", "0" * 16),
    ],
)
def test_a_malformed_trace_is_none(text: str | None) -> None:
    assert read_traceparent(text) is None
