"""The watch over secrets sees what is planted, in one process and in several, and shows none of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.leaks.births import note_request, note_response, secret_in
from tests.leaks.ledger import Ledger
from tests.leaks.places import read_files

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "a password that nobody has"
PLANTED = """
import logging
import structlog
from pydantic import SecretStr

from domain.accounts.key_format import new_key
from domain.request_ids import new_request_id


def test_that_logs_a_key() -> None:
    structlog.get_logger().debug("made", key=new_key(new_request_id())[0].partition("_")[2])


def test_that_logs_a_setting() -> None:
    logging.getLogger("some.library").warning("cannot reach %s", SecretStr("redis://:planted-secret@x").get_secret_value())


def test_that_prints_what_looks_like_a_token() -> None:
    print("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P")


def test_that_is_innocent() -> None:
    structlog.get_logger().info("all is well", redis="redis://127.0.0.1:6379/0")
"""


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.test = "tests/test_of_mine.py"
    return ledger


@pytest.mark.parametrize("processes", [[], ["-n", "1"]], ids=["alone", "behind another"])
def test_a_planted_secret_fails_the_run_and_is_told_without_itself(tmp_path: Path, processes: list[str]) -> None:
    """Slow: a run of its own."""
    (tmp_path / "test_planted.py").write_text(PLANTED)
    plugins = ["-p", "tests.leaks.plugin", "-p", "no:cacheprovider", "-p", "no:valkey", "-p", "no:schemathesis"]
    options = ["-c", os.devnull, "--rootdir", ".", "--basetemp", "inner", *plugins]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *options, *processes, "test_planted.py"],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in ran.stdout
    assert ran.returncode == 1
    for test in ("test_that_logs_a_key", "test_that_logs_a_setting", "test_that_prints_what_looks_like_a_token"):
        assert test in ran.stdout
    assert "innocent" not in ran.stdout
    assert "planted-secret" not in ran.stdout
    assert "dozjgNryP4J3jVmN" not in ran.stdout


def test_a_secret_is_found_wherever_it_stands_and_however_it_is_spelled(ledger: Ledger) -> None:
    ledger.secret('one "quoted" word', "a password")
    spellings = ('x one "quoted" wordx', json.dumps({"a": 'one "quoted" word'}), "/a/one%20%22quoted%22%20word")
    for number, text in enumerate(spellings):
        ledger.text(f"{text}\n", f"place {number}")
    assert sorted(leak.place for leak in ledger.leaks()) == ["place 0", "place 1", "place 2"]


def test_a_leak_tells_the_tests_and_the_place_and_hides_what_it_found(ledger: Ledger) -> None:
    ledger.secret(PASSWORD, "a password")
    ledger.test = "tests/test_of_others.py"
    ledger.text(f"before\nuser=7 password={PASSWORD} and {PASSWORD}\nafter", "the log")
    (leak,) = ledger.leaks()
    told = str(leak)
    assert "a password (of tests/test_of_mine.py) stands in the log of tests/test_of_others.py" in told
    assert "user=7 password=" in told
    assert "that nobody has" not in told
    assert "after" not in told


@pytest.mark.parametrize(
    "text",
    [
        "gwk_" + "0" * 32 + "_" + "aB-_" * 10 + "abc", "Authorization: Bearer abcdefghijklmnop", "redis://:pass-word@host/0",
        "mongodb://me:secret@host/db", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "whsec_Zm9ybWVyIHNlY3JldA==",
        "-----BEGIN PRIVATE KEY-----", "sk_live_abcdefghijklmnop1234",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_one(ledger: Ledger, text: str) -> None:
    ledger.text(f"it is {text} indeed", "the log")
    assert len(ledger.leaks()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "write mongodb://user:password@host:port/name", "send Authorization: Bearer <token or key>", "http://127.0.0.1:8000/a@b",
        "bootstrap admin key, shown this once: gwk_" + "a" * 43, "  bootstrap key  gwk_" + "a" * 43, "whsec_…",
    ],
)  # fmt: skip
def test_what_only_speaks_of_secrets_is_none(ledger: Ledger, text: str) -> None:
    ledger.text(text, "the log")
    assert ledger.leaks() == []


@pytest.mark.parametrize("word", ["short", "aaaaaaaaaaaaaaaa", None, 7])
def test_what_could_be_met_by_chance_is_not_looked_for(ledger: Ledger, word: object) -> None:
    ledger.secret(word, "a password")
    ledger.text(f"a line with {word} in it", "the log")
    assert ledger.leaks() == []


def test_what_a_request_and_its_answer_carry_is_noted(ledger: Ledger) -> None:
    headers = {"Authorization": "Bearer the-access-token", "Cookie": "refresh=the-refresh-token"}
    body = {"newPassword": "the new password", "email": "not-a-secret@example.com"}
    request = httpx.Request("PUT", "http://x/auth/reset-password/the-token-of-the-link", headers=headers, json=body)
    note_request(request, ledger.secret)
    sent = {"Set-Cookie": "refresh=the-next-refresh-token; HttpOnly"}
    note_response(
        httpx.Response(200, json={"token": "the-next-access-token"}, headers=sent, request=request), ledger.secret
    )
    ledger.text("not-a-secret@example.com", "the log")
    assert ledger.leaks() == []
    for secret in ("the-access-token", "the-refresh-token", "the new password", "the-token-of-the-link",
                   "the-next-refresh-token", "the-next-access-token"):  # fmt: skip
        ledger.text(f"<{secret}>", secret)
    assert len({leak.place for leak in ledger.leaks()}) == 6


@pytest.mark.parametrize(
    ("setting", "secret"),
    [
        ("redis://127.0.0.1:6379/0", None), ("smtp://me:pass%20word@host", "pass%20word"), ("Bearer abc", "abc"),
        ("application/json", None), ("a long secret text", "a long secret text"),
    ],
)  # fmt: skip
def test_of_a_setting_the_secret_is_what_others_do_not_know(setting: str, secret: str | None) -> None:
    assert secret_in(setting) == secret


def test_a_home_is_read_with_its_logs_and_its_secrets(ledger: Ledger, tmp_path: Path) -> None:
    logs = tmp_path / "home" / "logs"
    logs.mkdir(parents=True)
    (tmp_path / "home" / "jwt.secret").write_text("0123456789abcdef" * 4)
    (logs / "api.log").write_text(f"signed by {'0123456789abcdef' * 4}\n")
    read_files(ledger, tmp_path)
    (leak,) = ledger.leaks()
    assert (leak.kind, leak.place) == ("a secret of the home", "home/logs/api.log")
    (logs / "api.log").unlink()  # or this run would find it too
