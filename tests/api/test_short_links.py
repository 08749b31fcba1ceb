"""`GET /r/{code}`: on to the payment page, or nowhere; never to a page that is not allowed."""

from datetime import timedelta

import pytest
from httpx import AsyncClient

from api.access import ACCESS
from api.limits import COUNTED_BY_ADDRESS
from api.rules import Door
from domain.commerce.short_links import LIFETIME, Destinations, ShortLink
from tests.api.people import People
from tests.fakes_notices import PAY

PAGE = f"{PAY}/c/pay/cs_1#x"


def anybody(people: People) -> AsyncClient:
    client = people.client("nobody")
    del client.headers["Authorization"]
    return client


async def test_a_browser_is_sent_on_and_no_cache_or_page_learns_of_the_code(people: People) -> None:
    code = await people.short_links.make(PAGE, people.now)
    async with anybody(people) as http:
        answer = await http.get(f"/r/{code}")
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, PAGE, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get_list("referrer-policy") == ["no-referrer"]


async def test_following_it_is_counted_and_looking_at_it_is_not(people: People) -> None:
    code = await people.short_links.make(PAGE, people.now)
    async with anybody(people) as http:
        head = await http.head(f"/r/{code}")
        assert (head.status_code, head.headers["location"]) == (302, PAGE)
        assert people.short_links.followed[code] == 0
        for _ in range(2):
            await http.get(f"/r/{code}")
    assert people.short_links.followed[code] == 2


async def test_a_count_that_cannot_be_written_holds_nobody_up(people: People) -> None:
    code = await people.short_links.make(PAGE, people.now)
    people.short_links.cannot_count = True
    async with anybody(people) as http:
        assert (await http.get(f"/r/{code}")).status_code == 302


async def test_a_link_that_is_over_is_a_404_that_says_so(people: People) -> None:
    code = await people.short_links.make(PAGE, people.now - LIFETIME)
    await people.short_links.make(PAGE, people.now + timedelta(days=1))
    async with anybody(people) as http:
        answer = await http.get(f"/r/{code}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "ask for a new one" in answer.json()["detail"]
    assert answer.json()["instance"] == "/r/{token}"
    assert "location" not in answer.headers


@pytest.mark.parametrize("code", ["A" * 16, "A" * 15, "https:%2F%2Fevil.example", "..", "%00" * 16, "é" * 16])
async def test_what_is_no_code_is_a_404(people: People, code: str) -> None:
    async with anybody(people) as http:
        answer = await http.get(f"/r/{code}")
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_page_of_another_host_is_not_led_to_whoever_stored_it(people: People) -> None:
    for number, url in enumerate(["https://evil.example/", "//evil.example", "http://pay.example/", "javascript:1"]):
        code = f"{number:016}"
        people.short_links.stored[code] = ShortLink(code, url, people.now + LIFETIME)
        async with anybody(people) as http:
            answer = await http.get(f"/r/{code}")
        assert (answer.status_code, "location" in answer.headers) == (404, False)


async def test_what_hangs_onto_it_as_a_query_changes_nothing(people: People) -> None:
    code = await people.short_links.make(PAGE, people.now)
    async with anybody(people) as http:
        answer = await http.get(f"/r/{code}?utm_source=mail&url=https://evil.example")
    assert (answer.status_code, answer.headers["location"]) == (302, PAGE)


async def test_a_store_that_is_away_is_a_503(people: People) -> None:
    people.short_links.down = True
    async with anybody(people) as http:
        assert (await http.get(f"/r/{'A' * 16}")).status_code == 503


def test_links_are_open_and_not_counted_by_address() -> None:
    """Of 96 bits nobody guesses any, and a whole office may sit behind one address."""
    assert ACCESS["GET", "/r/{code}"].door is Door.OPEN
    assert ("GET", "/r/{code}") not in COUNTED_BY_ADDRESS


def test_by_default_no_host_is_listed_and_https_is_wanted() -> None:
    assert Destinations() == Destinations(frozenset(), https_only=True)
