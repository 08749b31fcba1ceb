"""`gateway users …`: an admin made at the machine, whose password no shell sees, and the accounts over HTTP."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pymongo import MongoClient

from cli.main import gateway
from tests.cli.gateway_double import ID, Double, ok, problem

PASSWORD = "seven unrelated quiet words"
USER: dict[str, Any] = {
    "id": ID, "email": "ada@example.com", "username": None, "name": None, "role": "user",
    "confirmed_at": "2026-11-21T09:00:00Z", "locked_at": None, "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-21T09:00:00Z", "version": 1,
}  # fmt: skip


@pytest.fixture
def database(mongo_database_url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(mongo_database_url, tz_aware=True, uuidRepresentation="standard")


def create(url: str, *args: str, stdin: str | None = f"{PASSWORD}\n") -> Result:
    return CliRunner().invoke(gateway, ["users", "create-admin", "--mongo-url", url, *args], input=stdin)


def test_an_admin_is_made_once_by_the_operator(mongo_database_url: str, database: MongoClient[dict[str, Any]]) -> None:
    said = create(mongo_database_url, "--email", "Ada@Example.com", "--username", "ada")
    assert (said.exit_code, PASSWORD in said.output) == (0, False)
    with database:
        (user,) = database.get_default_database().users.find()
        (entry,) = database.get_default_database().audit.find()
    assert (user["email_key"], user["username_key"], user["role"]) == ("ada@example.com", "ada", "admin")
    assert user["confirmed_at"] is not None
    assert re.match(r"\$argon2id\$", user["password"])
    assert (entry["act"], entry["actor"], entry["subject"]) == ("user.admin_made", "operator", f"user:{user['_id']}")
    again = create(mongo_database_url, "--email", "ada@example.com")
    assert (again.exit_code, "taken" in again.stderr) == (1, True)


@pytest.mark.parametrize("stdin", ["", "\n", "short\n", "password1234\n"])
def test_a_password_that_is_none_or_weak_is_refused_by_name(
    mongo_database_url: str, database: MongoClient[dict[str, Any]], stdin: str
) -> None:
    said = create(mongo_database_url, "--email", "ada@example.com", stdin=stdin)
    assert (said.exit_code, "the password" in said.stderr) == (2, True)
    with database:
        assert database.get_default_database().users.count_documents({}) == 0


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--email", "no address"], "--email"),
        (["--email", "ada@example.com\r\nBcc: x@example.com"], "--email"),
        (["--email", "ada@example.com", "--username", "admin"], "--username"),
    ],
)
def test_a_name_that_is_none_is_refused_before_anything_is_asked(args: list[str], names: str) -> None:
    said = create("mongodb://127.0.0.1:1/x", *args)
    assert (said.exit_code, names in said.stderr) == (2, True)


def test_a_password_is_no_flag() -> None:
    said = create("mongodb://127.0.0.1:1/x", "--email", "ada@example.com", "--password", PASSWORD)
    assert (said.exit_code, "No such option" in said.stderr) == (2, True)


def test_without_a_database_the_setting_is_named() -> None:
    said = CliRunner().invoke(gateway, ["users", "create-admin", "--email", "ada@example.com"], input=f"{PASSWORD}\n")
    assert "GATEWAY_MONGO_URL" in str(said.exception)


def test_the_accounts_are_a_table_and_for_programs_a_line_each() -> None:
    users = [USER, {**USER, "username": "bob", "confirmed_at": None}, {**USER, "role": "admin", "locked_at": "x"}]
    page = {"items": users, "next_cursor": None}
    double = Double(ok(page), ok(page))
    heading, *rows = double.run("users", "list").stdout.splitlines()
    assert heading.split() == ["ID", "EMAIL", "USERNAME", "ROLE", "STATE", "MADE"]
    assert [" ".join(row.split()[2:5]) for row in rows] == ["- user active", "bob user unconfirmed", "- admin locked"]
    lines = double.run("users", "list", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == users


@pytest.mark.parametrize("command", ["lock", "unlock"])
def test_an_account_is_locked_and_unlocked(command: str) -> None:
    double = Double(ok(USER), problem(404, "User not found"))
    assert double.run("users", command, ID).exit_code == 0
    assert f"{double.requests[0].method} {double.requests[0].url.path}" == f"POST /users/{ID}/{command}"
    said = double.run("users", command, ID, "--json")
    assert (said.exit_code, said.stderr) == (1, "Error: User not found\n")


def test_what_is_no_id_is_asked_of_nobody() -> None:
    double = Double()
    assert double.run("users", "lock", "../jobs").exit_code == 2
    assert double.requests == []
