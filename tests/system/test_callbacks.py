"""A client that gave a callback_url is told of its job's end, by real processes over real HTTP."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.loadtest.receiver import Receiver, receiver_running
from tests.system.client import Jobs, until
from tests.system.running import GATEWAY, Gateway

pytestmark = pytest.mark.system


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiver_running() as receiver:
        yield receiver


def secret_of_anonymous(gateway: Gateway) -> str:
    """What the command says that the callbacks of callers without credentials are signed with."""
    words = [str(GATEWAY), "callback-secret"]
    said = subprocess.run(words, env=gateway.environment(), cwd=gateway.home, capture_output=True, check=True)
    return said.stdout.decode().strip()


async def told(receiver: Receiver, count: int) -> None:
    async def came() -> bool:
        return len(receiver.received) >= count

    await until(came)


@pytest.mark.parametrize(
    ("vendor", "payload", "status"),
    [
        ("sync", {}, "complete"),
        ("async", {}, "complete"),
        ("sync", {"simulate": {"mode": "fail", "status": 400}}, "failed"),
    ],
)
async def test_the_end_of_a_job_is_told_once(
    gateway: Gateway, jobs: Jobs, receiver: Receiver, vendor: str, payload: object, status: str
) -> None:
    request_id = await jobs.submit(payload, vendor=vendor, callback_url=receiver.url)
    job = await jobs.ended(request_id)
    await told(receiver, 1)
    [event] = receiver.received
    assert event.json["type"] == f"job.{status}"
    assert event.json["data"] == {
        "request_id": request_id,
        "status": status,
        "href": f"{gateway.url}/jobs/{request_id}",
    }
    assert abs(event.age_seconds) < 30
    assert event.signed_with(secret_of_anonymous(gateway))
    assert job["status"] == status


async def test_a_callback_that_is_not_taken_comes_again_under_the_same_id(jobs: Jobs, receiver: Receiver) -> None:
    """Slow: the second try comes about five seconds after the first."""
    receiver.answers = [503]
    await jobs.submit({}, callback_url=receiver.url)
    await told(receiver, 2)
    first, second = receiver.received
    assert (first.event, first.body) == (second.event, second.body)


async def test_a_cancelled_job_is_told_of_too(jobs: Jobs, receiver: Receiver) -> None:
    payload = {"simulate": {"mode": "normal", "webhook": []}}
    request_id = await jobs.submit(payload, vendor="async", callback_url=receiver.url)
    await jobs.seen(request_id, lambda job: job.get("stage") == "awaiting_webhook")
    assert (await jobs.http.post(f"/jobs/{request_id}/cancel")).status_code == 202
    await told(receiver, 1)
    assert receiver.received[0].json["data"]["status"] == "cancelled"
