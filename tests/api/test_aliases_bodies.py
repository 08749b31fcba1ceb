"""How earlier clients spell a body, and that they are told of its faults by the names that they gave."""

from typing import Any

import msgspec
import pytest
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st

from api.alias_bodies import translate
from api.alias_rows import Spelling
from api.aliases import ALIASES
from tests.api.aliases_sent import IN_PARTS, LOGIN, REFRESH, SENT, V1, OldClient, Sent
from tests.auth_world import OTHER_PASSWORD, PASSWORD

CHANGE = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD, "confirmPassword": OTHER_PASSWORD}
CHANGE_PATH, REGISTER_PATH, RESET_PATH = f"{V1}/change-password", f"{V1}/register", f"{V1}/reset-password/{{token}}"
OPERATORS: list[Any] = [{"$gt": ""}, {"$ne": None}, ["x"], 0, True, None]
OURS = {"/name", "/old_password", "/new_password", "/refresh_token"}
WITH_BODIES = tuple(sent for sent in SENT if sent.body)


def pointers(answer: Response) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return [fault["pointer"] for fault in answer.json()["errors"]]


def state(jane: OldClient) -> tuple[Any, ...]:
    return dict(jane.world.users.stored), dict(jane.world.sessions.stored), list(jane.world.post.mails)


@pytest.mark.parametrize("sent", WITH_BODIES, ids=str)
async def test_an_operator_where_text_belongs_is_a_422_that_names_the_field_as_it_was_sent(
    jane: OldClient, sent: Sent
) -> None:
    before = state(jane)
    for field in sent.body or ():
        for operator in OPERATORS:
            answer = await jane.send(sent.method, sent.old, {**(sent.body or {}), field: operator})
            assert answer.status_code == 422, (field, operator)
            assert f"/{field}" in pointers(answer), (field, operator)
            assert not set(pointers(answer)) & (OURS - {f"/{name}" for name in sent.body or ()})
    assert state(jane) == before


@pytest.mark.parametrize("sent", WITH_BODIES, ids=str)
async def test_nothing_is_assigned_that_is_not_asked_for(jane: OldClient, sent: Sent) -> None:
    before = state(jane)
    more: list[dict[str, Any]] = [{"role": "admin"}, {"isAdmin": True}, {"$where": "x"}, {"confirmed_at": "2026"}]
    for also in more:
        answer = await jane.send(sent.method, sent.old, {**(sent.body or {}), **also})
        assert (answer.status_code, pointers(answer)) == (422, [f"/{name}" for name in also])
    assert state(jane) == before


@pytest.mark.parametrize("sent", WITH_BODIES, ids=str)
async def test_what_is_no_json_object_is_refused_as_ours_refuses_it(jane: OldClient, sent: Sent) -> None:
    path, json = jane.path(sent.old), "application/json"
    for content, kind, status in (
        (b"{", json, 400),
        (b'{"email": "\xff"}', json, 400),
        (b"[]", json, 422),
        (b'"text"', json, 422),
        (b"null", json, 422),
        (b'{"password": "a", "password": "b"}', json, 422),
        (b"{}", "text/plain", 415),
        (b"email=jane%40example.com", "application/x-www-form-urlencoded", 415),
    ):
        answer = await jane.send(sent.method, path, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status, content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHANGE_PATH, {**CHANGE, "confirmPassword": "something else"}),
        (CHANGE_PATH, {**CHANGE, "confirmPassword": PASSWORD}),
        (RESET_PATH, {"password": OTHER_PASSWORD, "confirmPassword": ""}),
    ],
    ids=["another", "the old one", "empty"],
)
async def test_a_confirmation_that_says_something_else_is_a_422(
    jane: OldClient, path: str, body: dict[str, str]
) -> None:
    before = state(jane)
    answer = await jane.send("PUT", path, body)
    assert (answer.status_code, pointers(answer)) == (422, ["/confirmPassword"])
    named = "newPassword" if "newPassword" in body else "password"
    assert answer.json()["detail"] == f"/confirmPassword must be the same as {named}"
    assert answer.json()["message"] == answer.json()["detail"]
    assert state(jane) == before


async def test_a_confirmation_may_be_escaped_in_another_way(jane: OldClient) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in OTHER_PASSWORD)
    content = f'{{"password": "{OTHER_PASSWORD}", "confirmPassword": "{escaped}"}}'.encode()
    headers = {"Content-Type": "application/json"}
    assert (await jane.send("PUT", jane.path(RESET_PATH), content=content, headers=headers)).status_code == 200


