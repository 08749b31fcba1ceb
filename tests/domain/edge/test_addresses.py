"""Whose request it is: the peer's, or whom the trusted proxies name; never whom the client names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import Scope

from domain.edge.addresses import client_address


def scope_from(peer: str | None, *forwarded: bytes) -> Scope:
    client = None if peer is None else (peer, 4711)
    return {"type": "http", "client": client, "headers": [(b"x-forwarded-for", line) for line in forwarded]}  # type: ignore[return-value]


def test_without_trusted_proxies_the_peer_counts_whatever_is_claimed() -> None:
    assert client_address(scope_from("192.0.2.1", b"203.0.113.9")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("hops", "forwarded", "client"),
    [
        (1, [b"198.51.100.7"], "198.51.100.7"),
        (1, [b"203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (2, [b"203.0.113.9, 198.51.100.7,10.0.0.2"], "198.51.100.7"),
        (2, [b"203.0.113.9", b"198.51.100.7", b"10.0.0.2"], "198.51.100.7"),
        (2, [b"10.0.0.2"], "192.0.2.1"),
        (1, [], "192.0.2.1"),
        (1, [b"198.51.100.7:4711"], "198.51.100.7"),
        (1, [b"[2001:DB8::0001]:4711"], "2001:db8::1"),
        (1, [b"2001:db8:0:0:0:0:0:1"], "2001:db8::1"),
        (1, [b"unknown"], "unknown"),
        (1, [b"x" * 5_000], "x" * 64),
    ],
)
def test_so_many_from_the_right_as_there_are_trusted_proxies(hops: int, forwarded: list[bytes], client: str) -> None:
    assert client_address(scope_from("192.0.2.1", *forwarded), hops) == client


def test_a_socket_without_addresses_is_one_client() -> None:
    assert client_address(scope_from(None)) == ""


@given(st.lists(st.binary(max_size=80), max_size=4), st.integers(0, 10))
def test_no_header_makes_it_fail_or_grow(lines: list[bytes], hops: int) -> None:
    assert len(client_address(scope_from("192.0.2.1", *lines), hops)) <= 64
