"""What every `Configurations` promises; and on real stores: one wins each number, and nobody is led back in time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from domain.accounts.doers import Doer
from domain.configurations import Change, Changing, Configuration, Configurations
from domain.errors import Outdated, Unavailable
from domain.infra.configuration_mirror import CHANGES, Copy
from domain.infra.configurations import open_configurations
from domain.infra.mongo import Database
from domain.infra.redis import RedisClient
from domain.infra.restores import leap_configurations
from domain.restores import LEAP
from tests.configuration_stores import KEY, ConfigurationStores, open_configuration_stores
from tests.fakes_accounts import FakeAuditLog
from tests.fakes_configurations import FakeConfigurations, a_configuration
from tests.servers import kept_database
from tests.strategies import NOON

FIRST, SECOND, THIRD = (a_configuration(number=number, text=f'{{"a":{number}}}') for number in (1, 2, 3))


@pytest.fixture(scope="session")
def configurations_url(mongo_url: str) -> Iterator[str]:
    yield from kept_database(mongo_url, "configurations")


@pytest.fixture
async def stores(configurations_url: str, redis_database_url: str) -> AsyncIterator[ConfigurationStores]:
    async with open_configuration_stores(configurations_url, redis_database_url) as stores:
        yield stores


@pytest.fixture
def fake_configurations() -> Configurations:
    return FakeConfigurations()


@pytest.fixture
async def real_configurations(stores: ConfigurationStores) -> Configurations:
    return await stores.process()


@pytest.fixture(params=["fake_configurations", "real_configurations"])
def configurations(request: pytest.FixtureRequest) -> Configurations:
    found: Configurations = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def no_redis() -> AsyncIterator[RedisClient]:
    async with Redis(port=1) as client:
        yield client


async def test_what_was_added_is_found_and_all_of_it_is_kept(configurations: Configurations) -> None:
    assert await configurations.find("orders") is None
    for configuration in (FIRST, SECOND, THIRD):
        assert await configurations.add(configuration)
    assert await configurations.find("orders") == await configurations.find_stored("orders") == THIRD
    assert await configurations.find_version("orders", 2) == SECOND
    assert await configurations.find_version("orders", 4) is None


async def test_a_number_is_taken_once(configurations: Configurations) -> None:
    assert await configurations.add(FIRST)
    assert not await configurations.add(a_configuration(text='{"other":1}'))
    assert await configurations.find("orders") == FIRST
    assert await configurations.add(a_configuration("users"))


async def test_versions_are_listed_newest_first_and_of_one_service(configurations: Configurations) -> None:
    for configuration in (FIRST, SECOND, THIRD, a_configuration("order", 9), a_configuration("orders2", 9)):
        await configurations.add(configuration)
    assert await configurations.list("orders", 2) == [THIRD.about, SECOND.about]
    assert await configurations.list("orders", 5, 2) == [FIRST.about]
    assert await configurations.list("nobody", 5) == []


async def test_who_waits_hears_of_the_next_version(configurations: Configurations) -> None:
    await configurations.add(FIRST)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waits = [group.create_task(configurations.wait_for_change("orders", 1, 30)) for _ in range(5)]
        await asyncio.sleep(0)
        await configurations.add(SECOND)
    assert [wait.result() for wait in waits] == [SECOND] * 5


async def test_who_has_another_version_or_no_time_waits_for_nothing(configurations: Configurations) -> None:
    assert await configurations.wait_for_change("orders", 0, 0) is None
    await configurations.add(FIRST)
    async with asyncio.timeout(10):
        assert await configurations.wait_for_change("orders", 0, 30) == FIRST
        assert await configurations.wait_for_change("orders", 7, 30) == FIRST
        assert await configurations.wait_for_change("orders", 1, 0) == FIRST


async def test_of_fifty_who_change_one_version_at_once_one_wins_each_time(stores: ConfigurationStores) -> None:
    processes = [await stores.process() for _ in range(3)]

    async def put(writer: int, number: int) -> bool:
        change = Change("orders", f'{{"by":{writer}}}', frozenset({f'"{number}"'}), new=number == 0)
        changing = Changing(processes[writer % 3], FakeAuditLog())
        try:
            made = await changing.put(change, Doer(f"user:{writer}", NOON))
        except (Outdated, Unavailable):
            return False
        return made.configuration.number == number + 1

    for number in range(3):
        assert sum(await asyncio.gather(*(put(writer, number) for writer in range(50)))) == 1
    assert [one.number for one in await processes[0].list("orders", 100)] == [3, 2, 1]


async def test_a_change_is_heard_in_every_process(stores: ConfigurationStores) -> None:
    writer, reader = await stores.process(), await stores.process()
    await writer.add(FIRST)
    while dict(await stores.redis.pubsub_numsub(CHANGES))[CHANGES.encode()] < 2:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(3):  # the net under a lost notice has wider meshes
        waiting = asyncio.create_task(reader.wait_for_change("orders", 1, 30))
        while not reader.changes._waiters:
            await asyncio.sleep(0)
        await writer.add(SECOND)
        assert await waiting == SECOND


async def test_a_stop_keeps_nobody_waiting(stores: ConfigurationStores) -> None:
    process = await stores.process()
    await process.add(FIRST)
    stopping = asyncio.Event()
    async with asyncio.timeout(5):
        waiting = asyncio.create_task(process.wait_for_change("orders", 1, 30))
        ending = asyncio.create_task(process.changes.stop_with(stopping))
        while not process.changes._waiters:
            await asyncio.sleep(0)
        stopping.set()
        assert await waiting == FIRST
        await ending


async def test_it_is_read_from_redis_while_that_is_fresh(stores: ConfigurationStores, nowhere: Database) -> None:
    await (await stores.process()).add(FIRST)
    assert await (await stores.without_mongo(nowhere)).find("orders") == FIRST
    assert await stores.mirror.look(["orders", "none", "orders"]) == [
        Copy(FIRST, fresh=True), Copy(), Copy(FIRST, fresh=True),
    ]  # fmt: skip


async def test_what_a_flush_took_is_read_from_mongodb_and_copied_again(stores: ConfigurationStores) -> None:
    process = await stores.process()
    await process.add(FIRST)
    await stores.redis.flushall()
    assert await process.find("orders") == FIRST
    assert await stores.mirror.look(["orders"]) == [Copy(FIRST, fresh=True)]


async def test_a_copy_that_another_release_wrote_is_read_from_mongodb_and_replaced(stores: ConfigurationStores) -> None:
    process = await stores.process()
    await process.add(FIRST)
    await stores.redis.hset(KEY, "about", '{"service": "orders"}')  # type: ignore[misc]  # its type serves two clients
    assert await process.find("orders") == FIRST
    assert await stores.mirror.look(["orders"]) == [Copy(FIRST, fresh=True)]


async def test_what_a_crash_kept_from_redis_is_found_when_the_copy_is_old(stores: ConfigurationStores) -> None:
    process = await stores.process()
    await process.add(FIRST)
    await stores.store_alone(SECOND)
    assert await process.find("orders") == FIRST
    await stores.age()
    assert await process.find("orders") == SECOND
    assert await stores.mirror.look(["orders"]) == [Copy(SECOND, fresh=True)]


async def test_a_crash_before_redis_is_told_wakes_who_waits_all_the_same(stores: ConfigurationStores) -> None:
    reader, other = await stores.process(), await stores.process()
    await reader.add(FIRST)
    while dict(await stores.redis.pubsub_numsub(CHANGES))[CHANGES.encode()] < 2:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(3):
        waiting = asyncio.create_task(reader.wait_for_change("orders", 1, 30))
        while not reader.changes._waiters:
            await asyncio.sleep(0)
        await stores.store_alone(SECOND)
        await stores.age()
        await other.find("orders")  # whoever reads next finds it, and tells the others
        assert await waiting == SECOND


async def test_a_reader_who_has_a_version_is_given_no_older_one(
    stores: ConfigurationStores, no_redis: RedisClient, nowhere: Database
) -> None:
    await (await stores.process()).add(FIRST)
    cut_off = await stores.without_redis(no_redis)
    assert await cut_off.add(SECOND)  # which Redis does not hear of
    assert await cut_off.find("orders") == SECOND
    other = await stores.process()
    assert await other.find("orders", 2) == SECOND
    await stores.mirror.keep("orders", FIRST, 2)  # a Redis that came back as it was before
    with pytest.raises(Unavailable):
        await (await stores.without_mongo(nowhere)).find("orders", 2)


async def test_a_process_gives_no_older_version_than_it_gave_before(stores: ConfigurationStores) -> None:
    process = await stores.process()
    await process.add(FIRST)
    await process.add(SECOND)
    assert await process.find("orders") == SECOND
    await stores.mirror.keep("orders", FIRST, 2)
    assert await process.find("orders") == SECOND


async def test_an_older_word_that_comes_late_does_not_replace_a_newer_one(stores: ConfigurationStores) -> None:
    await stores.mirror.keep("orders", SECOND)
    await stores.mirror.keep("orders", FIRST, 0)
    await stores.mirror.keep("orders", None, 1)
    assert (await stores.mirror.look(["orders"]))[0].configuration == SECOND


async def test_without_redis_all_goes_on_and_redis_is_told_when_it_is_back(
    stores: ConfigurationStores, no_redis: RedisClient
) -> None:
    process = await stores.without_redis(no_redis)
    assert await process.add(FIRST)
    assert await process.find("orders") == FIRST
    process.mirror = stores.mirror
    async with asyncio.timeout(10):
        while (await stores.mirror.look(["orders"]))[0].configuration != FIRST:
            await asyncio.sleep(0.01)


async def test_without_mongodb_copies_are_read_however_old_and_nothing_is_changed(
    stores: ConfigurationStores, nowhere: Database
) -> None:
    await (await stores.process()).add(FIRST)
    await stores.age()
    process = await stores.without_mongo(nowhere)
    assert await process.find("orders") == FIRST
    refused = (process.add(SECOND), process.find_stored("orders"), process.find("users"), process.list("users", 1))
    told = await asyncio.gather(*refused, return_exceptions=True)
    assert [type(fault) for fault in told] == [Unavailable] * 4


async def test_without_both_stores_nobody_is_told_anything(nowhere: Database, no_redis: RedisClient) -> None:
    async with open_configurations(nowhere, no_redis) as process:
        with pytest.raises(Unavailable):
            await process.find("orders")


@pytest.mark.parametrize("left", [None, a_configuration(), a_configuration(number=2, text='{"b":2}')], ids=range(3))
async def test_a_history_that_a_restore_took_back_is_not_read_from_redis_for_ever(
    stores: ConfigurationStores, left: Configuration | None
) -> None:
    process = await stores.process()
    await process.add(FIRST)
    await process.add(SECOND)
    await stores.database.get_collection("configurations").delete_many({})
    if left is not None:
        await stores.store_alone(left)
    await stores.age()
    assert await process.find("orders") == left
    assert await process.find("orders") == left
    assert bool(await stores.redis.exists(KEY)) == (left is not None)


async def test_after_a_restore_nobody_is_told_that_they_have_the_newest_of_another_history(
    stores: ConfigurationStores,
) -> None:
    """A service has version 2 of before, and version 2 is made once more, with another text."""
    await stores.store_alone(FIRST)
    doer, audit = Doer("operator", NOON), FakeAuditLog()
    taken_at = NOON - timedelta(hours=1)
    assert [await leap_configurations(stores.database, audit, doer, taken_at) for _ in range(2)] == [1, 0]
    newest = await (await stores.process()).find("orders", SECOND.number)
    assert newest is not None
    assert (newest.text, newest.number) == (FIRST.text, 1 + LEAP)
    assert [entry.detail for entry in audit.entries] == [{"version": str(1 + LEAP)}]


async def test_every_version_waits_for_the_majority_and_is_read_as_a_majority_has_it(
    stores: ConfigurationStores,
) -> None:
    rows = stores.rows._rows
    assert (rows.write_concern.document, rows.read_concern.level) == ({"w": "majority"}, "majority")
