"""The OpenAPI document: pinned, in step with the routes, and true of real answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from httpx import AsyncClient, Response

from api.openapi import build_document
from api.operations import OPERATIONS
from domain.callbacks import callback_of
from domain.edge.security import ALWAYS
from tests.api.everybody import Town
from tests.api.openapi import PINNED
from tests.api.people import People
from tests.api.samples import BODY, ended, failed, pending_job
from tests.fakes import FakeCallers, FakeJobs
from tests.fakes_commerce import a_product
from tests.fakes_payments import a_paid_payment
from tests.strategies import NOON

OF_THE_DOCUMENT_ITSELF = {("get", "/docs"), ("get", "/docs/static/{name}"), ("get", "/openapi.json")}


def test_the_document_is_the_one_that_is_checked_in() -> None:
    """`make openapi` rewrites it; the difference belongs in the review."""
    assert json.loads(Path(PINNED).read_text()) == json.loads(msgspec.json.encode(build_document()))


def test_every_route_is_described_and_nothing_else() -> None:
    served = {(method.lower(), path) for method, path in Town(FakeCallers()).routes}
    assert served - OF_THE_DOCUMENT_ITSELF == set(OPERATIONS)


def test_every_reference_leads_somewhere() -> None:
    document = build_document()
    for reference in _references(document):
        found: Any = document
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


async def test_answers_are_as_described(client: AsyncClient, stranger: AsyncClient, jobs: FakeJobs) -> None:
    done, bad = ended(pending_job()), failed(pending_job())
    await jobs.put(done)
    await jobs.put(bad)
    submitted = await client.post("/jobs", json=BODY)
    replayed = {"Idempotency-Key": "k"}
    shown = await client.get(f"/jobs/{done.id}")
    tag = {"If-None-Match": shown.headers["etag"], "Prefer": "wait=1"}
    _check("post", "/jobs", submitted)
    _check("post", "/jobs", await client.post("/jobs", json=BODY, headers=replayed))
    _check("post", "/jobs", await client.post("/jobs", json=BODY, headers={**replayed, "Prefer": "wait=0"}))
    _check("post", "/jobs", await client.post("/jobs", json={}))
    _check("post", "/jobs", await stranger.post("/jobs", json=BODY))
    _check("get", "/jobs", await client.get("/jobs?limit=1"))
    _check("get", "/jobs/{request_id}", shown)
    _check("get", "/jobs/{request_id}", await client.get(f"/jobs/{bad.id}?expand=attempts"))
    _check("get", "/jobs/{request_id}", await client.get(f"/jobs/{done.id}", headers=tag))
    _check("get", "/jobs/{request_id}", await client.get(submitted.headers["location"]))
    _check("get", "/jobs/{request_id}", await client.get("/jobs/unknown"))
    _check("get", "/health", await stranger.get("/health"))
    jobs.down = True
    _check("post", "/jobs", await client.post("/jobs", json=BODY))


async def test_what_changes_and_watches_jobs_answers_as_described(
    client: AsyncClient, client_of: Callable[[str | None], AsyncClient], jobs: FakeJobs
) -> None:
    done, bad = ended(pending_job()), failed(pending_job())
    for job in (done, bad):
        await jobs.put(job)
    keyed = {**BODY, "idempotency_key": "k"}
    _check("post", "/jobs/batch", await client.post("/jobs/batch", json={"jobs": [keyed, keyed, {}]}))
    _check("post", "/jobs/batch", await client.post("/jobs/batch", json={"jobs": []}))
    _check("get", "/jobs", await client.get(f"/jobs?ids={done.id}"))
    _check("get", "/jobs/{request_id}/events", await client.get(f"/jobs/{done.id}/events"))
    seen = {"Last-Event-ID": str(done.epoch)}
    _check("get", "/jobs/{request_id}/events", await client.get(f"/jobs/{done.id}/events", headers=seen))
    _check("post", "/jobs/{request_id}/retry", await client.post(f"/jobs/{bad.id}/retry"))
    _check("post", "/jobs/{request_id}/retry", await client.post(f"/jobs/{bad.id}/retry"))
    _check("post", "/jobs/{request_id}/cancel", await client.post(f"/jobs/{bad.id}/cancel"))
    _check("post", "/jobs/{request_id}/cancel", await client.post(f"/jobs/{bad.id}/cancel"))
    _check("delete", "/jobs/{request_id}", await client.delete(f"/jobs/{bad.id}"))
    _check("delete", "/jobs/{request_id}", await client.delete(f"/jobs/{bad.id}"))
    asked = {"vendor": "sync", "status": "failed", "dry_run": True}
    _check("post", "/jobs/replay", await client.post("/jobs/replay", json=asked))
    async with client_of("root") as admin:
        _check("post", "/jobs/replay", await admin.post("/jobs/replay", json=asked))


async def test_what_reads_and_changes_products_answers_as_described(
    client_of: Callable[[str | None], AsyncClient],
) -> None:
    sent, key = {"name": "Mug", "price": {"amount": 5, "currency": "USD"}}, {"Idempotency-Key": "k"}
    async with client_of("root") as admin, client_of(None) as visitor:
        made = [await admin.post("/products", json=sent, headers=key) for _ in range(2)]
        await admin.post("/products", json=sent)
        path, tag = made[0].headers["location"], {"If-None-Match": made[0].headers["etag"]}
        for answer in (*made, await admin.post("/products", json={}), await visitor.post("/products", json=sent)):
            _check("post", "/products", answer)
        page = await visitor.get("/products?limit=1")
        known = {"If-None-Match": page.headers["etag"]}
        for answer in (page, await visitor.get("/products?limit=1", headers=known), await visitor.get("/products?q=-")):
            _check("get", "/products", answer)
        for answer in (await visitor.get(path), await visitor.get(path, headers=tag), await visitor.get("/products/x")):
            _check("get", "/products/{product_id}", answer)
        for tags in ({"If-Match": '"9-9"'}, {}):
            answer = await admin.patch(path, json={"stock": 1}, headers=tags)
            _check("patch", "/products/{product_id}", answer)
        _check("delete", "/products/{product_id}", await admin.delete(path))
        _check("delete", "/products/{product_id}", await admin.delete("/products/x"))


async def test_what_places_and_moves_orders_answers_as_described() -> None:
    people, mug, path = People(), a_product(stock=3), "/orders/{order_id}"
    people.products.stored[mug.id] = mug
    wanted = {"items": [{"product_id": str(mug.id), "quantity": 2}]}
    async with people.client("alice") as alice, people.client("root") as root:
        placed = [await alice.post("/orders", json=wanted, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        for answer in (*placed, await alice.post("/orders", json=wanted), await alice.post("/orders", json={})):
            _check("post", "/orders", answer)
        one, tag = placed[0].headers["location"], {"If-Match": '"9"'}
        for answer in (await alice.get("/orders?limit=1"), await alice.get("/orders?limit=0")):
            _check("get", "/orders", answer)
        for answer in (await alice.get(one), await alice.get("/orders/x")):
            _check("get", path, answer)
        for headers, status in ((tag, "Shipped"), ({}, "Shipped"), ({}, "Cancelled"), ({}, "Paid")):
            _check("patch", path, await root.patch(one, json={"status": status}, headers=headers))
        for answer in (await alice.post(f"{one}/cancel"), await alice.post("/orders/x/cancel")):
            _check("post", f"{path}/cancel", answer)


async def test_what_takes_payments_and_gives_back_answers_as_described() -> None:
    people, path = People(), "/payments/{payment_id}"
    wanted, key = {"amount": 1000, "currency": "USD", "payment_method": "credit_card"}, {"Idempotency-Key": "k"}
    paid = a_paid_payment(client=people.alice.user.client)
    people.payments.stored[paid.id] = paid
    async with people.client("alice") as alice, people.client("root") as root:
        made = [await alice.post("/payments", json=wanted, headers=key) for _ in range(2)]
        for answer in (*made, await alice.post("/payments", json={})):
            _check("post", "/payments", answer)
        one, tag = made[0].headers["location"], {"If-None-Match": made[0].headers["etag"]}
        for suffix in ("", "/status"):
            for answer in (await alice.get(f"{one}{suffix}"), await alice.get(f"{one}{suffix}", headers=tag)):
                _check("get", f"{path}{suffix}", answer)
        for method in ("pm_1", "pm_2", ""):
            answer = await alice.post(f"{one}/process", json={"payment_method_id": method})
            _check("post", f"{path}/process", answer)
            named = {"payment_id": made[0].json()["id"], "payment_method_id": method}
            _check("post", "/payments/process", await alice.post("/payments/process", json=named))
        for headers, amount in ((key, 300), (key, 300), ({"Idempotency-Key": "other"}, 701), ({}, 1)):
            answer = await root.post(f"/payments/{paid.id}/refund", json={"amount": amount}, headers=headers)
            _check("post", f"{path}/refund", answer)
        for answer in (await alice.get("/transactions"), await alice.get("/transactions?limit=0")):
            _check("get", "/transactions", answer)
        for route in ("customers", "checkout"):
            _check("post", f"/payments/{route}", await alice.post(f"/payments/{route}", json={}))


def test_a_submission_describes_the_callback_that_it_asks_for() -> None:
    callbacks = build_document()["paths"]["/jobs"]["post"]["callbacks"]
    (told,) = callbacks["ended"].values()
    schema = told["post"]["requestBody"]["content"]["application/json"]["schema"]
    event = msgspec.json.decode(
        callback_of(pending_job(callback_url="https://a.example/"), public_base="", now=NOON).payload
    )
    assert set(event["body"]) == set(schema["required"])
    assert set(event["body"]["data"]) == set(schema["properties"]["data"]["required"])


def _check(method: str, path: str, answer: Response) -> None:
    """The answer's status, type, headers and members are among the described."""
    document = build_document()
    described = _follow(document, document["paths"][path][method]["responses"][str(answer.status_code)])
    of_every_answer = {"content-type", "content-length", *ALWAYS}
    assert set(answer.headers) - of_every_answer <= {name.lower() for name in described["headers"]}
    for kind, content in described.get("content", {}).items():
        assert answer.headers["content-type"] == kind
        if kind.endswith("json"):
            _check_members(document, _follow(document, content["schema"]), answer.json())


def _check_members(document: dict[str, Any], schema: dict[str, Any], shown: dict[str, Any]) -> None:
    assert set(schema["required"]) <= set(shown) <= set(schema["properties"])


def _follow(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    found: Any = part
    if "$ref" in part:
        found = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return dict(found)


def _references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [reference for item in part for reference in _references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [reference for item in part.values() for reference in _references(item)]
