"""What every `RequestKeys` promises, the fake and the real one alike."""

import asyncio

from domain.commerce.ports import RequestKeys
from domain.infra.mongo import Database
from tests.strategies import NOON


async def test_what_came_first_under_a_key_stays(request_keys: RequestKeys) -> None:
    assert await request_keys.claim("acme", "k", "first", NOON) == "first"
    assert await request_keys.claim("acme", "k", "other", NOON) == "first"


async def test_a_key_is_of_one_client(request_keys: RequestKeys) -> None:
    for client, key in (("acme", "k"), ("globex", "k"), ("acme", "l")):
        assert await request_keys.claim(client, key, f"{client} {key}", NOON) == f"{client} {key}"


async def test_of_many_at_once_one_is_first(request_keys: RequestKeys) -> None:
    told = await asyncio.gather(*(request_keys.claim("acme", "k", str(number), NOON) for number in range(10)))
    assert len(set(told)) == 1


async def test_mongodb_forgets_keys_after_a_day(commerce_database: Database) -> None:
    indexes = await commerce_database.request_keys.index_information()
    assert indexes["expiry"]["expireAfterSeconds"] == 0
