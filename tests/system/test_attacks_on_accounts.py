"""Attacks on accounts over HTTP: guessing names and passwords, operators, fields nobody may set, ids of others."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.system.besieged import NEW_PASSWORD, PASSWORD, RESET, Besieged, Json, Person, statuses

pytestmark = pytest.mark.system

METHODS = ("get", "put", "post", "patch", "delete")
UNKNOWN_ID = "01980000-0000-7000-8000-000000000000"
OPERATORS: list[Any] = [{"$gt": ""}, {"$ne": None}, [{"$gt": ""}]]
WISHES: Json = {
    "role": "admin",
    "scopes": ["vendors:write"],
    "rate": "1000/second",
    "client": "admin",
    "user": UNKNOWN_ID,
    "id": UNKNOWN_ID,
    "confirmed_at": "2026-01-01T00:00:00Z",
    "locked_at": None,
    "locked": False,
    "email_key": "x@example.com",
    "username_key": "x",
    "version": 7,
    "is_admin": True,
    "created_by": "admin",
    "__proto__": {"role": "admin"},
    "$set": {"role": "admin"},
}
IDS = ("user_id", "session_id", "key_id", "request_id", "order_id", "payment_id", "product_id", "image_id")
ADMINS_ALONE = {
    ("post", "/users/{user_id}/lock"),
    ("post", "/users/{user_id}/unlock"),
    ("patch", "/orders/{order_id}"),
    ("post", "/payments/{payment_id}/refund"),
    ("post", "/products"),
    ("patch", "/products/{product_id}"),
    ("delete", "/products/{product_id}"),
    ("delete", "/products/{product_id}/images/{image_id}"),
    ("post", "/notifications"),
}


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every method and path of accounts and the shop, and what the document says of it."""
    for path, told in document["paths"].items():
        for method in set(METHODS) & set(told):
            if told[method]["tags"][0] in {"auth", "users", "api keys", "audit", "orders", "products"}:
                yield method, path, told[method]


def bodies(document: Json) -> Iterator[tuple[str, str, Json, Json]]:
    """Method and path, the fields, and a body that would be taken, of every one that takes a body."""
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            examples = [example["value"] for example in content.get("examples", {}).values()]
            yield method, path, content["schema"].get("properties", {}), next(iter(examples), {})


def filled(path: str) -> str:
    return path.format_map({**dict.fromkeys(IDS, UNKNOWN_ID), "token": "A" * 64})


def by(fortress: Besieged, method: str, path: str) -> dict[str, str]:
    """The admin's, where nobody else gets as far as the fields."""
    return fortress.admin if (method, path) in ADMINS_ALONE else {}


def pointers(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 422, (str(answer.request.url), answer.text)
    return {fault["pointer"] for fault in answer.json()["errors"]}


async def test_stuffing_from_one_address_ends_after_twenty_tries_whatever_it_says_of_itself(
    fortress: Besieged,
) -> None:
    """Forty names at once, each by another claimed address; jobs are taken meanwhile, and the victim's turn comes."""
    ada = await fortress.person("ada")
    address = fortress.new_address()
    claimed = ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP")

    async def guess(number: int) -> httpx.Response:
        sent = dict.fromkeys(claimed, f"198.51.100.{number}") | {"Forwarded": f"for=198.51.100.{number}"}
        name = ada.email if number == 39 else f"victim-{number}@example.com"
        return await http.post("/auth/login", json={"email": name, "password": "Summer2026! again"}, headers=sent)

    async with fortress.client(address=address) as http, fortress.client(as_=ada) as honest:
        guessing = asyncio.gather(*map(guess, range(40)))
        taken = await honest.post("/jobs", json={"vendorType": "sync", "vendorPayload": None})
        answers = await guessing
        assert taken.status_code == 202
        assert statuses(answers) == [401] * 20 + [429] * 20
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 429)
        shown = {"email": ada.email, "password": ada.password}
        assert (await http.post("/auth/login", json=shown)).status_code == 429, "not even the right one"
        await fortress.sign_in(honest, ada)
    found = await fortress.recorded(lambda acts: len(of(address, acts)) >= 20, act="session.refused")
    assert sum(act["subject"] == f"user:{ada.id}" for act in of(address, found)) >= 1
    assert "Summer2026" not in json.dumps(found)


def of(address: str, acts: list[Json]) -> list[Json]:
    return [act for act in acts if act["address"] == address]


async def test_who_is_shut_out_by_the_failures_of_others_goes_on_and_gets_in_by_mail(fortress: Besieged) -> None:
    """The contract counts five by account over all addresses; a name that nobody has is told the same."""
    victim = await fortress.sign_up("besieged.one")
    for name in (victim.email, "nobody.here@example.com"):
        told = []
        for _ in range(6):
            async with fortress.client() as http:  # each from another address
                told.append((await http.post("/auth/login", json={"email": name, "password": "wrong"})).status_code)
        assert told == [401] * 5 + [429]
    async with fortress.client() as http:
        assert (await http.get("/users/me", headers=victim.bearer)).status_code == 200
        refreshed = await http.post("/auth/refresh-token", json={"refresh_token": victim.refresh})
        assert refreshed.status_code == 200, "an open session goes on"
        await http.put("/auth/forgot-password", json={"email": victim.email})
        token = await fortress.token_mailed(victim.email, RESET)
        assert (await http.put(f"/auth/reset-password/{token}", json={"password": NEW_PASSWORD})).status_code == 200
        await fortress.sign_in(http, replace(victim, password=NEW_PASSWORD))


