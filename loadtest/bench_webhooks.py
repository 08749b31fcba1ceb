"""The figures of webhooks and of waiting: how many are stored, what garbage does to that, how soon a client hears."""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

from loadtest.garbage import PATH
from loadtest.lab import Lab, Row, warm
from loadtest.raw_http import Connection, Tally, blast_each, connect, request_bytes
from loadtest.vendors.signing import Signer, fresh_id

GARBAGE_SECONDS = 30
PATIENCE_SECONDS = 25
ENDS_A_SECOND = 50


async def measure_webhooks(lab: Lab, events: int = 10_000) -> list[Row]:
    """No worker runs: what is measured is the receiver. The events are of jobs that it does not know."""
    sent = list(itertools.islice(_valid(lab, "bench-quiet"), events))
    tally, took = await blast_each(lab.host, 100, sent)
    stored = await _stored(lab, "bench-quiet")
    return [
        Row("valid webhooks stored at 100 connections, a second (target at least 1,000)", f"{stored / took:,.0f}"),
        Row("… sent, stored, answers by status", f"{events:,}, {stored:,}, {tally.statuses}"),
        Row("… p99 of the answer, ms", f"{tally.percentile_ms(0.99):.0f}"),
        *await _beside_garbage(lab),
    ]


async def _beside_garbage(lab: Lab) -> list[Row]:
    tally, valid = Tally(), _valid(lab, "bench-noisy")
    garbage = await _garbage(lab)
    await asyncio.sleep(1)  # its connections are open
    ends_at = time.monotonic() + GARBAGE_SECONDS - 1
    pool = [await connect(lab.host) for _ in range(16)]
    await asyncio.gather(*(_keep_sending(each, valid, ends_at, tally) for each in pool))
    for each in pool:
        each.close()
    report = json.loads((await garbage.communicate())[0])
    stored, accepted = await _stored(lab, "bench-noisy"), tally.statuses.get(202, 0)
    sent, rate = sum(tally.statuses.values()), sum(tally.statuses.values()) / (GARBAGE_SECONDS - 1)
    what = f"… beside {GARBAGE_SECONDS} s of saturating forged ones: valid sent, acknowledged, stored (target: all)"
    return [
        Row(what, f"{sent:,}, {accepted:,}, {stored:,}"),
        Row("… valid ones a second then; p99 of their answer, ms", f"{rate:,.0f}; {tally.percentile_ms(0.99):.0f}"),
        Row("… forged ones a second; answers by status", f"{report['a_second']:,.0f}; {report['statuses']}"),
    ]


async def _keep_sending(connection: Connection, requests: Iterator[bytes], ends_at: float, tally: Tally) -> None:
    for request in requests:
        if time.monotonic() >= ends_at:
            return
        began = time.perf_counter()
        status, _ = await connection.exchange(request)
        tally.latencies.append(time.perf_counter() - began)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1


async def _garbage(lab: Lab) -> asyncio.subprocess.Process:
    """A process of its own, so that the valid ones need not share its event loop."""
    words = (sys.executable, "-m", "loadtest.garbage", lab.host, str(GARBAGE_SECONDS))
    return await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)


def _valid(lab: Lab, name: str) -> Iterator[bytes]:
    """Requests, each with an event of its own; signed when they are asked for."""
    signer = Signer(lab.webhook_secret)
    for number in itertools.count():
        event = f"{name}-{number}"
        told = {"id": fresh_id("rep"), "event_id": event, "status": "complete", "report": {"data": "x" * 200}}
        body = json.dumps({**told, "metadata": {"job": str(uuid4())}}).encode()
        yield request_bytes("POST", PATH, body, signer.headers(event, body, signature="good", timestamp=0))


async def _stored(lab: Lab, name: str) -> int:
    async with lab.database() as found:
        return await found["webhook_events"].count_documents({"webhook_id": {"$regex": f"^{name}-"}})


async def measure_waiting(lab: Lab, clients: int = 200) -> list[Row]:
    """The jobs end one after the other, 50 a second: this is the way to the client, and no queue of ends."""
    with lab.workers(1, "--vendors", "sync", "--concurrency", str(2 * clients)):
        await warm(lab)
        pool = [await connect(lab.host) for _ in range(clients)]
        heard = dict(await asyncio.gather(*(_wait_for_end(each, number) for number, each in enumerate(pool))))
        for each in pool:
            each.close()
        async with lab.database() as found:
            wanted = {"_id": {"$in": list(heard)}}
            jobs = await found["jobs"].find(wanted, {"updated_at": 1}).to_list()
    tally = Tally([heard[job["_id"]] - job["updated_at"].timestamp() for job in jobs])
    what = (
        f"{clients} clients waiting by Prefer: wait, from the job's end (updated_at, which the worker takes "
        "before it writes) to the last byte of the answer"
    )
    figures = f"{tally.percentile_ms(0.5):.1f} / {tally.percentile_ms(0.99):.1f}"
    return [Row(f"{what}, p50 / p99, ms (target p99 at most 25)", figures)]


async def _wait_for_end(connection: Connection, number: int) -> tuple[UUID, float]:
    seconds = 1.5 + number / ENDS_A_SECOND
    payload = {"simulate": {"mode": "slow", "seconds": seconds}}
    body = json.dumps({"vendorType": "sync", "vendorPayload": payload}).encode()
    status, answer = await connection.exchange(
        request_bytes("POST", "/jobs", body, f"Prefer: wait={PATIENCE_SECONDS}\r\n")
    )
    heard_at = time.time()
    assert status == 200, answer  # noqa: S101 - an answer before the end would be no measurement
    return UUID(json.loads(answer)["request_id"]), heard_at
