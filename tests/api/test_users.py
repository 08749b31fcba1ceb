"""`/users`: each sees and changes what is theirs, and nothing of an account that is not theirs to say."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

from domain.accounts.audit import Act
from domain.request_ids import new_request_id
from tests.api.people import People

# What no path may be read as: operators, other spellings of an id, other paths.
NO_IDS = ["1", "null", "%7B%22$ne%22:null%7D", "[$ne]", "*", "%00", "' or 1=1", "urn:uuid:{id}", "{{{id}}}", "{id}%20"]


async def test_a_person_is_shown_their_profile_and_no_secret_of_it(people: People, alice: AsyncClient) -> None:
    answer = await alice.get("/users/me")
    shown = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"0"')
    assert (shown["id"], shown["email"], shown["role"]) == (str(people.alice.user.id), "alice@example.com", "user")
    assert set(shown) == {
        *("id", "email", "pending_email", "pending_email_until", "username", "name", "role"),
        *("confirmed_at", "locked_at", "created_at", "updated_at", "version"),
    }
    assert "hash:" not in answer.text


async def test_a_key_of_a_persons_shows_the_same(people: People) -> None:
    async with people.client("alice-key") as machine:
        assert (await machine.get("/users/me")).json()["username"] == "alice"


async def test_name_and_username_are_changed_together_and_on_record(people: People, alice: AsyncClient) -> None:
    answer = await alice.patch("/users/me", json={"name": "Alice Å. 李", "username": "Alice.2"})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    stored = people.users.stored[people.alice.user.id]
    assert (stored.name, stored.username, stored.username_key, stored.version) == (
        "Alice Å. 李",
        "Alice.2",
        "alice.2",
        1,
    )
    (entry,) = people.audit.entries
    assert (entry.act, entry.actor, entry.detail) == (Act.PROFILE_CHANGED, stored.client, {"fields": "name, username"})


async def test_null_removes_and_what_is_left_out_stays(people: People, alice: AsyncClient) -> None:
    await alice.patch("/users/me", json={"name": "Alice"})
    answer = await alice.patch("/users/me", json={"username": None})
    assert (answer.json()["name"], answer.json()["username"]) == ("Alice", None)
    assert people.users.stored[people.alice.user.id].username_key is None


async def test_nothing_is_written_where_nothing_differs(people: People, alice: AsyncClient) -> None:
    answer = await alice.patch("/users/me", json={"username": "alice"})
    assert (answer.status_code, answer.json()["version"]) == (200, 0)
    assert people.users.stored[people.alice.user.id] == people.alice.user
    assert people.audit.entries == []


@pytest.mark.parametrize("tag", ['"1"', '"0", "1"', "*"])
async def test_if_match_lets_the_present_version_be_changed(alice: AsyncClient, tag: str) -> None:
    await alice.patch("/users/me", json={"name": "First"})
    answer = await alice.patch("/users/me", json={"name": "Second"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["name"]) == (200, "Second")


@pytest.mark.parametrize("tag", ['"0"', '"10"', 'W/"1"', "1", '"1', "x", ""])
async def test_if_match_keeps_from_overwriting_what_somebody_changed(alice: AsyncClient, tag: str) -> None:
    await alice.patch("/users/me", json={"name": "First"})
    answer = await alice.patch("/users/me", json={"name": "Second"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "outdated")
    assert (await alice.get("/users/me")).json()["name"] == "First"


@pytest.mark.parametrize(
    "sent",
    [
        {"role": "admin"},
        {"confirmed_at": "2026-01-01T00:00:00Z"},
        {"version": 7},
        {"password": "another password of mine"},
        {"email_key": "root@example.com"},
        {"username_key": "root"},
        {"id": "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"},
        {"_id": "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"},
        {"locked_at": None},
        {"locked_by": None},
        {"created_at": "2026-01-01T00:00:00Z"},
        {"updated_at": "2026-01-01T00:00:00Z"},
        {"$set": {"role": "admin"}},
        {"name.role": "admin"},
        {"__class__": "x"},
    ],
)
async def test_nothing_is_assigned_that_is_not_theirs_to_say(
    people: People, alice: AsyncClient, sent: dict[str, Any]
) -> None:
    answer = await alice.patch("/users/me", json={"name": "Mallory", **sent})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{next(iter(sent))}"]
    assert people.users.stored[people.alice.user.id] == people.alice.user


@pytest.mark.parametrize("field", ["name", "username"])
@pytest.mark.parametrize(
    "value", [{"$gt": ""}, {"$ne": None}, ["x"], 7, True, "", " ", "a\r\nBcc: x@example.com", "\u202eevil", "\x00"]
)
async def test_what_is_no_name_is_refused(people: People, alice: AsyncClient, field: str, value: object) -> None:
    answer = await alice.patch("/users/me", json={field: value})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{field}"]
    assert people.users.stored[people.alice.user.id] == people.alice.user


async def test_every_fault_is_told_at_once(alice: AsyncClient) -> None:
    sent = {"name": "", "username": {"$gt": ""}, "email": "x", "current_password": 1, "role": "admin"}
    answer = await alice.patch("/users/me", json=sent)
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {f"/{name}" for name in sent}


@pytest.mark.parametrize("username", ["bob", "BOB"])
async def test_a_username_belongs_to_one(people: People, alice: AsyncClient, username: str) -> None:
    answer = await alice.patch("/users/me", json={"username": username})
    assert (answer.status_code, answer.json()["code"]) == (409, "taken")
    assert people.users.stored[people.alice.user.id] == people.alice.user


async def test_another_user_is_not_found_just_as_nobody_is(people: People, alice: AsyncClient) -> None:
    other = await alice.get(f"/users/{people.bob.user.id}")
    nobody = await alice.get(f"/users/{new_request_id()}")
    assert (other.status_code, nobody.status_code) == (404, 404)
    vary = ("instance", "trace_id")
    assert {k: v for k, v in other.json().items() if k not in vary} == {
        k: v for k, v in nobody.json().items() if k not in vary
    }


async def test_oneself_is_found_by_id(people: People, alice: AsyncClient) -> None:
    assert (await alice.get(f"/users/{people.alice.user.id}")).json() == (await alice.get("/users/me")).json()


@pytest.mark.parametrize("token", ["service", "root", "operator"])
async def test_services_and_admins_find_anybody(people: People, token: str) -> None:
    async with people.client(token) as client:
        answer = await client.get(f"/users/{people.bob.user.id}")
        assert (answer.status_code, answer.json()["username"]) == (200, "bob")
        assert (await client.get(f"/users/{new_request_id()}")).status_code == 404


@pytest.mark.parametrize("shape", NO_IDS)
async def test_what_is_no_id_names_nobody(people: People, root: AsyncClient, shape: str) -> None:
    path = f"/users/{shape.replace('{id}', str(people.bob.user.id))}"
    assert (await root.get(path)).status_code == 404
    assert (await root.post(f"{path}/lock")).status_code == 404
    assert people.audit.entries == []


async def test_an_admin_lists_everybody_page_by_page(people: People, root: AsyncClient) -> None:
    first = (await root.get("/users?limit=2")).json()
    second = await root.get("/users", params={"limit": "2", "cursor": first["next_cursor"]})
    names = [user["username"] for user in [*first["items"], *second.json()["items"]]]
    assert names == ["root", "bob", "alice"]
    assert (second.json()["next_cursor"], "link" in second.headers) == (None, False)
    assert "hash:" not in json.dumps(first)


@pytest.mark.parametrize(
    "query",
    ["cursor=", "cursor=x", "cursor=%00", "cursor[$ne]=x", "cursor={%22$gt%22:%22%22}", "limit=0", "limit=101",
     "limit=1e1", "limit=-1", "limit[$gt]=1", "email=x", "limit=1&limit=2"],
)  # fmt: skip
async def test_a_list_is_asked_for_strictly(root: AsyncClient, query: str) -> None:
    answer = await root.get(f"/users?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/query/")


async def test_a_cursor_of_another_list_is_none_of_this(root: AsyncClient) -> None:
    await root.post("/vendors/sync/pause")
    await root.post("/vendors/sync/resume")
    cursor = (await root.get("/audit?limit=1")).json()["next_cursor"]
    assert cursor is not None
    assert (await root.get("/users", params={"cursor": cursor})).status_code == 422


async def test_a_locked_users_sessions_end(people: People, root: AsyncClient) -> None:
    people.session_of(people.bob)
    answer = await root.post(f"/users/{people.bob.user.id}/lock")
    assert (answer.status_code, answer.json()["locked_at"] is None) == (200, False)
    assert await people.sessions.list_live(people.bob.user.id, people.now) == []
    assert len(await people.sessions.list_live(people.alice.user.id, people.now)) == 1
    locked = people.users.stored[people.bob.user.id]
    assert (locked.locked_by, locked.may_sign_in) == (people.root.user.client, False)
    (entry,) = people.audit.entries
    assert (entry.act, entry.actor, entry.subject) == (Act.LOCKED, people.root.user.client, locked.client)


async def test_locking_twice_is_as_once_and_ends_what_began_in_between(people: People, root: AsyncClient) -> None:
    path = f"/users/{people.bob.user.id}/lock"
    first = (await root.post(path)).json()
    people.session_of(people.bob)
    assert (await root.post(path)).json() == first
    assert await people.sessions.list_live(people.bob.user.id, people.now) == []
    assert people.audit.acts == [Act.LOCKED]


async def test_an_unlocked_user_may_sign_in_again(people: People, root: AsyncClient) -> None:
    await root.post(f"/users/{people.bob.user.id}/lock")
    for _ in range(2):
        assert (await root.post(f"/users/{people.bob.user.id}/unlock")).json()["locked_at"] is None
    assert people.users.stored[people.bob.user.id].may_sign_in
    assert await people.sessions.list_live(people.bob.user.id, people.now) == []
    assert people.audit.acts == [Act.LOCKED, Act.UNLOCKED]


@pytest.mark.parametrize("token", ["root", "root-key"])
async def test_an_admin_cannot_lock_themselves(people: People, token: str) -> None:
    async with people.client(token) as admin:
        answer = await admin.post(f"/users/{people.root.user.id}/lock")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert people.users.stored[people.root.user.id].may_sign_in
    assert people.audit.entries == []


async def test_nobody_is_locked_unrecorded(people: People, root: AsyncClient) -> None:
    people.audit.down = True
    assert (await root.post(f"/users/{people.bob.user.id}/lock")).status_code == 503
    assert people.users.stored[people.bob.user.id].may_sign_in


async def test_a_lock_takes_neither_a_query_nor_a_body(people: People, root: AsyncClient) -> None:
    path = f"/users/{people.bob.user.id}/lock"
    assert (await root.post(f"{path}?until=x")).status_code == 422
    assert (await root.post(path, json={"until": "x"})).status_code == 422
    assert people.users.stored[people.bob.user.id].may_sign_in
