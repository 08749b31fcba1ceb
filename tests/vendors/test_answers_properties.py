"""What vendors and receivers answer: whatever it is, it becomes an outcome of ours, and what is kept can be stored."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import unquote
from uuid import UUID

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from domain.outcomes import Done, Failed, Retry, Waiting
from vendors.callback.wire import host_of, read_answer, read_url
from vendors.errors import ReplyTooLarge, ReplyUnreadable
from vendors.http import Reply, one_piece
from vendors.json_slices import read_pointer
from vendors.reading import read_capped
from vendors.refusals import LONGEST_WAIT, read_refusal
from vendors.table.polling import poll_url
from vendors.table.settings import ReplyTable
from vendors.table.wire import read_reference, read_success

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
LINES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
JSON_TYPES = [
    "application/json",
    "application/problem+json; charset=utf-16",
    "application/xml",
    "image/png",
    "",
    ";",
    "/",
]
TEXT_TYPES = [f"text/plain; charset={charset}" for charset in ("utf-16", "x", "windows-1252", '"utf-8"')]
TYPES = LINES | st.sampled_from(JSON_TYPES + TEXT_TYPES)
NUMBERS = ["0", "-1", "1.5", "1e9", "0x10", "٣", "9" * 400, "NaN", "Infinity"]
DATES = ["Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 21 Oct 2026 07:28:00 +2400"]
DATES += ["Sat Jan 31 09:00:05 2026", "Wed, 99 Oct 2026 07:28:00 GMT"]
WAITS = LINES | st.sampled_from(NUMBERS + DATES)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "", "0"]), inner, max_size=3)
    ),
)
BODIES = st.binary(max_size=80) | VALUES.map(lambda value: json.dumps(value).encode())
POINTERS = st.lists(st.sampled_from(["id", "a", "", "0", "~", "/"]), max_size=3).map(
    lambda tokens: "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(
        status,
        httpx.Headers(
            [(name.replace("_", "-").encode(), text.encode("latin-1", "replace")) for name, text in headers.items()]
        ),
        body,
    )


@given(st.integers(200, 299), BODIES, TYPES, POINTERS)
def test_a_success_is_json_that_can_be_kept_or_a_failure(status: int, body: bytes, kind: str, pointer: str) -> None:
    outcome = read_success(reply(status, body, content_type=kind), ReplyTable(result=pointer))
    assert isinstance(outcome, Done | Failed)
    if isinstance(outcome, Done):
        outcome.result.encode()
        json.loads(outcome.result)


@given(BODIES, POINTERS.filter(bool))
def test_a_reference_is_short_text_that_can_be_kept_or_a_failure(body: bytes, pointer: str) -> None:
    outcome = read_reference(reply(202, body), read_pointer(pointer), NOW)
    assert isinstance(outcome, Waiting | Failed)
    if isinstance(outcome, Waiting):
        assert 1 <= len(outcome.reference) <= 500
        outcome.reference.encode()


@given(st.integers(100, 999), WAITS)
def test_every_refusal_waits_no_negative_time_and_no_longer_than_a_day(status: int, wait: str) -> None:
    for verdict in (
        read_refusal(reply(status, retry_after=wait), NOW),
        read_answer(reply(status, retry_after=wait), NOW),
    ):
        if isinstance(verdict, Retry) and verdict.after is not None:
            assert 0 <= verdict.after.total_seconds() <= LONGEST_WAIT.total_seconds()


class Chunks(httpx.AsyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in pairwise(edges)]


PLACES = st.lists(st.integers(0, 1_000), max_size=6)


@given(
    st.lists(st.binary(max_size=40), max_size=5),
    LINES | st.sampled_from(["gzip", "X-GZIP ", "identity", "br", "gzip, gzip"]),
)
async def test_a_body_in_any_encoding_is_bytes_or_unreadable(chunks: list[bytes], encoding: str) -> None:
    answer = httpx.Response(200, headers=[(b"content-encoding", encoding.encode("latin-1"))], stream=Chunks(chunks))
    with suppress(ReplyUnreadable, ReplyTooLarge):
        assert len(await read_capped(answer, 60)) <= 60


@given(st.binary(max_size=500), PLACES)
async def test_what_was_packed_is_unpacked_however_it_is_cut(body: bytes, places: list[int]) -> None:
    chunks = cut(gzip.compress(body), places)
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Chunks(chunks))
    assert await read_capped(answer, len(body)) == body


@given(st.binary(min_size=2, max_size=500), PLACES, st.integers(1, 500))
async def test_packed_bytes_that_were_cut_off_are_never_a_whole_body(body: bytes, places: list[int], less: int) -> None:
    packed = gzip.compress(body)
    chunks = cut(packed[: max(1, len(packed) - less)], places)
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Chunks(chunks))
    with suppress(ReplyUnreadable):
        assert await read_capped(answer, len(body)) != body


REFERENCES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60) | st.sampled_from(
    ["..", ".", "../../admin", "a?b#c", "%2e%2e", "//evil.example", "\\..\\", "a\r\nb"]
)


@given(REFERENCES)
@example("/..")
def test_a_reference_is_one_piece_of_the_path_that_is_asked(reference: str) -> None:
    url = poll_url("https://v.example/jobs/${job.reference}/state?x=${job.request_id}", reference, UUID(int=7))
    assert unquote(one_piece(reference)) == reference
    assert (url.host, url.raw_path.count(b"/"), url.fragment) == ("v.example", 3, "")
    assert url.raw_path.endswith(f"/state?x={UUID(int=7)}".encode())
    assert url.raw_path.startswith(b"/jobs/")
    assert b".." not in url.raw_path.split(b"/")


@given(st.text(max_size=60) | st.text("htps:/.@[]%xn-a0\\?#", max_size=40).map("https://".__add__))
def test_any_text_is_a_url_with_a_host_or_none(text: str) -> None:
    url = read_url(text, allow_private=True)
    if url is not None:
        assert host_of(url) == host_of(url).lower()
        assert url.scheme in {"http", "https"}
