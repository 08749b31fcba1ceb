"""Made-up keys: few looks for each address, and none of it to the cost of who has a key."""

import asyncio
from uuid import UUID

import pytest

from domain.accounts.api_keys import ApiKey
from domain.accounts.key_format import new_key
from domain.errors import TooMany, Unavailable
from domain.infra.key_lookups import SECONDS, UNSEEN
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeApiKeys
from tests.signed_in import SignedIn

STRANGER, OTHER = "192.0.2.1", "192.0.2.2"


class CountedKeys(FakeApiKeys):
    """Counts the looks, and answers them when `answers` is set."""

    def __init__(self, *keys: ApiKey) -> None:
        super().__init__(*keys)
        self.looks = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def find(self, key_id: UUID) -> ApiKey | None:
        self.looks += 1
        await self.answers.wait()
        return await super().find(key_id)


@pytest.fixture
def keys() -> CountedKeys:
    return CountedKeys()


@pytest.fixture
async def ada(keys: CountedKeys) -> SignedIn:
    return SignedIn(keys)


def made_up() -> str:
    return new_key(new_request_id())[0]


async def flood(ada: SignedIn, address: str = STRANGER) -> None:
    for _ in range(UNSEEN):
        assert await ada.callers.find(made_up(), address) is None


async def test_made_up_keys_cost_so_many_looks_and_no_more(ada: SignedIn, keys: CountedKeys) -> None:
    await flood(ada)
    for _ in range(50):
        with pytest.raises(TooMany) as told:
            await ada.callers.find(made_up(), STRANGER)
        assert told.value.retry_after.total_seconds() == SECONDS
    assert keys.looks == UNSEEN
    ada.clock.move(seconds=SECONDS)
    assert await ada.callers.find(made_up(), STRANGER) is None


async def test_many_at_once_get_no_further_than_one_after_the_other(ada: SignedIn, keys: CountedKeys) -> None:
    keys.answers.clear()
    asking = [asyncio.create_task(ada.callers.find(made_up(), STRANGER)) for _ in range(UNSEEN + 50)]
    while keys.looks < UNSEEN:
        await asyncio.sleep(0)
    keys.answers.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert keys.looks == UNSEEN
    assert len([answer for answer in answers if isinstance(answer, TooMany)]) == 50


async def test_other_addresses_are_nobodys_victims(ada: SignedIn) -> None:
    await flood(ada)
    assert await ada.callers.find(ada.key_text, OTHER) is not None


async def test_a_network_of_ipv6_is_one_address(ada: SignedIn) -> None:
    for number in range(UNSEEN):
        await ada.callers.find(made_up(), f"2001:db8::{number:x}")
    with pytest.raises(TooMany):
        await ada.callers.find(made_up(), "2001:db8::ffff")


async def test_a_key_that_is_known_here_is_good_whatever_its_neighbours_do(ada: SignedIn) -> None:
    assert await ada.callers.find(ada.key_text, STRANGER) is not None
    await flood(ada)
    ada.clock.move(seconds=11)  # by then the answer about it is too old, and the store is asked again
    assert await ada.callers.find(ada.key_text, STRANGER) is not None


async def test_a_key_that_was_just_made_works_at_once(ada: SignedIn) -> None:
    for _ in range(UNSEEN - 1):
        await ada.callers.find(made_up(), STRANGER)
    _, text = ada.add_key()
    assert await ada.callers.find(text, STRANGER) is not None


async def test_good_keys_are_not_counted(ada: SignedIn, keys: CountedKeys) -> None:
    for _ in range(UNSEEN + 10):
        _, text = ada.add_key()
        assert await ada.callers.find(text, STRANGER) is not None
    await flood(ada)


async def test_another_secret_under_a_known_keys_id_costs_no_look(ada: SignedIn, keys: CountedKeys) -> None:
    await ada.callers.find(ada.key_text, OTHER)
    looks = keys.looks
    for _ in range(UNSEEN + 50):
        assert await ada.callers.find(new_key(ada.key.id)[0], STRANGER) is None
    assert keys.looks == looks


async def test_a_store_that_is_away_uses_nothing_up(ada: SignedIn, keys: CountedKeys) -> None:
    keys.down = True
    for _ in range(UNSEEN + 10):
        with pytest.raises(Unavailable):
            await ada.callers.find(made_up(), STRANGER)
    keys.down = False
    await flood(ada)


async def test_sessions_are_not_counted(ada: SignedIn) -> None:
    await flood(ada)
    assert await ada.callers.find(ada.token(), STRANGER) is not None
