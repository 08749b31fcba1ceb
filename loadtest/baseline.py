"""
What the gateway is measured against: the usual way to do the same with the same libraries.

Intake inserts one document and enqueues one arq job for every request. The worker is `arq.Worker`,
tuned, with httpx's own pool: read, mark as running, call, write the result. No leases, no fencing,
no limits: a baseline for speed, not for safety.

    python -m loadtest.baseline api PORT | worker
"""

import asyncio
import json
import os
import sys
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import arq
import httpx
import uvicorn
from arq.connections import ArqRedis, RedisSettings, create_pool
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

QUEUE = "baseline:queue"
Jobs = AsyncCollection[dict[str, Any]]


def _jobs() -> Jobs:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(os.environ["GATEWAY_MONGO_URL"], w="majority")
    return client.get_database("baseline").get_collection("jobs")


def _redis_settings() -> RedisSettings:
    return RedisSettings.from_dsn(os.environ["GATEWAY_REDIS_URL"])


class Api:
    """POST anything: stored, queued, answered with 202."""

    def __init__(self) -> None:
        self._jobs: Jobs | None = None
        self._redis: ArqRedis | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        if scope["type"] != "http":
            return
        body = message.get("body", b"")
        answer = await self._take_in(json.loads(body)) if scope["method"] == "POST" else b"{}"
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _take_in(self, job: dict[str, Any]) -> bytes:
        if self._jobs is None or self._redis is None:
            self._jobs = self._jobs if self._jobs is not None else _jobs()
            self._redis = await create_pool(_redis_settings())
        job_id = str(uuid.uuid4())
        await self._jobs.insert_one({"_id": job_id, **job, "status": "pending", "created_at": datetime.now(UTC)})
        await self._redis.enqueue_job("run", job_id, _job_id=job_id, _queue_name=QUEUE)
        return json.dumps({"request_id": job_id, "status": "pending"}).encode()


async def run(ctx: dict[str, Any], job_id: str) -> None:
    jobs: Jobs = ctx["jobs"]
    job = await jobs.find_one_and_update({"_id": job_id}, {"$set": {"status": "processing"}})
    assert job is not None  # noqa: S101 - it was stored before it was queued
    reply = await ctx["http"].post(ctx["url"], json=job["vendorPayload"], headers={"Idempotency-Key": job_id})
    await jobs.update_one({"_id": job_id}, {"$set": {"status": "complete", "result": reply.json()}})


async def work() -> None:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(limits=limits) as http:
        worker = arq.Worker(
            [run],
            queue_name=QUEUE,
            redis_settings=_redis_settings(),
            ctx={"jobs": _jobs(), "http": http, "url": os.environ["BASELINE_VENDOR_URL"]},
            max_jobs=100,
            poll_delay=0.01,
            keep_result=0,
            log_results=False,
        )
        await worker.async_run()


def main() -> None:
    if sys.argv[1] == "worker":
        with suppress(asyncio.CancelledError):  # how arq ends on SIGTERM
            asyncio.run(work())
    else:
        uvicorn.run(Api(), port=int(sys.argv[2]), log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
