"""`/api-keys`: shown once, never more than its maker may give, and found by nobody else."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from domain.accounts.api_keys import ApiKey, Scope
from domain.accounts.audit import Act
from domain.accounts.key_format import read_key
from domain.accounts.making_keys import MOST_KEYS, MOST_RUN_OUT
from domain.callers import Role
from domain.request_ids import new_request_id
from tests.api.people import People


async def test_a_key_is_shown_once_and_kept_as_a_digest(people: People, alice: AsyncClient) -> None:
    made = await alice.post("/api-keys", json={"name": "nightly report"})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    text = made.json()["key"]
    key = people.keys.stored[UUID(made.json()["id"])]
    assert read_key(text) == (key.id, key.digest)
    assert key.digest == sha256(text.encode()).hexdigest()
    listed = await alice.get("/api-keys")
    assert str(key.id) in listed.text
    for secret in (text, text.split("_", 2)[2], key.digest):
        assert secret not in listed.text
        assert secret not in repr(people.audit.entries)
    assert "digest" not in made.text


async def test_a_persons_key_is_for_what_is_theirs(people: People, alice: AsyncClient) -> None:
    wish = {"name": "x", "scopes": ["jobs:read", "jobs:read"], "expires_at": "2098-01-31T10:00:00+01:00"}
    made = (await alice.post("/api-keys", json=wish)).json()
    key, person = people.keys.stored[UUID(made["id"])], people.alice.user
    assert (key.client, key.created_by, key.user, key.role) == (person.client, person.client, person.id, Role.USER)
    assert (made["scopes"], made["expires_at"]) == (["jobs:read"], "2098-01-31T09:00:00Z")
    (entry,) = people.audit.entries
    assert (entry.act, entry.actor, entry.subject) == (Act.KEY_MADE, person.client, f"key:{key.id}")


@pytest.mark.parametrize("role", ["service", "admin"])
async def test_a_user_cannot_make_a_key_of_more_than_a_user(people: People, alice: AsyncClient, role: str) -> None:
    answer = await alice.post("/api-keys", json={"name": "x", "role": role})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert len(people.keys.stored) == 3
    assert people.audit.entries == []


async def test_a_user_cannot_give_a_key_a_rate(people: People, alice: AsyncClient) -> None:
    assert (await alice.post("/api-keys", json={"name": "x", "rate": "10/second"})).status_code == 403
    assert len(people.keys.stored) == 3


@pytest.mark.parametrize("token", ["alice-key", "root-key", "service"])
async def test_a_key_makes_and_revokes_no_keys(people: People, token: str) -> None:
    async with people.client(token) as machine:
        answers = [
            await machine.post("/api-keys", json={"name": "x"}),
            await machine.get("/api-keys"),
            await machine.delete(f"/api-keys/{people.alice.key.id}"),
        ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert len(people.keys.stored) == 3


async def test_a_service_has_a_client_of_its_own_which_its_next_key_shares(people: People, root: AsyncClient) -> None:
    made = [
        (await root.post("/api-keys", json={"name": "billing", "role": "service", "rate": "10/second"})).json()
        for _ in range(2)
    ]
    assert [key["client"] for key in made] == ["service:billing", "service:billing"]
    key = people.keys.stored[UUID(made[0]["id"])]
    assert (key.role, key.rate, key.user, key.created_by) == (Role.SERVICE, "10/second", None, people.root.user.client)


@pytest.mark.parametrize("name", ["Billing", "a b", "user:1", "-x", "é", "x" * 64])
async def test_a_service_is_named_so_that_its_client_can_be(people: People, root: AsyncClient, name: str) -> None:
    answer = await root.post("/api-keys", json={"name": name, "role": "service"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")
    assert len(people.keys.stored) == 3


@pytest.mark.parametrize(
    "name", ["gateway", "admin", "anonymous", "operator", "bootstrap", "gate-way", "gatevvay", "adm1n"]
)
async def test_no_service_is_named_like_the_gateway_itself(people: People, root: AsyncClient, name: str) -> None:
    answer = await root.post("/api-keys", json={"name": name, "role": "service"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")
    assert len(people.keys.stored) == 3


@pytest.mark.parametrize("name", ["gateway", "Gate Way", "g\u0430teway", "Admin", "ａｄｍｉｎ"])
async def test_no_persons_key_is_either(people: People, alice: AsyncClient, name: str) -> None:
    answer = await alice.post("/api-keys", json={"name": name})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")
    assert len(people.keys.stored) == 3


async def test_an_admins_key_that_the_operator_makes_is_not_the_operator(people: People) -> None:
    async with people.client("operator") as operator:
        made = (await operator.post("/api-keys", json={"name": "ops", "role": "admin"})).json()
    assert (made["client"], made["created_by"]) == (f"key:{made['id']}", "admin")


async def test_an_admins_key_goes_with_the_admin(people: People, root: AsyncClient) -> None:
    made = (await root.post("/api-keys", json={"name": "ops", "role": "admin"})).json()
    assert people.keys.stored[UUID(made["id"])].user == people.root.user.id


async def test_the_operator_makes_keys_of_nobody_but_no_persons_key(people: People) -> None:
    async with people.client("operator") as operator:
        assert (await operator.post("/api-keys", json={"name": "x", "role": "service"})).status_code == 201
        answer = await operator.post("/api-keys", json={"name": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/role")


@pytest.mark.parametrize(
    ("sent", "pointers"),
    [
        ({}, {"/name"}),
        ({"name": {"$gt": ""}}, {"/name"}),
        ({"name": ""}, {"/name"}),
        ({"name": "a\nb"}, {"/name"}),
        ({"name": "x" * 101}, {"/name"}),
        ({"name": "x", "role": {"$ne": "user"}}, {"/role"}),
        ({"name": "x", "role": "root"}, {"/role"}),
        ({"name": "x", "role": None}, {"/role"}),
        ({"name": "x", "scopes": []}, {"/scopes"}),
        ({"name": "x", "scopes": "jobs:read"}, {"/scopes"}),
        ({"name": "x", "scopes": ["jobs:read", "*"]}, {"/scopes"}),
        ({"name": "x", "scopes": [{"$gt": ""}]}, {"/scopes"}),
        ({"name": "x", "rate": "fast"}, {"/rate"}),
        ({"name": "x", "rate": "10/second" * 100}, {"/rate"}),
        ({"name": "x", "rate": {"$gt": ""}}, {"/rate"}),
        ({"name": "x", "expires_at": "2098-01-31"}, {"/expires_at"}),
        ({"name": "x", "expires_at": "2098-01-31T09:00:00"}, {"/expires_at"}),
        ({"name": "x", "expires_at": "2001-01-31T09:00:00Z"}, {"/expires_at"}),
        ({"name": "x", "expires_at": "0001-01-01T00:00:00+14:00"}, {"/expires_at"}),
        ({"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"}, {"/expires_at"}),
        ({"name": "x", "expires_at": {"$date": 0}}, {"/expires_at"}),
        ({"name": 1, "role": 1, "scopes": 1, "rate": 1}, {"/name", "/role", "/scopes", "/rate"}),
        ({"name": "x", "client": "user:1"}, {"/client"}),
        ({"name": "x", "user": "1", "created_by": "admin"}, {"/user", "/created_by"}),
        ({"name": "x", "digest": "0", "id": "1", "key": "gwk_x"}, {"/digest", "/id", "/key"}),
    ],
)
async def test_a_wish_is_read_strictly(
    people: People, root: AsyncClient, sent: dict[str, Any], pointers: set[str]
) -> None:
    answer = await root.post("/api-keys", json=sent)
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers
    assert len(people.keys.stored) == 3


async def test_each_lists_their_own_and_an_admin_all(people: People, alice: AsyncClient, root: AsyncClient) -> None:
    mine = [key["id"] for key in (await alice.get("/api-keys")).json()["items"]]
    everybodys = [key["id"] for key in (await root.get("/api-keys")).json()["items"]]
    assert mine == [str(people.alice.key.id)]
    assert set(everybodys) == {str(key_id) for key_id in people.keys.stored}


async def test_a_key_is_revoked_once_and_listed_no_more(people: People, alice: AsyncClient) -> None:
    path = f"/api-keys/{people.alice.key.id}"
    assert [(await alice.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert people.keys.stored[people.alice.key.id].revoked_at == people.now
    assert (await alice.get("/api-keys")).json()["items"] == []
    assert people.audit.acts == [Act.KEY_REVOKED]


@pytest.mark.parametrize("shape", ["{id}", "gwk_x", "%7B%22$ne%22:null%7D", "{id}%00", "*"])
async def test_anothers_key_is_not_found(people: People, alice: AsyncClient, shape: str) -> None:
    path = f"/api-keys/{shape.replace('{id}', str(people.bob.key.id))}"
    assert (await alice.delete(path)).status_code == 404
    assert people.keys.stored[people.bob.key.id].revoked_at is None
    assert people.audit.entries == []


async def test_an_admin_revokes_anybodys(people: People, root: AsyncClient) -> None:
    assert (await root.delete(f"/api-keys/{people.bob.key.id}")).status_code == 204
    assert people.keys.stored[people.bob.key.id].revoked_at == people.now


async def test_a_person_has_so_many_keys_that_live_and_no_more(people: People, alice: AsyncClient) -> None:
    _fill(people, MOST_KEYS - 1)  # and the one that she has
    answer = await alice.post("/api-keys", json={"name": "one too many"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-keys")
    assert len(people.keys.stored) == MOST_KEYS + 2
    people.keys.stored[people.alice.key.id] = replace(people.alice.key, expires_at=people.now)
    assert (await alice.post("/api-keys", json={"name": "in place of one that ran out"})).status_code == 201


async def test_there_are_no_more_that_ran_out_than_a_list_can_show(people: People, alice: AsyncClient) -> None:
    """Or who got into an account could hide a key that lives behind those that do not."""
    people.alice = replace(people.alice, key=replace(people.alice.key, expires_at=people.now))
    _fill(people, MOST_KEYS + MOST_RUN_OUT - 1)
    answer = await alice.post("/api-keys", json={"name": "one too many"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-keys")
    assert len((await alice.get("/api-keys")).json()["items"]) == MOST_KEYS + MOST_RUN_OUT


async def test_of_two_who_come_at_once_none_gets_a_key_too_many(people: People, alice: AsyncClient) -> None:
    """The other one is stored while ours is."""
    _fill(people, MOST_KEYS - 2)
    add = people.keys.add

    async def add_another_too(key: ApiKey) -> None:
        await add(key)
        _fill(people, 1)

    people.keys.add = add_another_too  # type: ignore[method-assign]
    assert (await alice.post("/api-keys", json={"name": "one too many"})).status_code == 409
    assert len(await people.keys.list(people.alice.user.client)) == MOST_KEYS


async def test_no_key_is_made_or_revoked_unrecorded(people: People, alice: AsyncClient) -> None:
    people.audit.down = True
    assert (await alice.post("/api-keys", json={"name": "x"})).status_code == 503
    assert (await alice.delete(f"/api-keys/{people.alice.key.id}")).status_code == 503
    assert people.keys.stored[people.alice.key.id].revoked_at is None
    assert len(people.keys.stored) == 3


def test_every_scope_can_be_asked_for() -> None:
    assert {scope.value for scope in Scope} == {
        *("jobs:read", "jobs:write", "users:read", "vendors:read", "vendors:write"),
        *("orders:read", "orders:write", "notifications:write", "products:write"),
        *("payments:read", "payments:write", "refunds:write", "config:read", "config:write", "services:call"),
    }


def _fill(people: People, number: int) -> None:
    for _ in range(number):
        key = replace(people.alice.key, id=new_request_id(), created_at=people.now - timedelta(days=1))
        people.keys.stored[key.id] = key
