"""A vendors' table of any text: read, or refused with its file, a line of it and a remedy, and no secret."""

import re
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.errors import ConfigurationError
from vendors.table.fields import check_url
from vendors.table.lines import Lines
from vendors.table.reading import read_tables

few = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SECRET = "hunter2"
ENVIRONMENT = {"KEY": SECRET, "SIGNED": "whsec_aHVudGVyMg=="}
LINES = (
    "[vendors.acme]", 'mode = "async"', 'url = "https://acme.example/v1?key=${KEY}"', 'method = "POST"',
    'headers = { Authorization = "Bearer ${KEY}" }', 'body = { "/a/b" = "${job.request_id}", "/c" = [1, 2.5, true] }',
    'limit = "50/second; 1000/hour"', "concurrency = 3", 'key_lifetime = "24h"', "timeout_seconds = 2.5",
    "backoff = { base_seconds = 0.5, cap_seconds = 1 }", 'reply = { reference = "/id", max_bytes = 1 }',
    "[vendors.acme.webhook]", 'secret = "${SIGNED}"', 'reference = "/id"', 'status = "/s"', 'done = ["ok", 1, true]',
    "[vendors.acme.poll]", 'url = "https://acme.example/${job.reference}"', "every_seconds = 1",
)  # fmt: skip
KEYS = sorted({line.split(" =")[0] for line in LINES if not line.startswith("[")})
LITERALS = ['""', "1", "-1", "1e400", "nan", "inf", "true", "[]", "{}", "2026-01-31", "9" * 5_000, '"${KEY}"', '"${"']
LITERALS += ['"\\u0000"', '"${job.x}"', '"${NOWHERE}"', '"//"', '"http://[::1"', '"http://x:99999"', '"1/0 second"']
LITERALS += ['"٣/second"', '"~"', '{ "/a" = { "/b" = 1 } }', "[[1], {}]", '"whsec_!"', "'''a\nb'''", '{ "" = 1 }']
SPOILED = st.builds("{} = {}".format, st.sampled_from(KEYS), st.sampled_from(LITERALS)) | st.text(max_size=20)
SPOILED |= st.sampled_from(
    ["[vendors]", "[[vendors.acme]]", "[vendors.Acme]", "[other]", "vendors = 1", "a" * 70 + " = 1"]
)


def fault_of(path: Path) -> str:
    try:
        read_tables([path], ENVIRONMENT)
    except ConfigurationError as refused:
        return refused.detail
    return f"{path}:1: none"


def check(path: Path) -> None:
    told = fault_of(path)
    place = re.match(re.escape(str(path)) + r":(\d+): \S", told)
    assert place is not None, told
    assert 1 <= int(place[1]) <= len(path.read_text(errors="replace").splitlines()) + 1
    assert SECRET not in told
    assert "\n" not in told


@few
@given(place=st.integers(0, len(LINES) - 1), drop=st.booleans(), spoiled=st.lists(SPOILED, max_size=2))
@example(place=1, drop=False, spoiled=["concurrency = " + "9" * 5_000])
def test_a_good_table_that_was_spoiled_is_read_or_refused_with_its_line(
    tmp_path: Path, place: int, drop: bool, spoiled: list[str]
) -> None:
    path = tmp_path / "vendors.toml"
    path.write_text("\n".join([*LINES[:place], *spoiled, *LINES[place + drop :]]), encoding="utf-8")
    check(path)


@few
@given(content=st.binary(max_size=60) | st.text("[]vendors.ac=\"'{}#\n ${}", max_size=60).map(str.encode))
def test_any_bytes_are_tables_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vendors.toml"
    path.write_bytes(content)
    check(path)


@given(st.text(max_size=80), st.lists(st.text(max_size=5), max_size=3))
def test_every_place_has_a_line(text: str, path: list[str]) -> None:
    assert 1 <= Lines(text).of(tuple(path)) <= max(1, len(text.splitlines()))


@given(st.text(max_size=40) | st.text("htps:/.@[]%xn-a0\\?#", max_size=30).map("https://".__add__))
def test_any_text_is_a_url_or_a_fault(text: str) -> None:
    with suppress(ValueError):
        assert check_url(text) == text
