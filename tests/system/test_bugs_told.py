"""A bug in an adapter, over real processes: logged with its stack, counted apart, and told by `gateway doctor`."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli import doctor
from cli.figures import read_figures
from domain.infra.bug_record import RedisBugRecord
from domain.metrics import PROGRAMMING_ERRORS
from tests.stores import Stores
from tests.system.client import until
from tests.system.test_poison import Bench

pytestmark = pytest.mark.system

HUSH = "what the client sent"


@pytest.fixture
def bench(tmp_path: Path, jobs_url: str, redis_database_url: str) -> Bench:
    return Bench(tmp_path, jobs_url, redis_database_url)


async def test_a_bug_is_logged_counted_and_told_by_the_doctor(
    bench: Bench, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    job = await stores.submit(vendor="mild", payload=f'"{HUSH}"')  # which is no number of seconds
    record = RedisBugRecord(stores.redis)

    async def told() -> bool:
        return bool(await record.since(datetime.now(UTC) - timedelta(hours=1)))

    with bench.worker():
        await until(told)
        flags = {"home": str(bench.directory), "mongo_url": bench.mongo_url, "redis_url": bench.redis_url}
        flags["vendors_file"] = str(bench.directory / "none.toml")
        assert await asyncio.to_thread(doctor.run, flags) == 1

        async def counted() -> bool:
            figures = read_figures(bench.directory / "metrics")
            singles = figures["w"].singles if "w" in figures else ()
            return (PROGRAMMING_ERRORS.name, ("TypeError",)) in {(one.name, one.labels) for one in singles}

        await until(counted)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "TypeError" in line]
    assert re.match(r" +TypeError at worker/asking\.py:\d+ in w \(adapter failed, ", line)
    assert f"trace_id {job.id}" in line
    assert HUSH not in line
    log = (bench.directory / "worker.log").read_text()
    assert '"event": "adapter failed"' in log
    assert "Traceback" in log
