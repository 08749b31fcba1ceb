"""`/config/{service}`: read by its service, changed by admins under a condition, waited for, looked back on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from httpx import ASGITransport, AsyncClient, Response

from api.ports import ApiPorts
from domain.accounts.audit import Act
from domain.callers import Caller, Role
from domain.configurations import LARGEST
from tests.api.apps import app_of
from tests.api.people import People
from tests.api.test_bad_input import check_problem
from tests.api.test_openapi import _check
from tests.fakes import FakeCallers
from tests.fakes_configurations import FakeConfigurations, a_configuration

JSON = {"Content-Type": "application/json"}
FIRST = {**JSON, "If-None-Match": "*"}
PATH = "/config/acme"  # what People's `service` is named after


def after(tag: str) -> dict[str, str]:
    return {**JSON, "If-Match": tag}


@pytest.fixture
async def service(people: People) -> AsyncIterator[AsyncClient]:
    async with people.client("service") as client:
        yield client


@pytest.fixture
def kept(people: People) -> FakeConfigurations:
    return people.configurations


async def put(root: AsyncClient, *texts: str) -> Response:
    """Versions one after the other; the last answer."""
    answer = await root.put(PATH, content=texts[0], headers=FIRST)
    for number, text in enumerate(texts[1:], 1):
        answer = await root.put(PATH, content=text, headers=after(f'"{number}"'))
    assert answer.is_success, answer.text
    return answer


async def test_a_service_reads_what_an_admin_put_byte_for_byte(root: AsyncClient, service: AsyncClient) -> None:
    text = '{"b" : 1.0,\n "a":"ä"}'
    made = await root.put(PATH, content=text.encode(), headers=FIRST)
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (201, '"1"', PATH)
    shown = await service.get(PATH)
    assert (shown.status_code, shown.headers["etag"], shown.content) == (200, '"1"', text.encode())
    assert (shown.headers["content-type"], shown.headers["cache-control"]) == ("application/json", "private, no-cache")
    _check("put", "/config/{service}", made)


async def test_a_change_answers_its_version_and_no_value(people: People, root: AsyncClient) -> None:
    changed = await put(root, '{"a":1}', '{"a":22}')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json() == {
        "service": "acme",
        "version": 2,
        "size": 8,
        "changed_at": people.now.isoformat().replace("+00:00", "Z"),
        "changed_by": people.root.user.client,
    }


async def test_who_has_the_newest_version_gets_a_304(root: AsyncClient, service: AsyncClient) -> None:
    await put(root, "{}", '{"a":1}')
    for tag in ('"2"', 'W/"2"', '"1", "2"', "*"):
        same = await service.get(PATH, headers={"If-None-Match": tag})
        assert (same.status_code, same.headers["etag"], same.content) == (304, '"2"', b"")
    assert (await service.get(PATH, headers={"If-None-Match": '"1"'})).status_code == 200


async def test_a_change_without_a_condition_is_a_428_that_tells_the_remedy(
    root: AsyncClient, kept: FakeConfigurations
) -> None:
    for headers in (JSON, {**JSON, "If-None-Match": '"1"'}):
        problem = check_problem(await root.put(PATH, content="{}", headers=headers), 428)
        assert (problem["code"], problem["errors"][0]["pointer"]) == ("condition-required", "/headers/If-Match")
        assert "If-None-Match: *" in problem["detail"]
    assert kept.stored == {}


@pytest.mark.parametrize(
    "headers", [after('"1"'), after('W/"2"'), after("2"), FIRST, {**FIRST, "If-Match": '"2"'}], ids=range(5)
)
async def test_a_change_that_is_not_meant_for_the_present_version_is_a_412(
    root: AsyncClient, kept: FakeConfigurations, headers: dict[str, str]
) -> None:
    await put(root, "{}", '{"a":1}')
    problem = check_problem(await root.put(PATH, content='{"a":2}', headers=headers), 412)
    assert problem["code"] == "outdated"
    assert len(kept.stored["acme"]) == 2


async def test_whoever_says_any_version_overwrites_it_and_creates_nothing(root: AsyncClient) -> None:
    assert (await root.put(PATH, content="{}", headers=after("*"))).status_code == 412
    await put(root, "{}")
    assert (await root.put(PATH, content='{"a":1}', headers=after("*"))).headers["etag"] == '"2"'


async def test_the_same_request_once_more_makes_no_version(root: AsyncClient, kept: FakeConfigurations) -> None:
    answers = [await root.put(PATH, content="{}", headers=FIRST) for _ in range(2)]
    answers += [await root.put(PATH, content='{"a":1}', headers=after('"1"')) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200]
    assert [answer.json()["version"] for answer in answers] == [1, 1, 2, 2]
    assert len(kept.stored["acme"]) == 2


async def test_a_change_is_on_record_with_who_made_it_and_without_its_values(people: People, root: AsyncClient) -> None:
    await put(root, '{"secret":"hunter2"}')
    (entry,) = people.audit.entries
    assert (entry.act, entry.actor, entry.subject) == (Act.CONFIG_CHANGED, people.root.user.client, "config:acme")
    assert "hunter2" not in str(entry)


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ("[]", 422, [""]),
        ("null", 422, [""]),
        ('{"a":1,"a":2}', 422, ["/a"]),
        ('{"a":{"b":[{"c":1,"c":2}],"b":3}}', 422, ["/a/b/0/c", "/a/b"]),
        ('{"a":' + "[" * 64 + "]" * 64 + "}", 422, ["/a" + "/0" * 63]),
        ("{", 400, [""]),
        ('{"a":"' + "x" * LARGEST + '"}', 413, [""]),
    ],
    ids=range(7),
)
async def test_a_body_that_readers_could_take_in_two_ways_or_not_at_all_is_refused(
    root: AsyncClient, kept: FakeConfigurations, body: str, status: int, pointers: list[str]
) -> None:
    problem = check_problem(await root.put(PATH, content=body, headers=FIRST), status)
    assert [fault["pointer"] for fault in problem["errors"]] == pointers
    assert kept.stored == {}


async def test_the_largest_object_is_taken(root: AsyncClient, service: AsyncClient) -> None:
    text = '{"a":"' + "x" * (LARGEST - 8) + '"}'
    await put(root, text)
    assert (await service.get(PATH)).text == text


async def test_a_body_of_another_type_is_a_415(root: AsyncClient) -> None:
    headers = {"Content-Type": "text/plain", "If-None-Match": "*"}
    check_problem(await root.put(PATH, content="{}", headers=headers), 415)


async def test_another_services_configuration_is_as_one_that_is_not_there(
    root: AsyncClient, service: AsyncClient
) -> None:
    await root.put("/config/users", content="{}", headers=FIRST)
    for path in ("/config/users", "/config/none", PATH, "/config/users/events"):
        assert check_problem(await service.get(path), 404)["code"] == "not-found"
    assert (await root.get("/config/users")).status_code == 200
    for path in ("/config/none", "/config/none/history", "/config/none/history/1", "/config/A%2Fb", "/config/Users"):
        check_problem(await root.get(path), 404)
    check_problem(await root.put("/config/Users", content="{}", headers=FIRST), 404)


async def test_people_and_services_change_nothing_and_do_not_look_back(
    people: People, root: AsyncClient, service: AsyncClient, alice: AsyncClient
) -> None:
    await put(root, "{}")
    for client in (service, alice):
        check_problem(await client.put(PATH, content='{"a":1}', headers=after('"1"')), 403)
        check_problem(await client.get(f"{PATH}/history"), 403)
        check_problem(await client.get(f"{PATH}/history/1"), 403)
    check_problem(await alice.get(PATH), 403)


async def test_the_history_tells_versions_newest_first_page_by_page(root: AsyncClient) -> None:
    await put(root, *(f'{{"a":{number}}}' for number in range(5)))
    told: list[int] = []
    query: dict[str, str] | None = {"limit": "2"}
    while query is not None:
        answer = await root.get(f"{PATH}/history", params=query)
        _check("get", "/config/{service}/history", answer)
        assert "a" not in answer.json()["items"][0]
        page = answer.json()
        told += [one["version"] for one in page["items"]]
        assert ("link" in answer.headers) == (page["next_cursor"] is not None)
        query = {"limit": "2", "cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert told == [5, 4, 3, 2, 1]


async def test_a_cursor_is_of_one_services_history(root: AsyncClient, kept: FakeConfigurations) -> None:
    await put(root, "{}", '{"a":1}')
    kept.stored["users"] = [a_configuration("users")]
    cursor = (await root.get(f"{PATH}/history?limit=1")).json()["next_cursor"]
    for query in (f"cursor={cursor}", "cursor=x", "limit=0", "limit=101", "version=1"):
        check_problem(await root.get(f"/config/users/history?{query}"), 422)


async def test_an_old_version_is_read_and_put_once_more(root: AsyncClient) -> None:
    await put(root, '{"a": 1}', '{"a": 2}')
    old = await root.get(f"{PATH}/history/1")
    assert (old.content, old.headers["etag"]) == (b'{"a": 1}', '"1"')
    again = await root.put(PATH, content=old.content, headers=after('"2"'))
    assert again.json()["version"] == 3
    assert (await root.get(PATH)).content == b'{"a": 1}'


@pytest.mark.parametrize("version", ["0", "3", "-1", "1.0", "x", "01", "9" * 30])
async def test_a_version_that_was_never_made_is_not_found(root: AsyncClient, version: str) -> None:
    await put(root, "{}", '{"a":1}')
    check_problem(await root.get(f"{PATH}/history/{version}"), 404)


async def test_who_waits_is_answered_when_the_next_version_is_there(
    root: AsyncClient, service: AsyncClient, kept: FakeConfigurations
) -> None:
    await put(root, "{}")
    asked = asyncio.create_task(service.get(PATH, headers={"If-None-Match": '"1"', "Prefer": "wait=25"}))
    async with asyncio.timeout(5):
        await kept.waiting.wait()
        await root.put(PATH, content='{"a":1}', headers=after('"1"'))
        answer = await asked
    assert (answer.status_code, answer.headers["etag"], answer.text) == (200, '"2"', '{"a":1}')
    assert answer.headers["preference-applied"] == "wait=25"


async def test_who_waits_for_the_first_version_gets_it(
    root: AsyncClient, service: AsyncClient, kept: FakeConfigurations
) -> None:
    asked = asyncio.create_task(service.get(PATH, headers={"Prefer": "wait=25"}))
    async with asyncio.timeout(5):
        await kept.waiting.wait()
        await put(root, "{}")
        assert (await asked).status_code == 200


async def test_who_has_an_old_version_waits_for_nothing(root: AsyncClient, service: AsyncClient) -> None:
    await put(root, "{}", '{"a":1}')
    for headers in ({"If-None-Match": '"1"'}, {}):
        async with asyncio.timeout(5):
            answer = await service.get(PATH, headers={**headers, "Prefer": "wait=25"})
        assert answer.status_code == 200


async def test_a_wait_ends_with_what_there_is(root: AsyncClient, service: AsyncClient) -> None:
    assert (await service.get(PATH, headers={"Prefer": "wait=0"})).status_code == 404
    await put(root, "{}")
    same = await service.get(PATH, headers={"If-None-Match": '"1"', "Prefer": "wait=0"})
    assert (same.status_code, same.headers["preference-applied"]) == (304, "wait=0")


async def test_a_store_that_is_away_is_a_503(root: AsyncClient, kept: FakeConfigurations) -> None:
    kept.down = True
    for answer in (await root.get(PATH), await root.put(PATH, content="{}", headers=FIRST)):
        check_problem(answer, 503)
        assert answer.headers["retry-after"] == "1"


async def test_a_query_is_refused(root: AsyncClient) -> None:
    for path in (PATH, f"{PATH}/events", f"{PATH}/history/1"):
        check_problem(await root.get(f"{path}?version=1"), 422)
    check_problem(await root.put(f"{PATH}?force=1", content="{}", headers=FIRST), 422)


async def test_who_is_shut_out_while_waiting_is_told_nothing(ports: ApiPorts) -> None:
    callers, kept = FakeCallers(svc=Caller("service:orders", Role.SERVICE)), FakeConfigurations()
    kept.stored["orders"] = [a_configuration()]
    app = app_of(replace(ports, callers=callers, configurations=kept))
    headers = {"Authorization": "Bearer svc", "If-None-Match": '"1"', "Prefer": "wait=25"}
    async with (
        asyncio.timeout(5),
        AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as client,  # type: ignore[arg-type]
    ):
        asked = asyncio.create_task(client.get("/config/orders", headers=headers))
        await kept.waiting.wait()
        callers.forget()
        await kept.add(a_configuration(number=2, text='{"news":1}'))
        answer = await asked
    assert (answer.status_code, "news" in answer.text) == (401, False)
