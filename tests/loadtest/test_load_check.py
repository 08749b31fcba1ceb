"""The verdict on a load: what is missing, doubled or never seen by the vendor."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.load_check import AcceptedJob, count_effects, judge, percentiles, wait_until_ended
from loadtest.own_gateway import answers, vendors_url
from tests.loadtest.client import Vendors


class FakeGateway(ThreadingHTTPServer):
    """Answers `GET /jobs?ids=` and `/health/ready`; a job is complete from the second look on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Jobs)
        self.looks: dict[str, int] = {}
        self.lost: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def show(self, request_id: str) -> dict[str, str] | None:
        self.looks[request_id] = self.looks.get(request_id, 0) + 1
        if request_id in self.lost:
            return None
        return {"request_id": request_id, "status": "complete" if self.looks[request_id] > 1 else "processing"}


class _Jobs(BaseHTTPRequestHandler):
    server: FakeGateway

    def do_GET(self) -> None:
        ids = parse_qs(urlsplit(self.path).query).get("ids", [""])[0].split(",")
        body = json.dumps({"items": [self.server.show(request_id) for request_id in ids]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_load_is_sound_when_every_job_ended_once() -> None:
    verdict = judge({"a": AcceptedJob(0, "complete"), "b": AcceptedJob(0, "failed")}, {"a": 1})
    assert verdict.sound
    assert (verdict.accepted, verdict.complete, verdict.failed) == (2, 1, 1)


@pytest.mark.parametrize(
    ("status", "effects", "field"),
    [("processing", 1, "missing"), ("complete", 2, "doubled"), ("failed", 2, "doubled"), ("complete", 0, "unseen")],
)
def test_a_load_is_not_sound_when_a_job_is(status: str, effects: int, field: str) -> None:
    verdict = judge({"a": AcceptedJob(0, status)}, {"a": effects})
    assert getattr(verdict, field) == ("a",)
    assert not verdict.sound
    assert "NOT SOUND" in "\n".join(verdict.lines())


def test_a_load_that_got_nothing_accepted_is_not_sound() -> None:
    assert not judge({}, {}).sound


def test_without_a_ledger_the_verdict_says_what_it_did_not_check() -> None:
    verdict = judge({"a": AcceptedJob(0, "complete")}, None)
    assert verdict.sound
    assert "not checked" in "\n".join(verdict.lines())


def test_jobs_that_are_open_are_asked_after_until_they_end(gateway: FakeGateway) -> None:
    jobs = {f"{number:03}": AcceptedJob(0) for number in range(150)}  # more than one page of ids
    jobs["done"] = AcceptedJob(0, "failed")
    wait_until_ended(gateway.url, jobs, seconds=10, headers={})
    assert {job.status for job in jobs.values()} == {"complete", "failed"}
    assert "done" not in gateway.looks


def test_the_wait_ends_although_a_job_is_lost(gateway: FakeGateway) -> None:
    gateway.lost.add("gone")
    jobs = {"gone": AcceptedJob(0)}
    wait_until_ended(gateway.url, jobs, seconds=0, headers={})
    assert judge(jobs, None).missing == ("gone",)


def test_effects_are_counted_by_job_from_the_vendors_ledger(vendors: Vendors) -> None:
    for request_id, key in [("a", "1"), ("a", "1"), ("b", "2"), ("b", "3")]:
        vendors.call({}, X_Request_ID=request_id, Idempotency_Key=f"{request_id}:{key}")
    vendors.tell({"mode": "fail"})
    vendors.call({}, X_Request_ID="c")
    assert count_effects(f"http://127.0.0.1:{vendors.port}") == {"a": 1, "b": 2}


def test_an_address_that_is_no_http_is_an_os_error() -> None:
    with pytest.raises(OSError, match="not an HTTP address"):
        count_effects("file:///etc")


@given(st.lists(st.floats(0, 100), min_size=1))
def test_percentiles_are_samples_in_order(samples: list[float]) -> None:
    p50, p95, p99 = percentiles(samples)
    assert p50 <= p95 <= p99
    assert {p50, p95, p99} <= set(samples)


def test_a_gateway_answers_or_does_not(gateway: FakeGateway) -> None:
    assert answers(gateway.url)
    assert not answers("http://127.0.0.1:1")


def test_the_vendors_address_comes_from_the_environment_or_the_gateways_home(tmp_path: Path) -> None:
    assert vendors_url(tmp_path, {}) == ""
    (tmp_path / "servers.env").write_text("GATEWAY_MONGO_URL=m\nGATEWAY_DEMO_VENDORS_URL=http://127.0.0.1:8901\n")
    assert vendors_url(tmp_path, {}) == "http://127.0.0.1:8901"
    assert vendors_url(tmp_path, {"GATEWAY_DEMO_VENDORS_URL": "http://v"}) == "http://v"
