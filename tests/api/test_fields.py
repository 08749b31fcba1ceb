"""Long bodies where short ones belong: they must not hold anybody else up."""

import asyncio

import pytest

from api.fields import LONG_BODY, fields_of
from domain.edge.bodies import LARGEST_BODY
from domain.errors import BadSyntax, Invalid


async def ticks_while_reading(body: bytes) -> int:
    """How often the loop came round meanwhile."""
    reading, ticks = asyncio.create_task(fields_of(body)), 0
    while not reading.done():
        await asyncio.sleep(0)
        ticks += 1
    with pytest.raises(Invalid):
        (await reading).end()
    return ticks


async def test_a_body_of_very_many_fields_is_read_beside_the_loop() -> None:
    """On the loop it takes up to half a second, for anybody who sends one to an open route."""
    body = b"{%b}" % b",".join(b'"%d":1' % number for number in range(90_000))
    assert len(body) < LARGEST_BODY
    assert await ticks_while_reading(body) > 2


async def test_a_short_one_is_read_at_once() -> None:
    body = b"{%b}" % b",".join(b'"%d":1' % number for number in range(900))
    assert len(body) <= LONG_BODY
    assert await ticks_while_reading(body) == 1


@pytest.mark.parametrize("body", [b"[%b]" % (b"1," * LONG_BODY), b'{"a":' + b" " * LONG_BODY])
async def test_what_is_no_object_is_refused_from_there_too(body: bytes) -> None:
    with pytest.raises((BadSyntax, Invalid)):
        await fields_of(body)
