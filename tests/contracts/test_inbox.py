"""What every `WebhookInbox` promises, the fake and the real one; and what the real one does on its stores."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from domain.errors import Unavailable
from domain.infra.event_store import MongoEventStore
from domain.infra.inbox import LARGEST_BACKLOG, MongoInbox, open_inbox
from domain.infra.mongo import open_mongo, prepare_mongo
from domain.infra.queue import Queue
from domain.infra.redis import open_redis
from domain.ports import StoredEvent, WebhookInbox
from domain.request_ids import new_request_id
from domain.webhooks import EVENTS, KEPT, QUEUED_WITHIN, EventState, WebhookEvent
from tests.fakes import FakeInbox
from tests.stores import LEASE, Stores

LOOK_SECONDS = 10


def an_event(webhook_id: str = "evt_1", body: bytes = b"{}", **fields: Any) -> WebhookEvent:
    now = datetime.now(UTC).replace(microsecond=0)  # MongoDB keeps milliseconds
    return WebhookEvent(
        id=new_request_id(),
        webhook_id=webhook_id,
        body_hash=sha256(body).hexdigest(),
        body=body,
        received_at=now,
        updated_at=now,
        expire_at=now + KEPT,
        **{"vendor": "acme", "sweep_at": now + QUEUED_WITHIN, **fields},
    )


@pytest.fixture
def fake_inbox() -> FakeInbox:
    return FakeInbox()


@pytest.fixture
async def real_inbox(stores: Stores) -> AsyncIterator[MongoInbox]:
    async with open_inbox(stores.database, stores.queue) as inbox:
        yield inbox


@pytest.fixture(params=["fake_inbox", "real_inbox"])
def inbox(request: pytest.FixtureRequest) -> WebhookInbox:
    found: WebhookInbox = request.getfixturevalue(request.param)
    return found


async def test_twenty_of_one_id_at_once_are_one_event(inbox: WebhookInbox) -> None:
    answers = await asyncio.gather(*(inbox.take_in(an_event()) for _ in range(20)))
    assert sorted(answers) == [StoredEvent.DUPLICATE] * 19 + [StoredEvent.NEW]


async def test_another_body_under_a_known_id_is_conflicting(inbox: WebhookInbox) -> None:
    assert await inbox.take_in(an_event(body=b"one")) is StoredEvent.NEW
    assert await inbox.take_in(an_event(body=b"two")) is StoredEvent.CONFLICTING
    assert await inbox.take_in(an_event(body=b"one")) is StoredEvent.DUPLICATE


async def test_the_same_id_of_two_vendors_is_two_events(inbox: WebhookInbox) -> None:
    for vendor in ("acme", "globex"):
        assert await inbox.take_in(an_event(vendor=vendor)) is StoredEvent.NEW


async def test_in_one_batch_each_gets_its_own_answer(real_inbox: MongoInbox, stores: Stores) -> None:
    await real_inbox.take_in(an_event("old", b"one"))
    handed_in = [an_event("old", b"two"), an_event("new"), an_event("old", b"one"), an_event("old", vendor="globex")]
    answers = await asyncio.gather(*(real_inbox.take_in(event) for event in handed_in))
    assert answers == [StoredEvent.CONFLICTING, StoredEvent.NEW, StoredEvent.DUPLICATE, StoredEvent.NEW]
    assert await stores.database.webhook_events.count_documents({}) == 3


async def test_what_is_stored_is_read_back_equal_and_without_nulls(real_inbox: MongoInbox, stores: Stores) -> None:
    event = an_event("evt_\x00é", bytes(range(256)), reference="r", request_id=new_request_id())
    await real_inbox.take_in(event)
    assert (await MongoEventStore(stores.database).load([event.id]))[event.id] == event
    document = await stores.database.webhook_events.find_one({"_id": event.id})
    assert document is not None
    assert None not in document.values()


async def test_a_new_event_is_queued_and_a_quarantined_one_is_not(real_inbox: MongoInbox, stores: Stores) -> None:
    await real_inbox.take_in(an_event("a", state=EventState.QUARANTINED, sweep_at=None))
    event = an_event("b")
    await real_inbox.take_in(event)
    async with asyncio.timeout(LOOK_SECONDS):
        while not (leases := (await stores.queue.claim(EVENTS, 10, "token")).leases):
            await asyncio.sleep(0.01)
    assert [lease.request_id for lease in leases] == [str(event.id)]


async def test_closing_stores_what_was_handed_in(stores: Stores) -> None:
    async with open_inbox(stores.database, stores.queue) as inbox:
        handed_in = [asyncio.create_task(inbox.take_in(an_event(str(number)))) for number in range(50)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*handed_in) == [StoredEvent.NEW] * 50


async def test_a_hanging_redis_delays_no_answer(mongo_database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        async with open_mongo(mongo_database_url) as database, open_redis(url) as redis:
            await prepare_mongo(database)
            async with open_inbox(database, Queue(redis, lease=timedelta(seconds=5))) as inbox:
                async with asyncio.timeout(4):  # less than the 5 s after which Redis is given up
                    for number in range(20):
                        await inbox.take_in(an_event(str(number)))
                assert await database.webhook_events.count_documents({}) == 20


async def test_without_mongodb_nothing_is_said_to_be_stored(stores: Stores) -> None:
    """Slow: the client looks for a primary for 3 s before it gives up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with (
        open_mongo(f"mongodb://127.0.0.1:{port}/gone") as database,
        open_inbox(database, Queue(stores.redis, lease=LEASE)) as inbox,
    ):
        answers = await asyncio.gather(*(inbox.take_in(an_event(str(n))) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3


async def test_more_bytes_than_memory_should_hold_are_not_now(real_inbox: MongoInbox) -> None:
    body = bytes(1024 * 1024)
    handed_in = [asyncio.create_task(real_inbox.take_in(an_event(str(n), body))) for n in range(80)]
    answers = await asyncio.gather(*handed_in, return_exceptions=True)
    stored = answers.count(StoredEvent.NEW)
    assert stored == LARGEST_BACKLOG // len(body) - 1  # a document is its body and a little more
    assert [type(answer) for answer in answers[stored:]] == [Unavailable] * (80 - stored)
    assert await real_inbox.take_in(an_event("later", body)) is StoredEvent.NEW
