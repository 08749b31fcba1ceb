"""What a table of an async vendor may say, and that every fault names its line and its remedy."""

from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from vendors.table.reading import read_tables
from vendors.table.settings import VendorTable

ENVIRONMENT = {"SECRET": "whsec_aHVudGVyMg==", "EMPTY": "", "WRONG": "hunter2", "GATEWAY_PUBLIC_URL": "http://us"}
TABLE = '[vendors.a]\nurl = "http://x"\nmode = "async"\nreply.reference = "/id"\n'
WEBHOOK = '[vendors.a.webhook]\nsecret = "${SECRET}"\nreference = "/id"\n'
POLL = '[vendors.a.poll]\nurl = "http://x/${job.reference}"\nevery_seconds = 30\n'


def tables(tmp_path: Path, text: str) -> VendorTable:
    path = tmp_path / "vendors.toml"
    path.write_text(text, encoding="utf-8")
    return read_tables([path], ENVIRONMENT)["a"]


def test_everything_that_the_contract_shows_is_taken(tmp_path: Path) -> None:
    table = tables(
        tmp_path,
        TABLE + 'body = { "/callback" = "${GATEWAY_PUBLIC_URL}/webhooks/a", "/metadata/job" = "${job.request_id}" }\n'
        '[vendors.a.webhook]\nscheme = "standard"\nsecret = "${SECRET}"\nreference = "/id"\nresult = "/report"\n'
        'request_id = "/metadata/job"\nid = "/event_id"\nstatus = "/status"\ndone = ["complete"]\n'
        'failed = ["error", "cancelled"]\nerror = "/message"\ndeadline_seconds = 3600\n' + POLL,
    )
    assert table.webhook is not None
    assert (table.webhook.key, table.webhook.deadline) == (b"hunter2", timedelta(hours=1))
    assert (table.webhook.done, table.webhook.failed) == (("complete",), ("error", "cancelled"))
    assert table.policy.poll_every == timedelta(seconds=30)
    assert table.body.changes[0] == (("callback",), '"http://us/webhooks/a"')
    assert "hunter2" not in repr(table)


@pytest.mark.parametrize("rest", [WEBHOOK, POLL, POLL + '[vendors.a.webhook]\nresult = "/r"\n', WEBHOOK + POLL])
def test_a_webhook_with_a_secret_or_a_poll_is_enough(tmp_path: Path, rest: str) -> None:
    assert tables(tmp_path, TABLE + rest).answers_later


def test_words_may_be_numbers_and_booleans(tmp_path: Path) -> None:
    table = tables(tmp_path, TABLE + WEBHOOK + 'status = "/s"\ndone = [1, true, "OK"]\nfailed = [false]\n')
    assert table.webhook is not None
    assert (table.webhook.done, table.webhook.failed) == (("1", "true", "OK"), ("false",))


