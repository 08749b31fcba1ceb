"""`gateway jobs …`: what is asked of the gateway, what is said, and the exit codes."""

import json
from pathlib import Path

import httpx
import pytest

from tests.cli.gateway_double import ID, JOB, Double, ok, problem


def test_submitting_hands_the_payload_on_byte_for_byte() -> None:
    double = Double(ok({"request_id": ID, "status": "pending", "links": {"self": "/"}}, 202))
    payload = '{"b":1,  "a": 1.0e400, "a": 123456789012345678901234567890}'
    said = double.run("jobs", "submit", "sync", payload)
    assert (said.exit_code, said.stdout) == (0, f"request_id  {ID}\nstatus      pending\n")
    assert payload.encode() in double.requests[0].content
    assert (double.requests[0].method, double.requests[0].url.path) == ("POST", "/jobs")


def test_every_option_of_a_submission_is_sent() -> None:
    double = Double(ok(JOB))
    said = double.run(
        *("jobs", "submit", "sync", "[]", "--priority", "high", "--run-at", "2026-12-01T00:00:00Z", "--key", "k 1"),
        *("--deadline", "2026-12-02T00:00:00Z", "--callback-url", "https://c.example/", "--wait", "5"),
        *("--metadata", "a=1", "--metadata", "b=x=y", "--api-key", "gwk_secret"),
    )
    assert said.exit_code == 0
    assert double.body == {
        "vendorType": "sync",
        "vendorPayload": [],
        "priority": "high",
        "run_at": "2026-12-01T00:00:00Z",
        "deadline": "2026-12-02T00:00:00Z",
        "callback_url": "https://c.example/",
        "metadata": {"a": "1", "b": "x=y"},
    }
    headers = double.requests[0].headers
    assert (headers["idempotency-key"], headers["prefer"]) == ("k 1", "wait=5")
    assert headers["authorization"] == "Bearer gwk_secret"


def test_a_payload_comes_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_bytes('\ufeff{"from": "a file"}'.encode())
    double = Double(*[ok(JOB, 202)] * 3)
    double.run("jobs", "submit", "sync", f"@{file}")
    assert double.body["vendorPayload"] == {"from": "a file"}
    double.run("jobs", "submit", "sync", "-", stdin=b'"piped"')
    assert double.body["vendorPayload"] == "piped"
    double.run("jobs", "submit", "sync")
    assert double.body["vendorPayload"] == {}


@pytest.mark.parametrize(
    "wrong",
    [
        ["submit", "sync", "{"],
        ["submit", "sync", '{}, "priority": "high"'],
        ["submit", "sync", "NaN"],
        ["submit", "sync", "[" * 100_000],
        ["submit", "sync", "@/no/such/file"],
        ["submit", "sync", "--metadata", "a"],
        ["submit", "sync", "--key", "ü"],
        ["submit", "sync", "--wait", "26"],
        ["show", "no-uuid"],
        ["show", ".."],
        ["list", "--limit", "101"],
        ["list", "--status", "done"],
        ["list", "--url", "ftp://gateway.example"],
        ["list", "--url", "http://user:secret@gateway.example"],
        ["list", "--url", "http://a..b/"],
        ["list", "--url", "http://xn--"],
        ["list", "--vendor", "\udcff"],
        ["submit", "\udcff"],
        ["submit", "sync", "--metadata", "a=\udcff"],
        ["list", "--api-key", "gwk_\nsecret"],
        ["cancel"],
    ],
)
def test_wrong_usage_asks_nothing_and_says_how_to_write_it(wrong: list[str]) -> None:
    double = Double()
    said = double.run("jobs", *wrong)
    assert (said.exit_code, said.stdout, double.requests) == (2, "", [])
    assert "Error: " in said.stderr
    assert "secret" not in said.output


def test_a_job_is_shown_field_by_field_with_its_timeline() -> None:
    attempt = {"number": 1, "started_at": "2026-11-21T09:00:00Z", "outcome": "failed", "vendor_status": 400}
    double = Double(ok({**JOB, "attempts": [attempt]}))
    said = double.run("jobs", "show", ID, "--attempts")
    assert double.requests[0].url.query == b"expand=attempts"
    assert "vendorType  sync\n" in said.stdout
    assert said.stdout.splitlines()[-2:] == [
        "ATTEMPT  STARTED               OUTCOME  STATUS  MS  WORKER",
        "1        2026-11-21T09:00:00Z  failed   400     -   -",
    ]


def test_what_a_stranger_wrote_cannot_speak_to_the_terminal() -> None:
    double = Double(ok({**JOB, "error": "\x1b[2J\x9bgone\u202e"}), ok({**JOB, "error": "\x1b[2J"}))
    said = double.run("jobs", "show", ID)
    assert "\\x1b[2J\\x9bgone\\u202e" in said.stdout
    assert "\x1b" not in double.run("jobs", "show", ID, "--json").stdout


