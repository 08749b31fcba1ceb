"""`vendors.toml`: what a table means, and that every fault names its line and its remedy."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from domain.backoff import Backoff
from domain.errors import ConfigurationError
from domain.outcomes import Done, Outcome
from domain.vendors import Call
from vendors.http import VendorHttp
from vendors.registry import MakeVendor, load_vendor_names, load_vendors
from vendors.table.adapter import TableVendor
from vendors.table.reading import read_tables
from vendors.table.settings import VendorTable

WriteTable = Callable[..., Path]
ENVIRONMENT = {"TOKEN": "hunter2", "BROKEN": "hunter2\n", "BASE": "https://acme.example"}


@pytest.fixture
def write(tmp_path: Path) -> WriteTable:
    def write_file(text: str, name: str = "vendors.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def acme(write: WriteTable, rest: str = "") -> VendorTable:
    path = write(f'[vendors.acme]\nurl = "https://acme.example/v2"\n{rest}')
    return read_tables([path], ENVIRONMENT)["acme"]


def test_what_is_left_out_has_the_promised_defaults(write: WriteTable) -> None:
    table = acme(write)
    assert (table.mode, table.method, table.limit, table.concurrency) == ("sync", "POST", None, None)
    assert (table.reply.result, table.reply.max_bytes) == ("", 4_194_304)
    assert table.policy.timeout == timedelta(seconds=10)
    assert (table.policy.attempts, table.policy.backoff) == (5, Backoff(0.5, 60))
    assert (table.policy.repeatable, table.policy.key_lifetime) == (False, timedelta(hours=24))


def test_everything_that_a_table_may_say_is_taken(write: WriteTable) -> None:
    table = acme(
        write,
        'mode = "sync"\nmethod = "PUT"\nheaders = { Authorization = "Bearer ${TOKEN}" }\n'
        'limit = "50/second; 10000/hour"\nburst_guard_ms = 40\nconcurrency = 20\nrepeatable = false\n'
        'key_lifetime = "90m"\ntimeout_seconds = 2.5\nattempts = 3\nbackoff = { base_seconds = 1, cap_seconds = 8 }\n'
        '[vendors.acme.reply]\nresult = "/data"\nmax_bytes = 1000\n',
    )
    assert table.headers["Authorization"].get_secret_value() == "Bearer hunter2"
    assert (table.policy.limit, table.policy.concurrency) == ("50/second; 10000/hour", 20)
    assert table.policy.burst_guard == timedelta(milliseconds=40)
    assert (table.policy.repeatable, table.policy.key_lifetime) == (False, timedelta(minutes=90))
    assert (table.policy.timeout, table.policy.attempts) == (timedelta(seconds=2.5), 3)
    assert table.policy.backoff == Backoff(1, 8)
    assert (table.reply.result, table.reply.max_bytes) == ("/data", 1000)


@pytest.mark.parametrize(
    ("method", "repeatable"), [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False), ("PATCH", False)]
)
def test_idempotent_methods_are_repeatable_unless_the_table_says_otherwise(
    write: WriteTable, method: str, repeatable: bool
) -> None:
    assert acme(write, f'method = "{method}"').policy.repeatable is repeatable


@pytest.mark.parametrize("limit", ["50/second", "5 per minute", "1 per 30 seconds", "10/2hours", "1/day,5/month"])
def test_limits_of_the_limits_librarys_notation_are_taken(write: WriteTable, limit: str) -> None:
    assert acme(write, f'limit = "{limit}"').limit == limit


def test_a_secret_shows_in_no_repr(write: WriteTable) -> None:
    table = acme(write, 'headers = { Authorization = "Bearer ${TOKEN}" }')
    assert "hunter2" not in repr(table)


def test_of_several_files_the_later_wins_a_vendor_at_a_time(write: WriteTable) -> None:
    first = write('[vendors.a]\nurl = "http://one/${MISSING}"\n[vendors.b]\nurl = "http://one"\n', "first.toml")
    second = write('[vendors.a]\nurl = "http://two"\n', "second.toml")
    tables = read_tables([first, second], ENVIRONMENT)
    assert {name: table.url for name, table in tables.items()} == {"a": "http://two", "b": "http://one"}


FAULTS = [
    ('[vendors.a]\nurl = "http://x"\nmode = "both"', 3, 'mode = "sync"'),
    ("[vendors.a]\n", 1, "`url` is missing: add it"),
    ('[vendors.a]\nurl = "ftp://x"', 2, "http:// or https://"),
    ('[vendors.a]\nurl = "//x/y"', 2, "http:// or https://"),
    ('[vendors.a]\nurl = "http://"', 2, "http:// or https://"),
    ('[vendors.a]\nurl = "http://x:port"', 2, "not a URL"),
    ('[vendors.a]\nurl = "http://x:99999"', 2, "write 1 to 65535"),
    ('[vendors.a]\nurl = "http://a..b/"', 2, "write it like https://"),
    ('[vendors.a]\nurl = "http://xn--"', 2, "write it like https://"),
    ('[vendors.a]\nurl = "https://me:hunter2@x"', 2, "move them into headers"),
    ('[vendors.a]\nurl = "https://x/#top"', 2, "remove what follows the #"),
    ('[vendors.a]\nurl = "https://x/${job.reference}"', 2, "remove ${job"),
    ("[vendors.a]\nurl = 7", 2, "`url` is wrong"),
    ('[vendors.a]\nurl = "${NOWHERE}/x"', 2, "set NOWHERE, or put it into .env"),
    ('[vendors.a]\nurl = "http://x/${}"', 2, "write ${NAME}"),
    ('[vendors.a]\nurl = "http://x/${NO-NAME}"', 2, "write ${NAME}"),
    ('[vendors.a]\nurl = "http://x/${TOKEN"', 2, "write ${NAME}"),
    ('[vendors.a]\nurl = "http://x"\nurll = "http://x"', 3, "unknown key `urll`"),
    ('[vendors.a]\nurl = "http://x"\nbackoff = { base = 1 }', 3, "known are base_seconds, cap_seconds"),
    ('[vendors.a]\nurl = "http://x"\nbackoff.base_seconds = 9\nbackoff.cap_seconds = 1', 3, "raise the cap"),
    ('[vendors.a]\nurl = "http://x"\nbackoff = { base_seconds = nan }', 3, "`backoff.base_seconds` is wrong"),
    ('[vendors.a]\nurl = "http://x"\nattempts = 0', 3, "greater than or equal to 1"),
    ('[vendors.a]\nurl = "http://x"\nattempts = "5"', 3, "valid integer"),
    ('[vendors.a]\nurl = "http://x"\nattempts = true', 3, "valid integer"),
    ('[vendors.a]\nurl = "http://x"\ntimeout_seconds = inf', 3, "`timeout_seconds` is wrong"),
    ('[vendors.a]\nurl = "http://x"\ntimeout_seconds = -1', 3, "greater than 0"),
    ('[vendors.a]\nurl = "http://x"\nconcurrency = 0', 3, "`concurrency` is wrong"),
    ('[vendors.a]\nurl = "http://x"\nconcurrency = 99999999999999999999', 3, "less than or equal"),
    ('[vendors.a]\nurl = "http://x"\nlimit = "1/hour; 99999999999999999999/second"', 3, "write fewer"),
    ('[vendors.a]\nurl = "http://x"\nlimit = "1 per 99999999999 years"', 3, "more than a year: write a shorter one"),
    ('[vendors.a]\nurl = "http://x"\nbackoff = 3', 3, "`backoff` is no table: write it in { }"),
    ('[vendors.a]\nurl = "http://x"\nmode = "async"\nwebhook = { done = "ok" }', 4, "is no list: write it in [ ]"),
    (f'[vendors.a]\nurl = "http://x"\nbody = {"[" * 900}{"]" * 900}', 1, "nested too deeply"),
    (f'[vendors.a]\nurl = "http://x"\nbody = {"[" * 9000}{"]" * 9000}', 1, "nested too deeply"),
    ('[vendors.a]\nurl = "http://x"\nmethod = "BREW"', 3, "'GET', 'POST'"),
    ('[vendors.a]\nurl = "http://x"\nlimit = "50/fortnight"', 3, "50/second; 10000/hour"),
    ('[vendors.a]\nurl = "http://x"\nlimit = "0/second"', 3, "50/second; 10000/hour"),
    ('[vendors.a]\nurl = "http://x"\nlimit = "5/second;"', 3, "50/second; 10000/hour"),
    ('[vendors.a]\nurl = "http://x"\nkey_lifetime = "a day"', 3, '"24h"'),
    ('[vendors.a]\nurl = "http://x"\nkey_lifetime = 24', 3, '"24h"'),
    ('[vendors.a]\nurl = "http://x"\nheaders = { Host = "y" }', 3, "sets the header Host itself"),
    ('[vendors.a]\nurl = "http://x"\nheaders = { Idempotency-Key = "y" }', 3, "remove it"),
    ('[vendors.a]\nurl = "http://x"\n[vendors.a.headers]\nX = "${BROKEN}"', 3, "look for a line's end"),
    ('[vendors.a]\nurl = "http://x"\nheaders = { "X Y" = "z" }', 3, "does not allow"),
    ('[vendors.a]\nurl = "http://x"\nheaders = { X = 1 }', 3, "`headers.X` is wrong"),
    ('[vendors.a]\nurl = "http://x"\n[vendors.a.reply]\nresult = "data"', 4, "/data/report"),
    ('[vendors.a]\nurl = "http://x"\n[vendors.a.reply]\nresult = "/~x"', 4, "/data/report"),
    ('[vendors.a]\nurl = "http://x"\nreply = { max_bytes = 99999999999 }', 3, "less than or equal"),
    ('[vendors.Acme]\nurl = "http://x"', 1, "cannot be a vendor's name"),
    ('[vendors."a.b"]\nurl = "http://x"', 1, "cannot be a vendor's name"),
    ('# a comment\n[vendors.a]\nurl = "http://x"\n[vendors.a]\nurl = "http://y"', 4, "not TOML"),
    ('[vendors.a]\nurl = "http://x\n', 2, "mend the line"),
    ("[vendors.a", 1, "not TOML"),
    ("[vendors]\na = 1", 2, "write [vendors.NAME]"),
    ("vendors = 1", 1, "write [vendors.NAME]"),
    ('[vendors.a]\nurl = "http://x"\n\n[vendor.b]\nurl = "http://x"', 4, "unknown key `vendor`"),
]


@pytest.mark.parametrize(("text", "line", "says"), FAULTS)
def test_a_fault_names_its_line_and_its_remedy_and_repeats_no_secret(
    write: WriteTable, text: str, line: int, says: str
) -> None:
    path = write(text)
    with pytest.raises(ConfigurationError) as caught:
        load_vendor_names([path], ENVIRONMENT)
    assert caught.value.detail.startswith(f"{path}:{line}: ")
    assert says in caught.value.detail
    assert "hunter2" not in caught.value.detail
    assert "\n" not in caught.value.detail


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.toml:1: there is no such file: .*GATEWAY_VENDORS_FILE"):
        load_vendor_names([tmp_path / "nowhere.toml"], {})


def test_a_mark_that_some_editors_begin_a_file_with_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "vendors.toml"
    path.write_text('[vendors.a]\nurl = "http://x"\n', encoding="utf-8-sig")
    assert set(read_tables([path], {})) == {"a"}


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_as_text_is_a_fault(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "vendors.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="make it a UTF-8 file"):
        load_vendor_names([path], {})


class InCode:
    """A vendor that has an adapter of its own."""

    name = "acme"
    policy = VendorTable(url="http://x").policy

    async def call(self, call: Call) -> Outcome:
        return Done("null")


async def test_vendors_in_code_and_in_tables_are_known_by_name(write: WriteTable) -> None:
    path = write('[vendors.tabled]\nurl = "http://x"\n')
    adapters: dict[str, MakeVendor] = {"acme": lambda http, environment: InCode()}
    async with VendorHttp(httpx.MockTransport(lambda request: httpx.Response(200))) as http:
        vendors = load_vendors([path], {}, http, adapters=adapters)
    assert set(vendors) == load_vendor_names([path], {}, adapters=adapters)
    assert isinstance(vendors["tabled"], TableVendor)
    assert isinstance(vendors["acme"], InCode)


def test_a_table_cannot_take_the_name_of_a_vendor_in_code(write: WriteTable) -> None:
    path = write('\n[vendors.acme]\nurl = "http://x"\n')
    adapters: dict[str, MakeVendor] = {"acme": lambda http, environment: InCode()}
    with pytest.raises(ConfigurationError, match=f"{path}:2: `acme` is the name of a vendor in code"):
        load_vendor_names([path], {}, adapters=adapters)