FAULTS = [
    ('[vendors.a]\nurl = "http://x"\nmode = "async"\n' + WEBHOOK, 1, "`reply.reference` is missing"),
    ('[vendors.a]\nurl = "http://x"\nmode = "async"\n[vendors.a.reply]\nresult = ""\n' + POLL, 4, "add reference"),
    (TABLE, 3, "add a table [….poll]"),
    (TABLE + '[vendors.a.webhook]\nreference = "/id"\n', 5, "give [….webhook] a secret"),
    ('[vendors.a]\nurl = "http://x"\n' + WEBHOOK, 3, 'write mode = "async" or remove it'),
    ('[vendors.a]\nurl = "http://x"\n' + POLL, 3, 'write mode = "async" or remove it'),
    ('[vendors.a]\nurl = "http://x"\n[vendors.a.reply]\nreference = "/id"\n', 4, 'write mode = "async" or remove it'),
    (TABLE + WEBHOOK.replace("SECRET", "WRONG"), 6, "whsec_ and then base64"),
    (TABLE + WEBHOOK.replace("SECRET", "EMPTY"), 6, "whsec_ and then base64"),
    (TABLE + WEBHOOK.replace("SECRET", "EMPTY") + 'scheme = "hmac"\n', 6, "anybody could sign"),
    (TABLE + WEBHOOK.replace("SECRET", "NOWHERE"), 6, "set NOWHERE, or put it into .env"),
    (TABLE + WEBHOOK + 'scheme = "md5"\n', 8, "'standard', 'stripe'"),
    (TABLE + WEBHOOK + 'secrt = "x"\n', 8, "known are scheme, secret, reference"),
    (TABLE + WEBHOOK + 'result = "report"\n', 8, "/data/report"),
    (TABLE + WEBHOOK + 'id = ""\n', 8, "name a member"),
    (TABLE + '[vendors.a.webhook]\nsecret = "${SECRET}"\n', 5, "says of no job"),
    (TABLE + WEBHOOK + 'done = ["ok"]\n', 8, "add status"),
    (TABLE + WEBHOOK + 'status = "/s"\n', 8, "never means done"),
    (TABLE + WEBHOOK + 'status = "/s"\ndone = ["a"]\nfailed = ["a"]\n', 10, "both hold 'a'"),
    (TABLE + WEBHOOK + 'status = "/s"\ndone = "ok"\n', 9, "`webhook.done` is no list"),
    (TABLE + WEBHOOK + "deadline_seconds = 0\n", 8, "greater than 0"),
    (TABLE + WEBHOOK + "deadline_seconds = 1e300\n", 8, "less than or equal"),
    (TABLE + '[vendors.a.poll]\nurl = "http://x/${job.reference}"\n', 5, "`poll.every_seconds` is missing"),
    (TABLE + POLL.replace("30", "0.05"), 7, "greater than or equal to 0.1"),
    (TABLE + POLL + "often = true\n", 8, "known are url, every_seconds"),
    (TABLE + POLL.replace("${job.reference}", "all"), 6, "names no job"),
    (TABLE + POLL.replace("${job.reference}", "${job.reference}/${job.payload}"), 6, "remove the other"),
    (TABLE + POLL.replace("x/${job.reference}", "${job.reference}/x"), 6, "in its host"),
    (TABLE + POLL.replace("http://x", "ftp://x"), 6, "poll's url is not an http"),
    (TABLE + WEBHOOK + 'reply = "x"\n', 8, "unknown key `webhook.reply`"),
    (TABLE + 'body = { "a" = 1 }\n' + WEBHOOK, 5, '"/metadata/job"'),
    (TABLE + 'body = { "" = 1 }\n' + WEBHOOK, 5, "replace all of the payload"),
    (TABLE + 'body = { "/a" = "${job.reference}" }\n' + WEBHOOK, 5, "${job.request_id} only"),
    (TABLE + 'body = { "/a" = 1, "/a/b" = 2 }\n' + WEBHOOK, 5, "remove one of them"),
    (TABLE + 'body = { "/a" = nan }\n' + WEBHOOK, 5, "nan and inf"),
    (TABLE + 'body = { "/a" = [{ b = 2026-01-31 }] }\n' + WEBHOOK, 5, "put it in quotes"),
    (TABLE + "body = 5\n" + WEBHOOK, 5, "body is no table"),
    (TABLE + 'headers = { X = "${job.request_id}" }\n' + WEBHOOK, 5, "remove ${job"),
    (TABLE + WEBHOOK.replace('"/id"', '"/${job.request_id}"'), 7, "remove ${job"),
]


@pytest.mark.parametrize(("text", "line", "says"), FAULTS)
def test_a_fault_names_its_line_and_its_remedy_and_repeats_no_secret(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tables(tmp_path, text)
    assert caught.value.detail.startswith(f"{tmp_path / 'vendors.toml'}:{line}: ")
    assert says in caught.value.detail
    assert "hunter2" not in caught.value.detail
    assert "\n" not in caught.value.detail
