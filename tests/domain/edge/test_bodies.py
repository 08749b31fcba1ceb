"""Bodies are read once, to the cap and no further."""

from typing import Any

import pytest

from domain.edge.bodies import read_body, require_json
from domain.errors import BadSyntax, TooLarge, UnsupportedMedia


class Sender:
    """An ASGI server's `receive`, giving these messages and counting."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = list(messages)
        self.given = 0

    async def __call__(self) -> Any:
        self.given += 1
        return self._messages.pop(0)


def scope(length: bytes | None = None) -> Any:
    return {"type": "http", "headers": [] if length is None else [(b"content-length", length)]}


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_pieces_are_put_together() -> None:
    assert await read_body(scope(), Sender(piece(b"ab"), piece(b""), piece(b"c", more=False)), largest=3) == b"abc"


@pytest.mark.parametrize("length", [b"4", b"9" * 5_000])
async def test_an_announced_length_over_the_cap_is_refused_before_reading(length: bytes) -> None:
    sender = Sender()
    with pytest.raises(TooLarge):
        await read_body(scope(length), sender, largest=3)
    assert sender.given == 0


async def test_reading_stops_at_the_cap_whatever_was_announced() -> None:
    sender = Sender(piece(b"ab"), piece(b"cd"), piece(b"ef"))
    with pytest.raises(TooLarge):
        await read_body(scope(b"2"), sender, largest=3)
    assert sender.given == 2


async def test_a_client_that_goes_away_is_no_bug() -> None:
    with pytest.raises(BadSyntax):
        await read_body(scope(), Sender(piece(b"ab"), {"type": "http.disconnect"}), largest=3)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/json; charset=latin-1")],
        [(b"content-type", b"application/json"), (b"content-type", b"text/plain")],
        [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
    ],
)
def test_what_is_not_plainly_json_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        require_json({"type": "http", "headers": headers})  # type: ignore[arg-type]
    assert refused.value.errors[0].pointer.startswith("/headers/Content-")
