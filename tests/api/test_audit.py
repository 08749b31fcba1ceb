"""`GET /audit`, and what admins do that is on record before it is done."""

from dataclasses import replace

import pytest
from httpx import AsyncClient

from domain.accounts.audit import Act, Entry
from domain.request_ids import new_request_id
from tests.api.people import People
from tests.api.samples import failed, pending_job


async def test_an_act_is_told_with_who_did_it_whence_and_when(people: People, root: AsyncClient) -> None:
    await root.post("/vendors/sync/pause", headers={"X-Request-ID": "trace-1"})
    (shown,) = (await root.get("/audit")).json()["items"]
    assert shown == {
        "id": str(people.audit.entries[0].id),
        "at": people.now.isoformat().replace("+00:00", "Z"),
        "act": "vendor.paused",
        "actor": people.root.user.client,
        "subject": "vendor:sync",
        "address": "127.0.0.1",
        "trace_id": "trace-1",
        "detail": {},
    }


async def test_pages_follow_each_other_without_gap_or_repeat(people: People, root: AsyncClient) -> None:
    _enter(people, *(["user:1"] * 5))
    told: list[str] = []
    query: dict[str, str] | None = {"limit": "2", "actor": "user:1"}
    while query is not None:
        page = (await root.get("/audit", params=query)).json()
        told += [entry["id"] for entry in page["items"]]
        query = {**query, "cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert told == [str(entry.id) for entry in reversed(people.audit.entries)]


async def test_filters_narrow_the_list(people: People, root: AsyncClient) -> None:
    one, two, three = _enter(people, "user:1", "user:2", "user:1")
    people.audit.entries[2] = three = replace(three, act=Act.LOCKED, subject="user:2")

    async def listed(query: str) -> list[str]:
        return [entry["id"] for entry in (await root.get(f"/audit?{query}")).json()["items"]]

    assert await listed("actor=user:2") == [str(two.id)]
    assert await listed("subject=user:2") == [str(three.id), str(two.id)]
    assert await listed("act=user.locked") == [str(three.id)]
    assert await listed("actor=user:1&act=user.changed") == [str(one.id)]
    assert await listed("actor=nobody") == []


@pytest.mark.parametrize(
    "query",
    ["act=x", "act=LOCKED", "act[$ne]=x", "actor[$ne]=x", "subject[$regex]=.*", "$where=1", "limit=0", "cursor=x",
     "cursor=%7B%22$gt%22:%22%22%7D", "actor=a&actor=b", "at=now"],
)  # fmt: skip
async def test_it_is_asked_strictly(root: AsyncClient, query: str) -> None:
    answer = await root.get(f"/audit?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/query/")


async def test_text_that_looks_like_an_operator_is_only_text(people: People, root: AsyncClient) -> None:
    _enter(people, "user:1")
    for text in ('{"$ne": null}', "$ne", ".*", "\x00", "' or 1=1"):
        assert (await root.get("/audit", params={"actor": text})).json()["items"] == []


async def test_a_cursor_is_good_for_its_own_filters_only(people: People, root: AsyncClient) -> None:
    _enter(people, "user:1", "user:1")
    cursor = (await root.get("/audit?limit=1&actor=user:1")).json()["next_cursor"]
    assert (await root.get("/audit", params={"actor": "user:1", "cursor": cursor})).status_code == 200
    for other in ({}, {"actor": "user:2"}, {"subject": "user:1"}, {"actor": "user:1", "act": "user.locked"}):
        assert (await root.get("/audit", params={**other, "cursor": cursor})).status_code == 422


@pytest.mark.parametrize(("switch", "act"), [("pause", Act.VENDOR_PAUSED), ("resume", Act.VENDOR_RESUMED)])
async def test_a_vendor_is_switched_on_record_or_not_at_all(
    people: People, root: AsyncClient, switch: str, act: Act
) -> None:
    assert (await root.post(f"/vendors/sync/{switch}")).status_code == 200
    assert (people.audit.acts, len(people.vendor_states.switched)) == ([act], 1)
    people.audit.down = True
    assert (await root.post(f"/vendors/sync/{switch}")).status_code == 503
    assert len(people.vendor_states.switched) == 1


async def test_a_switch_of_nothing_is_not_recorded(people: People, root: AsyncClient) -> None:
    assert (await root.post("/vendors/unknown/pause")).status_code == 404
    assert people.audit.entries == []


@pytest.mark.parametrize(
    ("method", "tail", "act"),
    [("POST", "/cancel", Act.JOB_CANCELLED), ("POST", "/retry", Act.JOB_RETRIED), ("DELETE", "", Act.JOB_DELETED)],
)
async def test_what_an_admin_does_to_anothers_job_is_on_record_or_not_done(
    people: People, root: AsyncClient, method: str, tail: str, act: Act
) -> None:
    job = (
        pending_job(client=people.bob.user.client)
        if act is Act.JOB_CANCELLED
        else failed(pending_job(client=people.bob.user.client))
    )
    await people.jobs.put(job)
    people.audit.down = True
    assert (await root.request(method, f"/jobs/{job.id}{tail}")).status_code == 503
    assert people.jobs.stored[job.id] == job
    people.audit.down = False
    assert (await root.request(method, f"/jobs/{job.id}{tail}")).is_success
    (entry,) = people.audit.entries
    assert (entry.act, entry.actor, entry.subject) == (act, people.root.user.client, f"job:{job.id}")
    assert entry.detail == {"client": people.bob.user.client}


async def test_what_everybody_does_to_their_own_jobs_is_no_act_of_an_admin(
    people: People, alice: AsyncClient, root: AsyncClient
) -> None:
    for client, one in ((alice, people.alice), (root, people.root)):
        job = pending_job(client=one.user.client)
        await people.jobs.put(job)
        assert (await client.post(f"/jobs/{job.id}/cancel")).status_code == 202
    assert (await root.post(f"/jobs/{new_request_id()}/cancel")).status_code == 404
    assert people.audit.entries == []


async def test_a_replay_is_recorded_with_what_was_asked_for(people: People, root: AsyncClient) -> None:
    await people.jobs.put(failed(pending_job()))
    wanted = {"vendor": "sync", "status": "failed", "error_code": "rejected", "from": "2020-01-01T00:00:00Z"}
    await root.post("/jobs/replay", json={**wanted, "dry_run": True})
    assert people.audit.entries == []
    assert (await root.post("/jobs/replay", json={**wanted, "dry_run": False})).status_code == 200
    (entry,) = people.audit.entries
    assert (entry.act, entry.subject) == (Act.JOBS_REPLAYED, "vendor:sync")
    assert entry.detail == {"status": "failed", "error_code": "rejected", "from": "2020-01-01T00:00:00+00:00"}


def _enter(people: People, *actors: str) -> list[Entry]:
    entries = [Entry(new_request_id(), people.now, Act.PROFILE_CHANGED, actor, actor) for actor in actors]
    people.audit.entries += entries
    return entries
