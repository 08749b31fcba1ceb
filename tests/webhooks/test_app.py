"""The receiver's case table: what each kind of delivery is answered with, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from httpx import AsyncClient
from litestar.types import HTTPRequestEvent
from structlog.testing import capture_logs

from domain.edge.bodies import LARGEST_BODY
from domain.errors import BadSignature, TooMany
from domain.webhooks import KEPT, QUEUED_WITHIN, EventState, NotForUs, Notice, NotPromised
from tests.fakes import FakeFailureLimit, FakeInbox, FakeWebhookReader
from tests.webhooks.conftest import GOOD, PATH, ClientFrom
from webhooks.ports import WebhookPorts
from webhooks.receiver import HOLD_SECONDS, LONG_BODY, MOST_HELD, Receiver


async def no_body() -> HTTPRequestEvent:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_a_valid_event_is_stored_with_what_a_worker_needs_and_then_accepted(
    client: AsyncClient, inbox: FakeInbox
) -> None:
    answer = await client.post(PATH, content=b"ref-1", headers=GOOD)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    (event,) = inbox.stored
    assert (event.vendor, event.webhook_id, event.reference) == ("acme", "evt_1", "ref-1")
    assert (event.body, event.body_hash) == (b"ref-1", sha256(b"ref-1").hexdigest())
    assert event.state is EventState.RECEIVED
    assert event.sweep_at == event.received_at + QUEUED_WITHIN
    assert event.expire_at - event.received_at == KEPT


async def test_a_repeated_event_is_a_200_and_changes_nothing(client: AsyncClient, inbox: FakeInbox) -> None:
    await client.post(PATH, content=b"ref-1", headers=GOOD)
    answer = await client.post(PATH, content=b"ref-1", headers=GOOD)
    assert (answer.status_code, answer.json()) == (200, {"status": "duplicate"})
    assert len(inbox.stored) == 1


async def test_another_body_under_a_known_id_is_a_200_counted_and_logged_without_the_body(
    client: AsyncClient, inbox: FakeInbox
) -> None:
    with capture_logs() as log:
        answers = [await client.post(PATH, content=body, headers=GOOD) for body in (b"ref-1", b"hush-2", b"hush-3")]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert answers[-1].json() == {"status": "duplicate"}
    assert [event.body for event in inbox.stored] == [b"ref-1"]
    told = [line for line in log if line["event"] == "webhook conflicting"]
    assert [(line["vendor"], line["webhook_id"], line["count"]) for line in told] == [
        ("acme", "evt_1", 1),
        ("acme", "evt_1", 2),
    ]
    assert "hush" not in str(log)


async def test_the_same_id_of_two_vendors_is_two_events(client: AsyncClient, inbox: FakeInbox) -> None:
    for vendor in ("acme", "globex"):
        assert (await client.post(f"/webhooks/{vendor}", content=b"r", headers=GOOD)).status_code == 202
    assert len(inbox.stored) == 2


async def test_what_nobody_signed_is_a_401_that_leaves_nothing(
    client: AsyncClient, inbox: FakeInbox, failures: FakeFailureLimit
) -> None:
    with capture_logs() as log:
        answer = await client.post(PATH, content=b"hush")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")
    assert answer.headers["www-authenticate"] == "Signature"
    assert not inbox.stored
    assert failures.failures == {("192.0.2.1", "acme"): 1}
    assert [(line["event"], line["client"], line["count"]) for line in log] == [("webhook refused", "192.0.2.1", 1)]
    assert "hush" not in str(log)


@pytest.mark.parametrize("fault", [BadSignature("too old"), ValueError("hush"), UnicodeDecodeError("x", b"", 0, 1, "")])
async def test_whatever_verification_does_with_a_strangers_bytes_is_a_401(
    client: AsyncClient, reader: FakeWebhookReader, failures: FakeFailureLimit, fault: Exception
) -> None:
    reader.verifies = fault
    with capture_logs() as log:
        answer = await client.post(PATH, content=b"r", headers=GOOD)
    assert answer.status_code == 401
    assert failures.failures.total() == 1
    assert "hush" not in answer.text + str(log)


async def test_headers_reach_the_reader_in_lower_case_and_whatever_bytes_they_hold(
    client: AsyncClient, reader: FakeWebhookReader
) -> None:
    headers = [(b"Signed", b"evt_1"), (b"Webhook-Signature", b"v1,\xff\xc3\xa9")]
    assert (await client.post(PATH, content=b"r", headers=headers)).status_code == 202
    assert reader.headers["webhook-signature"] == "v1,\xff\xc3\xa9"


@pytest.mark.parametrize("values", [[b"evt_1", b"forged"], [b"forged", b"evt_1"], [b"evt_1", b"evt_1"]])
async def test_a_header_that_was_sent_twice_counts_as_missing(
    client: AsyncClient, inbox: FakeInbox, values: list[bytes]
) -> None:
    answer = await client.post(PATH, content=b"r", headers=[(b"signed", value) for value in values])
    assert answer.status_code == 401
    assert not inbox.stored


async def test_after_too_many_failures_the_next_is_a_429_and_a_good_signature_still_passes(client: AsyncClient) -> None:
    with capture_logs() as log:
        answers = [await client.post(PATH, content=b"r") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert answers[-1].headers["retry-after"] == "7"
    assert answers[-1].json()["code"] == "too-many-requests"
    assert len(log) == 3  # a flood does not fill the log
    assert (await client.post(PATH, content=b"r", headers=GOOD)).status_code == 202


async def test_who_fails_too_often_waits_for_the_answer_and_nobody_else_does(client: AsyncClient) -> None:
    for _ in range(3):
        await client.post(PATH)
    forged = asyncio.create_task(client.post(PATH))
    await asyncio.sleep(0)
    assert (await client.post(PATH, headers=GOOD)).status_code == 202
    assert not forged.done()
    assert (await forged).status_code == 429


async def test_no_more_than_a_bound_wait_for_their_429(ports: WebhookPorts) -> None:
    receiver = Receiver(replace(ports, failures=FakeFailureLimit(tolerated=0)))
    receiver._held = MOST_HELD
    scope: dict[str, Any] = {"type": "http", "headers": [], "client": None}
    with pytest.raises(TooMany):
        async with asyncio.timeout(HOLD_SECONDS / 2):
            await receiver.receive("acme", scope, no_body)  # type: ignore[arg-type]


async def test_failures_count_for_one_address_at_one_vendor(client_from: ClientFrom) -> None:
    async with client_from("192.0.2.1") as one, client_from("192.0.2.2") as other:
        assert [(await one.post(PATH)).status_code for _ in range(4)][-1] == 429
        assert (await other.post(PATH)).status_code == 401
        assert (await one.post("/webhooks/globex")).status_code == 401


async def test_behind_a_trusted_proxy_failures_count_for_whom_it_names(
    client_from: ClientFrom, failures: FakeFailureLimit
) -> None:
    async with client_from("10.0.0.1", trusted_hops=1) as client:
        await client.post(PATH, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})
    assert failures.failures == {("198.51.100.7", "acme"): 1}


@pytest.mark.parametrize("said", [NotPromised("it is not JSON"), RecursionError()])
async def test_verified_but_not_as_promised_is_kept_for_a_person_and_accepted(
    client: AsyncClient, reader: FakeWebhookReader, inbox: FakeInbox, said: Exception
) -> None:
    reader.says = said
    with capture_logs() as log:
        answer = await client.post(PATH, content=b"hush", headers=GOOD)
    assert answer.status_code == 202
    (event,) = inbox.stored
    assert (event.state, event.body, event.sweep_at) == (EventState.QUARANTINED, b"hush", None)
    assert event.note == (str(said) or "reading it failed (RecursionError)")
    assert not inbox.queued
    (told,) = [line for line in log if line["event"] == "webhook quarantined"]
    assert (told["log_level"], told["vendor"], told["reason"]) == ("error", "acme", event.note)
    assert "hush" not in str(log)


async def test_an_event_that_is_for_nobody_here_is_kept_accepted_and_troubles_no_one(
    client: AsyncClient, reader: FakeWebhookReader, inbox: FakeInbox
) -> None:
    reader.says = NotForUs("a coupon was made")
    with capture_logs() as log:
        assert (await client.post(PATH, content=b"r", headers=GOOD)).status_code == 202
    (event,) = inbox.stored
    assert (event.state, event.note, event.sweep_at) == (EventState.IGNORED, "a coupon was made", None)
    assert (inbox.queued, log) == ([], [])


async def test_what_mongodb_cannot_hold_as_text_is_quarantined_too(
    client: AsyncClient, reader: FakeWebhookReader, inbox: FakeInbox
) -> None:
    reader.says = Notice("ref-\ud800", None, None)
    assert (await client.post(PATH, content=b"r", headers=GOOD)).status_code == 202
    assert inbox.stored[0].state is EventState.QUARANTINED


async def test_a_repeated_quarantined_event_raises_no_second_alarm(
    client: AsyncClient, reader: FakeWebhookReader
) -> None:
    reader.says = NotPromised("no status")
    with capture_logs() as log:
        answers = [await client.post(PATH, content=b"r", headers=GOOD) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 200]
    assert len(log) == 1


async def test_an_unknown_vendor_is_a_404_and_its_body_stays_unread(client: AsyncClient, inbox: FakeInbox) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"{}"

    answer = await client.post("/webhooks/nobody", content=body(), headers=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert answer.json()["trace_id"] == answer.headers["x-request-id"]
    assert (read, inbox.stored) == (0, [])


@pytest.mark.parametrize("vendor", ["acme", "nobody"])
async def test_a_body_that_announces_too_much_is_a_413_and_stays_unread(
    client: AsyncClient, reader: FakeWebhookReader, vendor: str
) -> None:
    answer = await client.post(f"/webhooks/{vendor}", content=b"x" * (LARGEST_BODY + 1), headers=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert not reader.headers


async def test_a_streamed_body_is_read_to_the_cap_and_no_further(
    client: AsyncClient, inbox: FakeInbox, failures: FakeFailureLimit
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    answer = await client.post(PATH, content=endless(), headers=GOOD)
    assert answer.status_code == 413
    assert sent <= LARGEST_BODY + 2 * 65_536
    assert (inbox.stored, failures.failures.total()) == ([], 0)


@pytest.mark.parametrize("size", [0, LONG_BODY, LONG_BODY + 1, LARGEST_BODY])
async def test_every_size_up_to_the_cap_is_taken(client: AsyncClient, inbox: FakeInbox, size: int) -> None:
    assert (await client.post(PATH, content=b"x" * size, headers=GOOD)).status_code == 202
    assert len(inbox.stored[0].body) == size


async def test_without_the_store_nothing_is_acknowledged(client: AsyncClient, inbox: FakeInbox) -> None:
    inbox.down = True
    answer = await client.post(PATH, content=b"r", headers=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    inbox.down = False
    assert (await client.post(PATH, content=b"r", headers=GOOD)).status_code == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
async def test_webhooks_are_posted(client: AsyncClient, method: str) -> None:
    answer = await client.request(method, PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "POST" in answer.headers["allow"]


async def test_health_is_the_apis(client: AsyncClient) -> None:
    assert (await client.get("/health")).json()["status"] == "up"
