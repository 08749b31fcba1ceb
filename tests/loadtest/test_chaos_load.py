"""The clients of a chaos run, and who takes their callbacks."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from loadtest.chaos.journal import Journal, read_journal
from loadtest.chaos.load import Load
from loadtest.chaos.load_orders import LoadPlan, Mix
from loadtest.chaos.receiver import CallbackReceiver
from loadtest.chaos.records import Accepted, Asked, Delivered, KeyBroken, LoadOver, Seen
from loadtest.vendors.wire import CuttingProtocol, Exchange, Receive, Reply, Scope, Send
from vendors.callback.settings import CallbackSettings
from vendors.signatures.standard import sign

App = Callable[[Scope, Receive, Send], Any]


class UnsteadyGateway:
    """Accepts at the second try of each key, and then answers as `job_of` says; the first try is a 503 or no answer."""

    def __init__(self, job_of: Callable[[str, int], str]) -> None:
        self.tries: Counter[str] = Counter()
        self._job_of = job_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        await exchange.read()
        key = exchange.headers.get(b"idempotency-key", b"").decode()
        self.tries[key] += 1
        if exchange.method == "GET":
            asked = exchange.query.decode().removeprefix("ids=").split("%2C" if b"%2C" in exchange.query else ",")
            items = [{"request_id": job, "status": "complete", "vendorType": "keyed"} for job in asked]
            await exchange.answer(Reply(json.dumps({"items": items}).encode()))
        elif exchange.path != "/jobs":
            await exchange.answer(Reply(b"{}", 503))
        elif self.tries[key] > 1:
            told = {"request_id": self._job_of(key, self.tries[key]), "status": "pending"}
            await exchange.answer(Reply(json.dumps(told).encode(), 202))
        elif int(key[0], 16) % 2:
            await exchange.answer(Reply(b"{}", 503, headers=((b"retry-after", b"0"),)))
        else:
            await exchange.cut()


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, http=CuttingProtocol, ws="none", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


def plan(jobs: int, seconds: float = 0.2) -> LoadPlan:
    return LoadPlan(jobs, seconds, seed=3, callback_url="http://127.0.0.1:9")


async def test_every_job_is_submitted_under_its_key_until_it_is_accepted(tmp_path: Path) -> None:
    gateway = UnsteadyGateway(lambda key, _: f"job of {key}")
    async with serving(gateway) as url:
        await Load([url], tmp_path / "load.jsonl", plan(30)).run()
    records = list(read_journal(tmp_path / "load.jsonl"))
    accepted = [record for record in records if isinstance(record, Accepted)]
    assert len({record.job for record in accepted}) == 30
    assert all(record.job == f"job of {record.key}" for record in accepted)
    assert not [record for record in records if isinstance(record, KeyBroken)]
    over = records[-1]
    assert isinstance(over, LoadOver)
    assert over.answers["POST /jobs 503"] + over.answers["POST /jobs reset"] == 30


async def test_two_jobs_for_one_key_are_written_down(tmp_path: Path) -> None:
    gateway = UnsteadyGateway(lambda key, tries: f"job {tries} of {key}")
    async with serving(gateway) as url:
        await Load([url], tmp_path / "load.jsonl", plan(30)).run()
    repeated = [key for key, tries in gateway.tries.items() if tries > 2 and key]
    broken = [record.key for record in read_journal(tmp_path / "load.jsonl") if isinstance(record, KeyBroken)]
    assert repeated
    assert sorted(broken) == sorted(repeated)


async def test_an_end_that_was_seen_and_a_cancel_that_was_asked_are_written_down(tmp_path: Path) -> None:
    async with serving(UnsteadyGateway(lambda key, _: f"job-{key}")) as url:
        await Load([url], tmp_path / "load.jsonl", plan(40, seconds=1.0)).run()
    records = list(read_journal(tmp_path / "load.jsonl"))
    seen = [record for record in records if isinstance(record, Seen)]
    asked = [record for record in records if isinstance(record, Asked)]
    assert {record.status for record in seen} == {"complete"}
    assert len(seen) == len({record.job for record in seen})
    assert {(record.what, record.answered) for record in asked} == {("cancel", 503)}


def test_one_seed_asks_for_the_same_jobs() -> None:
    first, second = ([[order.key for order in bunch] for bunch in Mix(plan(500)).bunches()] for _ in range(2))
    assert first == second
    assert sum(map(len, first)) == 500


async def test_a_callback_is_written_down_with_whether_its_client_signed_it(tmp_path: Path) -> None:
    master = tmp_path / "callback.secret"
    master.write_text("m" * 64)
    key = CallbackSettings(SecretStr("m" * 64)).key_of("anonymous")
    body = json.dumps({"type": "job.complete", "data": {"request_id": "a", "status": "complete"}}).encode()
    moment = str(int(time.time()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": moment}
    good, forged = sign(key, "msg_1", moment, body), sign(b"another", "msg_1", moment, body)
    with Journal(tmp_path / "callbacks.jsonl") as journal:
        async with serving(CallbackReceiver(journal, master)) as url, httpx.AsyncClient() as http:
            for signature in (good, forged):
                await http.post(f"{url}/callbacks", content=body, headers={**headers, "webhook-signature": signature})
    told = [record for record in read_journal(tmp_path / "callbacks.jsonl") if isinstance(record, Delivered)]
    assert [(each.event, each.job, each.status, each.signed) for each in told] == [
        ("msg_1", "a", "complete", True),
        ("msg_1", "a", "complete", False),
    ]
