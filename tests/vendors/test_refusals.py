"""What a status means, and how long `Retry-After` asks to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.outcomes import Failed, Retry
from vendors.http import Reply
from vendors.refusals import LONGEST_WAIT, read_refusal, read_retry_after

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
SECRET = b"the vendor's own words"


def answer(status: int, retry_after: str | None = None) -> Reply:
    headers = httpx.Headers({} if retry_after is None else {"Retry-After": retry_after})
    return Reply(status, headers, SECRET)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    assert read_refusal(answer(status), NOW) is None


@pytest.mark.parametrize(
    ("status", "retry_after", "after"),
    [(429, None, None), (429, "7", timedelta(seconds=7)), (503, "7", timedelta(seconds=7)), (429, "soon", None)],
)
def test_a_throttling_answer_closes_the_vendor(status: int, retry_after: str | None, after: timedelta | None) -> None:
    verdict = read_refusal(answer(status, retry_after), NOW)
    assert isinstance(verdict, Retry)
    assert (verdict.closes_vendor, verdict.after, verdict.vendor_status) == (True, after, status)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_trouble_of_the_vendors_own_is_tried_again_and_closes_nothing(status: int) -> None:
    verdict = read_refusal(answer(status), NOW)
    assert isinstance(verdict, Retry)
    assert (verdict.closes_vendor, verdict.after, verdict.vendor_status) == (False, None, status)


@pytest.mark.parametrize("garbage", ["", "soon", "-5", "1e3", "7, 8", "Mon, 99 Foo 2026", "0x10"])
def test_a_503_with_a_garbled_retry_after_closes_nothing(garbage: str) -> None:
    verdict = read_refusal(answer(503, garbage), NOW)
    assert isinstance(verdict, Retry)
    assert not verdict.closes_vendor


def test_retry_after_counts_on_a_500_too() -> None:
    verdict = read_refusal(answer(500, "9"), NOW)
    assert isinstance(verdict, Retry)
    assert (verdict.after, verdict.closes_vendor) == (timedelta(seconds=9), False)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (301, "vendor_redirected"),
        (302, "vendor_redirected"),
        (304, "vendor_redirected"),
        (308, "vendor_redirected"),
        (400, "vendor_rejected"),
        (401, "vendor_rejected"),
        (404, "vendor_rejected"),
        (422, "vendor_rejected"),
        (501, "vendor_error"),
        (505, "vendor_error"),
        (599, "vendor_error"),
        (999, "vendor_error"),
    ],
)
def test_everything_else_fails_at_once(status: int, code: str) -> None:
    assert read_refusal(answer(status), NOW) == Failed(code, f"The vendor answered {status}.", status)


@given(st.integers(100, 999))
def test_every_status_has_a_verdict_that_repeats_nothing_of_the_vendors_words(status: int) -> None:
    verdict = read_refusal(answer(status), NOW)
    assert (verdict is None) == (200 <= status < 300)
    if verdict is not None:
        assert SECRET.decode() not in verdict.reason
        assert verdict.vendor_status == status


class TestRetryAfter:
    @given(st.integers(0, 10**30))
    def test_seconds_are_taken_up_to_a_day(self, seconds: int) -> None:
        assert read_retry_after(str(seconds), NOW) == timedelta(seconds=min(seconds, 86_400))

    @given(st.integers(-(10**8), 10**8))
    def test_a_date_is_the_time_from_now_neither_negative_nor_above_a_day(self, seconds: int) -> None:
        date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
        assert read_retry_after(date, NOW) == timedelta(seconds=min(max(seconds, 0), 86_400))

    @given(st.text(max_size=60))
    def test_no_text_breaks_it(self, text: str) -> None:
        after = read_retry_after(text, NOW)
        assert after is None or timedelta() <= after <= LONGEST_WAIT

    @pytest.mark.parametrize(
        "date", ["Fri, 20 Nov 2026 12:00:30 GMT", "Friday, 20-Nov-26 12:00:30 GMT", "Fri Nov 20 12:00:30 2026"]
    )
    def test_all_three_forms_of_a_date_are_read(self, date: str) -> None:
        assert read_retry_after(date, NOW) == timedelta(seconds=30)

    def test_a_number_of_a_thousand_digits_is_a_day(self) -> None:
        assert read_retry_after("9" * 1000, NOW) == LONGEST_WAIT

    def test_a_fraction_is_read(self) -> None:
        assert read_retry_after("1.5", NOW) == timedelta(seconds=1.5)
