"""`X-Request-ID`, `Prefer` and entity tags, however they are spelled."""

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import Scope

from api.headers import known_tags, tags_asked, wait_asked


def scope_with(name: bytes, *values: bytes) -> Scope:
    return {"type": "http", "headers": [(name, value) for value in values]}  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ([b"wait=10"], 10),
        ([b"respond-async, WAIT = 7"], 7),
        ([b'wait="3"'], 3),
        ([b"return=minimal", b"wait=4"], 4),
        ([b"wait=2, wait=9"], 2),
        ([b"wait=0"], 0),
        ([b"wait=26"], 25),
        ([b"wait=" + b"9" * 5_000], 25),
        ([b"wait=-1"], None),
        ([b"wait=1.5"], None),
        ([b"wait"], None),
        ([b"await=5"], None),
        ([b'foo="a, wait=2"'], None),
        ([b"respond-async;wait=2"], None),
        ([b'foo="a", wait=2; x="y"'], 2),
        ([], None),
    ],
)
def test_a_wait_is_read_as_rfc_7240_spells_it(sent: list[bytes], seconds: int | None) -> None:
    assert wait_asked(scope_with(b"prefer", *sent)) == seconds


@given(st.binary(max_size=60))
def test_no_header_makes_the_readers_fail(value: bytes) -> None:
    assert wait_asked(scope_with(b"prefer", value)) in (None, *range(26))
    assert isinstance(known_tags(scope_with(b"if-none-match", value)), frozenset)
    assert isinstance(tags_asked(scope_with(b"if-match", value)), frozenset | None)


@pytest.mark.parametrize("path", ["/jobs", "/nothing", "/health/live", "/jobs/x"])
async def test_every_answer_carries_the_clients_request_id(client: AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"X-Request-ID": "order-17.a_B"})
    assert answer.headers.get_list("x-request-id") == ["order-17.a_B"]


@pytest.mark.parametrize("sent", ["", "a b", "a\tb", "<script>", "x" * 129])
async def test_an_odd_request_id_is_replaced(client: AsyncClient, sent: str) -> None:
    answer = await client.get("/jobs", headers={"X-Request-ID": sent})
    assert len(answer.headers["x-request-id"]) == 32
