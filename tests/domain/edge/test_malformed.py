"""What is no HTTP is answered with a whole problem, too."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edge.malformed import malformed_answer


def split(answer: bytes) -> tuple[list[str], dict[str, object]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert f"content-length: {len(body)}" in lines
    return lines, json.loads(body)


@pytest.mark.parametrize("character", [b"\x00", b"\x01", b"\x1f", b"\x7f"])
def test_the_header_with_a_control_character_is_named(character: bytes) -> None:
    request = b"POST /jobs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a" + character + b"b\r\nAccept: y\r\n\r\n"
    lines, problem = split(malformed_answer(request, "t"))
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert problem["errors"] == [{"pointer": "/headers/Idempotency-Key", "detail": "holds a control character"}]
    assert problem["trace_id"] == "t"


@given(st.binary(max_size=100))
def test_any_bytes_get_a_whole_answer(data: bytes) -> None:
    lines, problem = split(malformed_answer(data, "t"))
    assert "connection: close" in lines
    assert problem["status"] == 400