async def test_no_answer_tells_who_has_an_account(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    asked: tuple[tuple[str, str, Json], ...] = (
        ("POST", "/auth/register", {"password": NEW_PASSWORD}),
        ("POST", "/auth/login", {"password": "wrong"}),
        ("PUT", "/auth/forgot-password", {}),
    )
    for method, path, body in asked:
        seen = []
        for email in (ada.email, "nobody.at.all@example.com"):
            async with fortress.client() as http:  # at an address that has asked nothing yet
                answer = await http.request(
                    method, path, json={**body, "email": email}, headers={"X-Request-ID": "same"}
                )
            shown = {name: text for name, text in answer.headers.items() if name not in {"date", "ratelimit"}}
            seen.append((answer.status_code, answer.content, shown))
        assert seen[0] == seen[1]


async def test_an_operator_in_any_field_of_any_account_route_is_refused_by_name(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    async with fortress.client(as_=ada) as http:
        before = (await http.get("/users/me")).json()
        for method, path, fields, usual in bodies(await fortress.document()):
            for field, operator in itertools.product(fields, OPERATORS):
                sent = {**usual, field: operator}
                answer = await http.request(method, filled(path), json=sent, headers=by(fortress, method, path))
                found = {pointer.split("/")[1] for pointer in pointers(answer)}
                assert field in found, (method, path, field)
        assert (await http.get("/users/me")).json() == before


async def test_an_operator_in_a_query_or_a_path_finds_nothing(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    document = await fortress.document()
    async with fortress.client(as_=ada) as theirs, fortress.client() as http:
        for method, path, operation in operations(document):
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    asked = f"{path}?{parameter['name']}[$ne]=x"
                    answer = await http.request(method, asked, json={}, headers=fortress.admin)
                    assert f"/query/{parameter['name']}[$ne]" in pointers(answer)
                elif parameter["in"] == "path":
                    names = dict.fromkeys((*IDS, "token", "code", "name"), '{"$gt":""}')
                    answer = await theirs.request(method, path.format_map(names), json={})
                    assert answer.status_code in {403, 404, 422}, (method, path)


async def test_no_route_lets_anybody_set_what_is_not_theirs(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    async with fortress.client(as_=ada) as http:
        before = (await http.get("/users/me")).json()
        for method, path, fields, usual in bodies(await fortress.document()):
            wanted = {name: wish for name, wish in WISHES.items() if name not in fields}
            answer = await http.request(method, filled(path), json={**usual, **wanted})
            if (method, path) in ADMINS_ALONE:
                assert answer.status_code == 403
            else:
                assert {f"/{name}" for name in wanted} <= pointers(answer), (method, path)
        for wish in ({"role": "admin"}, {"role": "service"}, {"rate": "1000/second"}):
            assert (await http.post("/api-keys", json={"name": "mine", **wish})).status_code == 403
        assert (await http.get("/users/me")).json() == before
        assert (await http.get("/users")).status_code == 403


async def test_others_things_are_not_there(fortress: Besieged) -> None:
    """Every route with an id, by who signed in and by their key, at somebody else's: as if there were none."""
    ada, bob = await fortress.person("ada"), await fortress.person("bob")
    async with fortress.client(as_=ada) as hers, fortress.client(as_=bob) as http:
        ids = await things_of(fortress, hers, ada)
        key = {"Authorization": f"Bearer {(await http.post('/api-keys', json={'name': 'thief'})).json()['key']}"}
        for method, path in with_ids(await fortress.document()):
            for sent in (bob.bearer, key):
                theirs, nobodys = [
                    await http.request(method, path.format_map(each), headers={**sent, "X-Request-ID": "same"})
                    for each in (ids, dict.fromkeys(ids, UNKNOWN_ID))
                ]
                keys_never = sent is key and ("session" in path or "key_id" in path)
                expected = 403 if (method, path) in ADMINS_ALONE or keys_never else 404
                assert theirs.status_code == nobodys.status_code == expected, (method, path)
                assert theirs.json()["detail"] == nobodys.json()["detail"]
        assert (await hers.get(f"/jobs/{ids['request_id']}")).json()["status"] == "pending"
        assert ids["key_id"] in [item["id"] for item in (await hers.get("/api-keys")).json()["items"]]
        assert ids["session_id"] in [item["id"] for item in (await hers.get("/users/me/sessions")).json()["items"]]


async def things_of(fortress: Besieged, http: httpx.AsyncClient, person: Person) -> dict[str, str]:
    mug = {"name": "Red mug", "price": {"amount": 1, "currency": "USD"}, "stock": 1}
    product = (await http.post("/products", json=mug, headers=fortress.admin)).json()["id"]
    items = [{"product_id": product, "quantity": 1}]
    paying = {"amount": 100, "currency": "USD", "payment_method": "credit_card"}
    run_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    later = {"vendorType": "sync", "vendorPayload": None, "run_at": run_at}
    return {
        "request_id": (await http.post("/jobs", json=later)).json()["request_id"],
        "key_id": (await http.post("/api-keys", json={"name": "hers"})).json()["id"],
        "session_id": (await http.get("/users/me/sessions")).json()["items"][0]["id"],
        "user_id": person.id,
        "payment_id": (await http.post("/payments", json=paying)).json()["id"],
        "order_id": (await http.post("/orders", json={"items": items})).json()["id"],
    }


def with_ids(document: Json) -> list[tuple[str, str]]:
    """Every method and path that names a thing of somebody's."""
    return [
        (method, path)
        for path, told in document["paths"].items()
        for method in set(METHODS) & set(told)
        if "_id}" in path and "{product_id}" not in path  # products are everybody's
    ]


@pytest.mark.parametrize(
    "email",
    [
        "аda@example.com",
        "ada@exаmple.com",
        "ａda@example.com",
        "ada@example.com\u200b",
        "ada@example.com\x00",
        "ada@example。com",
    ],
    ids=str.encode,
)
async def test_an_address_that_looks_like_anothers_is_none(fortress: Besieged, email: str) -> None:
    async with fortress.client() as http:
        for method, path in (("POST", "/auth/register"), ("POST", "/auth/login"), ("PUT", "/auth/forgot-password")):
            body = {"email": email} | ({} if "forgot" in path else {"password": PASSWORD})
            answer = await http.request(method, path, json=body)
            assert pointers(answer) == {"/email"}
            assert email not in answer.text


async def test_another_spelling_of_an_address_makes_no_second_account(fortress: Besieged) -> None:
    ada = await fortress.person("ada")
    async with fortress.client() as http:
        wanted = {"email": ada.email.upper(), "password": NEW_PASSWORD}
        assert (await http.post("/auth/register", json=wanted)).status_code == 201
        assert (await http.post("/auth/login", json=wanted)).status_code == 401


async def test_a_megabyte_for_a_password_is_refused_and_is_not_even_a_try(fortress: Besieged) -> None:
    """Were it hashed, it would count as a failure: then the right one was refused after twenty of these."""
    ada = await fortress.person("ada")
    async with fortress.client(as_=ada) as http:
        for method, path, fields, usual in bodies(await fortress.document()):
            for field in (name for name in fields if "password" in name):
                answer = await http.request(method, filled(path), json={**usual, field: "x" * 1_000_000})
                assert f"/{field}" in pointers(answer)
                assert len(answer.content) < 2_000
                longer = await http.request(method, filled(path), json={**usual, field: "x" * 1_100_000})
                assert longer.status_code == 413
        huge = {"email": ada.email, "password": "x" * 1_000_000}
        answers = await asyncio.gather(*(http.post("/auth/login", json=huge) for _ in range(20)))
        assert statuses(answers) == [422] * 20
        await fortress.sign_in(http, ada)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/login", b'{"email": "ada@example.com", "email": "bob@example.com", "password": "x"}'),
        ("POST", "/auth/login", b'{"email": "ada@example.com", "\\u0065mail": "bob@example.com", "password": "x"}'),
        ("PUT", "/auth/forgot-password", b'{"email": "ada@example.com", "email": "eve@example.com"}'),
        ("PATCH", "/users/me", b'{"name": "Ada", "name": {"$gt": ""}}'),
        ("POST", "/api-keys", b'{"name": "x", "role": "user", "role": "admin"}'),
    ],
    ids=["login", "escaped", "forgot", "profile", "key"],
)
async def test_a_name_that_is_given_twice_is_refused(fortress: Besieged, method: str, path: str, body: bytes) -> None:
    async with fortress.client(as_=await fortress.person("ada")) as http:
        answer = await http.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "given twice" in answer.json()["errors"][0]["detail"]


async def test_a_null_byte_ends_nothing_and_breaks_nothing(fortress: Besieged) -> None:
    async with fortress.client(as_=await fortress.person("ada")) as http:
        for method, path, fields, usual in bodies(await fortress.document()):
            for field in set(fields) & {"email", "username", "name"}:
                sent = {**usual, field: f"{usual.get(field)}\x00x"}
                answer = await http.request(method, filled(path), json=sent, headers=by(fortress, method, path))
                assert f"/{field}" in pointers(answer), (method, path)
        for path in ("/users/%00", "/users/me%00", "/auth/confirmation/%00", "/users/me/sessions/%00", "/api-keys/%00"):
            assert (await http.delete(path)).status_code in {404, 405}
        for name in ("actor", "subject", "act", "cursor"):
            answer = await http.get(f"/audit?{name}=%00", headers=fortress.admin)
            assert answer.status_code in {200, 400, 422}
            assert not answer.json().get("items")