async def test_all_faults_are_told_at_once_and_by_their_names(jane: OldClient) -> None:
    body = {**IN_PARTS, "firstName": "\x00", "email": "jane", "password": "short", "isAdmin": True}
    answer = await jane.send("POST", REGISTER_PATH, body)
    assert answer.status_code == 422
    assert set(pointers(answer)) == {"/firstName", "/email", "/password", "/confirmPassword", "/isAdmin"}


async def test_what_is_missing_is_asked_for_by_the_name_that_those_clients_use(jane: OldClient) -> None:
    answer = await jane.send("PUT", CHANGE_PATH, {})
    assert pointers(answer) == ["/currentPassword", "/newPassword"]
    assert answer.json()["detail"] == (
        "/currentPassword is missing; it is required; /newPassword is missing; it is required"
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"currentPassword": PASSWORD, "oldPassword": PASSWORD, "newPassword": OTHER_PASSWORD}, "/oldPassword"),
        ({"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}, "/new_password"),
    ],
)
async def test_one_field_under_two_names_is_a_422(jane: OldClient, body: dict[str, str], pointer: str) -> None:
    answer = await jane.send("PUT", CHANGE_PATH, body)
    assert (answer.status_code, pointers(answer)) == (422, [pointer])


async def test_a_name_beside_its_parts_is_a_422(jane: OldClient) -> None:
    answer = await jane.send("POST", REGISTER_PATH, {**IN_PARTS, "name": "New One"})
    assert (answer.status_code, pointers(answer)) == (422, ["/name"])


async def test_a_wrong_old_password_is_told_by_the_name_that_was_sent(jane: OldClient) -> None:
    answer = await jane.send("PUT", CHANGE_PATH, {**CHANGE, "currentPassword": "wrong"})
    assert (answer.status_code, answer.json()["code"], pointers(answer)) == (
        403,
        "wrong-password",
        ["/currentPassword"],
    )
    assert answer.json()["detail"].startswith("/currentPassword ")


async def test_our_own_names_are_taken_too(jane: OldClient) -> None:
    body = {"old_password": PASSWORD, "new_password": "short"}
    assert pointers(await jane.send("PUT", CHANGE_PATH, body)) == ["/new_password"]
    assert (await jane.send("POST", "/api/auth/refresh", {"refresh_token": REFRESH})).status_code == 200


async def test_an_unknown_query_is_a_422(jane: OldClient) -> None:
    answer = await jane.send("POST", "/api/login?redirect=https://evil.example", LOGIN)
    assert (answer.status_code, pointers(answer)) == (422, ["/query/redirect"])


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"firstName": "New", "lastName": "One"}, {"name": "New One"}),
        ({"lastName": "One"}, {"name": "One"}),
        ({"firstName": "New", "lastName": ""}, {"name": "New"}),
        ({"firstName": "", "lastName": ""}, {"name": ""}),
        ({"firstName": "New", "lastName": 1}, {"name": 1}),
        ({"password": "p", "confirmPassword": "p"}, {"password": "p"}),
        ({"password": "p", "confirmPassword": "q"}, {"password": "p", "confirmPassword": "q"}),
        ({"confirmPassword": None}, {"confirmPassword": None}),
        ({"refreshToken": "r"}, {"refreshToken": "r"}),
        ({}, {}),
    ],
    ids=str,
)
def test_a_registration_is_spelled_anew(sent: dict[str, Any], told: dict[str, Any]) -> None:
    spelling = next(row.body for row in ALIASES if row.old == REGISTER_PATH)
    assert msgspec.json.decode(translate(msgspec.json.encode(sent), spelling).body) == told


@given(st.binary(max_size=200))
def test_no_body_makes_the_translation_fail(body: bytes) -> None:
    for row in ALIASES:
        assert translate(body, row.body).faults == {}


names = st.sampled_from(["a", "b", "c", "A", "one", "two", "again", "d"])
values = st.one_of(st.text(max_size=3), st.integers(), st.none(), st.dictionaries(st.text(max_size=2), st.integers()))


@given(st.dictionaries(names, values))
def test_whatever_is_no_spelling_of_ours_is_handed_on_as_it_came(sent: dict[str, Any]) -> None:
    spelling = Spelling(names={"A": "a"}, parts={"one": "whole", "two": "whole"}, repeated={"again": "a"})
    translated = translate(msgspec.json.encode(sent), spelling)
    others = {name: value for name, value in sent.items() if name in {"b", "c", "d"}}
    text = translated.body.decode()
    told = msgspec.json.decode(text)
    assert {name: told[name] for name in others} == others
    assert set(told) <= {*others, "a", "whole", "again"}
    assert ("again" in told) is ("again" in translated.faults)
