"""What every `ShortLinks` promises, the fake and the real one alike; and what only the real one can get wrong."""

import asyncio
from datetime import timedelta

import pytest

from domain.commerce.ports import ShortLinks
from domain.commerce.short_links import LIFETIME, Destinations, is_code
from domain.errors import Invalid
from domain.infra.commerce.short_links import MongoShortLinks
from domain.infra.mongo import Database
from tests.fakes_notices import DESTINATIONS, PAY
from tests.strategies import NOON

PAGE, OTHER_PAGE = f"{PAY}/c/pay/cs_1#x", f"{PAY}/c/pay/cs_2"


async def test_a_code_leads_to_its_page(short_links: ShortLinks) -> None:
    code = await short_links.make(PAGE, NOON)
    assert is_code(code)
    assert await short_links.find(code, NOON) == PAGE


async def test_no_two_links_share_a_code(short_links: ShortLinks) -> None:
    assert len({await short_links.make(PAGE, NOON) for _ in range(20)}) == 20


async def test_a_code_that_nobody_made_leads_nowhere(short_links: ShortLinks) -> None:
    await short_links.make(PAGE, NOON)
    assert await short_links.find("A" * 16, NOON) is None


async def test_a_link_is_over_at_its_end_whether_or_not_it_was_tidied_away(short_links: ShortLinks) -> None:
    code = await short_links.make(PAGE, NOON, lifetime=timedelta(minutes=30))
    assert await short_links.find(code, NOON + timedelta(minutes=29, seconds=59)) == PAGE
    assert await short_links.find(code, NOON + timedelta(minutes=30)) is None
    usual = await short_links.make(PAGE, NOON)
    assert await short_links.find(usual, NOON + LIFETIME) is None


async def test_made_again_for_the_same_it_is_the_same_code_and_leads_to_the_newest_page(
    short_links: ShortLinks,
) -> None:
    code = await short_links.make(PAGE, NOON, key="order:1", lifetime=timedelta(minutes=1))
    assert await short_links.make(OTHER_PAGE, NOON + timedelta(hours=1), key="order:1") == code
    assert await short_links.make(OTHER_PAGE, NOON, key="order:2") != code
    assert await short_links.find(code, NOON + timedelta(hours=2)) == OTHER_PAGE


async def test_made_for_the_same_at_once_it_is_one_code(short_links: ShortLinks) -> None:
    codes = await asyncio.gather(*(short_links.make(PAGE, NOON, key="order:1") for _ in range(10)))
    assert len(set(codes)) == 1


@pytest.mark.parametrize("url", ["https://evil.example/", "http://pay.example/", "https://pay.example@evil.example/"])
async def test_a_page_that_links_may_not_lead_to_gets_no_code(short_links: ShortLinks, url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await short_links.make(url, NOON)
    assert [fault.pointer for fault in refusal.value.errors] == ["/url"]


async def test_counting_what_is_not_there_makes_nothing(short_links: ShortLinks) -> None:
    await short_links.count("A" * 16)
    assert await short_links.find("A" * 16, NOON) is None


async def test_a_host_that_was_struck_off_is_reached_no_more(commerce_database: Database) -> None:
    code = await MongoShortLinks(commerce_database, DESTINATIONS).make(PAGE, NOON)
    assert await MongoShortLinks(commerce_database, Destinations()).find(code, NOON) is None


async def test_a_row_that_somebody_wrote_by_other_means_leads_nowhere(commerce_database: Database) -> None:
    row = {"_id": "A" * 16, "url": "https://evil.example/", "expires_at": NOON + LIFETIME}
    await commerce_database.short_links.insert_one(row)
    assert await MongoShortLinks(commerce_database, DESTINATIONS).find("A" * 16, NOON) is None


async def test_what_was_followed_is_counted_each_time(commerce_database: Database) -> None:
    links = MongoShortLinks(commerce_database, DESTINATIONS)
    code = await links.make(PAGE, NOON)
    await asyncio.gather(*(links.count(code) for _ in range(5)))
    row = await commerce_database.short_links.find_one({"_id": code})
    assert row is not None
    assert row["followed"] == 5


async def test_mongodb_removes_links_when_they_are_over(commerce_database: Database) -> None:
    indexes = await commerce_database.short_links.index_information()
    assert indexes["expiry"]["expireAfterSeconds"] == 0
