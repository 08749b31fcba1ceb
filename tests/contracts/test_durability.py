"""What is answered as stored is stored by a majority: read from what is really sent to MongoDB."""

import asyncio
import json
import subprocess
import sys
from typing import Any

from tests.system.running import ROOT


async def test_every_write_of_a_job_and_an_event_waits_for_the_majority(
    mongo_database_url: str, redis_database_url: str
) -> None:
    words = [sys.executable, "-m", "tests.contracts.heard_writes", mongo_database_url, redis_database_url]
    said = await asyncio.to_thread(subprocess.run, words, cwd=ROOT, capture_output=True, check=False)
    assert said.returncode == 0, said.stderr.decode()
    writes: list[Any] = json.loads(said.stdout)
    assert [write[:2] for write in writes] == [
        ["insert", "jobs"],
        ["update", "jobs"],
        ["insert", "webhook_events"],
        ["update", "webhook_events"],
    ]
    assert [write[2] for write in writes] == [{"w": "majority"}] * 4