def test_a_result_is_shown_as_the_vendor_gave_it() -> None:
    raw = b'{"request_id":"x","result":{"a":1e400,\n"b":"\\ud800"},"error":"\\ud800"}'
    double = Double(*[httpx.Response(200, content=raw)] * 2)
    assert 'result      {"a":1e400, "b":"\\ud800"}' in double.run("jobs", "show", ID).stdout
    assert double.run("jobs", "show", ID, "--json").stdout.encode() == raw.replace(b"\n", b" ") + b"\n"


def test_a_list_is_a_table_and_for_programs_a_line_a_job() -> None:
    page = {"items": [JOB, {**JOB, "vendorType": "a-longer-name"}], "next_cursor": "c"}
    double = Double(ok(page), ok(page))
    said = double.run("jobs", "list", "--vendor", "sync", "--status", "pending", "--limit", "2")
    assert dict(double.requests[0].url.params) == {"vendor": "sync", "status": "pending", "limit": "2"}
    assert said.stdout.splitlines()[1] == f"{ID}  sync           pending  queued  2026-11-21T09:00:00Z"
    lines = double.run("jobs", "list", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == page["items"]


def test_all_pages_are_followed_with_the_same_filters() -> None:
    double = Double(ok({"items": [JOB], "next_cursor": "c/1"}), ok({"items": [JOB], "next_cursor": None}))
    said = double.run("jobs", "list", "--all", "--status", "failed")
    assert dict(double.requests[1].url.params) == {"status": "failed", "limit": "20", "cursor": "c/1"}
    assert (len(said.stdout.splitlines()), said.stdout.count("STATUS")) == (3, 1)


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_one_refusal_stops_nothing_and_is_in_the_exit_code(action: str) -> None:
    other = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6f"
    double = Double(problem(409, "the job has ended"), ok({**JOB, "status": "cancelled"}, 202))
    said = double.run("jobs", action, other, ID)
    assert [request.url.path for request in double.requests] == [f"/jobs/{other}/{action}", f"/jobs/{ID}/{action}"]
    assert (said.exit_code, said.stdout) == (1, f"{ID}  cancelled\n")
    assert said.stderr == f"Error: {other}: the job has ended\n"


def test_a_refusal_names_each_fault() -> None:
    errors = [{"pointer": "/priority", "detail": "must be one of high, normal, low"}, {"pointer": "", "detail": "no"}]
    said = Double(problem(422, "not what this route takes", errors=errors)).run("jobs", "submit", "sync")
    assert said.exit_code == 1
    assert said.stderr == (
        "Error: not what this route takes\n  /priority: must be one of high, normal, low\n  the body: no\n"
    )


def test_a_fault_that_the_refusal_spelled_out_is_said_once() -> None:
    errors = [{"pointer": "/run_at", "detail": "is in the past"}]
    said = Double(problem(422, "this is no submission: /run_at is in the past", errors=errors)).run("jobs", "list")
    assert said.stderr == "Error: this is no submission: /run_at is in the past\n"


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "GATEWAY_API_KEY"), (403, "admin"), (503, "try again"), (500, "t-1")]
)
def test_a_refusal_comes_with_the_remedy(status: int, remedy: str) -> None:
    said = Double(problem(status, "no")).run("jobs", "list", "--api-key", "gwk_secret")
    assert said.exit_code == 1
    assert remedy in said.stderr
    assert "gwk_secret" not in said.output


@pytest.mark.parametrize("answer", [httpx.Response(502, text="<html>"), httpx.Response(200, text="\x1b"), ok([])])
def test_another_server_is_not_taken_for_the_gateway(answer: httpx.Response) -> None:
    said = Double(answer).run("jobs", "show", ID)
    assert (said.exit_code, said.stdout) == (1, "")
    assert "is --url right?" in said.stderr


@pytest.mark.parametrize(
    "fault",
    [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.ReadError(""), httpx.RemoteProtocolError("")],
    ids=lambda fault: type(fault).__name__,
)
def test_a_gateway_that_cannot_be_reached_has_an_exit_code_of_its_own(fault: Exception) -> None:
    said = Double(fault).run("jobs", "list", "--url", "http://gateway.example:8000")
    assert (said.exit_code, said.stdout) == (69, "")
    assert "http://gateway.example:8000" in said.stderr
    assert "Traceback" not in said.output


def test_the_address_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    double = Double(*[ok({"items": [], "next_cursor": None})] * 3)
    double.run("jobs", "list")
    monkeypatch.setenv("GATEWAY_PORT", "8123")
    double.run("jobs", "list")
    monkeypatch.setenv("GATEWAY_PUBLIC_URL", "https://gateway.example/base/")
    monkeypatch.setenv("GATEWAY_API_KEY", "gwk_secret")
    double.run("jobs", "list")
    assert [str(request.url.copy_with(query=None)) for request in double.requests] == [
        "http://127.0.0.1:8000/jobs",
        "http://127.0.0.1:8123/jobs",
        "https://gateway.example/base/jobs",
    ]
    assert double.requests[2].headers["authorization"] == "Bearer gwk_secret"
