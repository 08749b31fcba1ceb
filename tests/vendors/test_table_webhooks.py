"""A table's webhooks: the event's id, what it says of which job, and which secrets are good."""

import hashlib
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadSignature
from domain.outcomes import Done, Failed
from domain.webhooks import Notice, NotPromised
from tests.vendors.test_signatures import KEY, NOW, github, plain, standard, stripe
from vendors.signatures.secrets import FormerSecret
from vendors.table.webhook_settings import WebhookTable
from vendors.table.webhooks import TableWebhooks

OURS = "0192f0c0-0000-7000-8000-000000000001"
POINTERS = {"reference": "/id", "request_id": "/meta/job", "result": "/report"}
WORDS = {"status": "/status", "done": ["complete", 1, True], "failed": ["error"], "error": "/message"}


def reader(**table: Any) -> TableWebhooks:
    return TableWebhooks(WebhookTable.model_validate(POINTERS | table), KEY)


def read(body: object, **table: Any) -> Notice:
    return reader(**table).read(json.dumps(body).encode())


def test_without_a_status_every_webhook_means_done() -> None:
    assert read({"id": "r-1", "report": [1.0]}) == Notice("r-1", None, Done("[1.0]"))


def test_the_result_is_spelled_as_the_vendor_spelled_it() -> None:
    body = b'\xef\xbb\xbf {"id": 7, "report": {"a": 1.50, "a": 123456789012345678901, "b": "\\ud800"} }'
    notice = reader().read(body)
    assert notice.reference == "7"
    assert notice.outcome == Done('{"a": 1.50, "a": 123456789012345678901, "b": "\\ud800"}')


@pytest.mark.parametrize(("status", "word"), [("complete", "complete"), (1, "1"), (True, "true")])
def test_a_status_of_the_list_means_done(status: object, word: str) -> None:
    assert read({"id": "r", "status": status, "report": 0}, **WORDS) == Notice("r", None, Done("0"), word)


@pytest.mark.parametrize("status", ["halfway", 0, False, 1.5])
def test_a_status_of_neither_list_is_progress(status: object) -> None:
    notice = read({"id": "r", "status": status}, **WORDS)
    assert (notice.outcome, notice.status) == (None, str(status).lower())


def test_a_long_status_is_cut_since_a_job_keeps_many() -> None:
    assert len(read({"id": "r", "status": "x" * 10_000}, **WORDS).status or "") == 100


@pytest.mark.parametrize(
    ("message", "reason"),
    [("no such ticker", "no such ticker"), ("x" * 501, "x" * 500)]
    + [(said, "The vendor says that it failed.") for said in (None, "", {"a": 1}, 5, "\ud800")],
)
def test_a_failure_has_the_vendors_reason_if_it_is_a_sentence(message: object, reason: str) -> None:
    notice = read({"id": "r", "status": "error", "message": message}, **WORDS)
    assert notice.outcome == Failed("vendor_failed", reason)


def test_our_own_id_is_enough_and_only_if_it_is_one() -> None:
    assert read({"meta": {"job": OURS}, "report": 1}).request_id == UUID(OURS)
    assert read({"id": "r", "meta": {"job": OURS[:-1]}, "report": 1}).request_id is None
    assert read({"id": "r", "meta": {"job": OURS}, "report": 1}, request_id=None).request_id is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b"[]",
        b'{"id": null, "report": 1}',
        b'{"id": [], "report": 1}',
        b'{"meta": {"job": "x"}, "report": 1}',
        b'{"id": "r"}',
    ],
)
def test_a_body_that_is_not_what_the_table_promises_is_not_promised(body: bytes) -> None:
    with pytest.raises(NotPromised):
        reader().read(body)


@pytest.mark.parametrize("body", [{"id": "r"}, {"id": "r", "status": {}}, {"id": "r", "status": "complete"}])
def test_a_status_or_a_result_that_is_missing_is_not_promised(body: object) -> None:
    with pytest.raises(NotPromised):
        read(body, **WORDS)


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda one: json.dumps(one).encode())
)
def test_no_body_raises_anything_else(body: bytes) -> None:
    with suppress(NotPromised):
        reader(**WORDS).read(body)


def event_id(body: bytes, headers: dict[str, str], **table: Any) -> str:
    return reader(**table).verify(headers, body, NOW)


BODY = b'{"id": "evt_1", "event": {"id": 7}}'
HASH = hashlib.sha256(BODY).hexdigest()


def test_the_id_is_the_headers_else_the_bodys_else_a_hash() -> None:
    assert event_id(BODY, standard(BODY)) == "msg_1"
    assert event_id(BODY, github(BODY), scheme="github", id="/id") == "d-1"
    assert event_id(BODY, plain(BODY), scheme="hmac", id="/event/id") == "7"
    assert event_id(BODY, plain(BODY), scheme="hmac", id="/event/nowhere") == HASH
    assert event_id(BODY, plain(BODY), scheme="hmac") == HASH
    assert event_id(BODY, stripe(BODY), scheme="stripe") == "evt_1"


@pytest.mark.parametrize("unusable", ["x" * 256, "ü", "a\nb", ""])
def test_an_id_that_cannot_be_kept_gives_way_to_the_hash(unusable: str) -> None:
    body = json.dumps({"id": unusable}).encode()
    assert event_id(body, plain(body), scheme="hmac", id="/id") == hashlib.sha256(body).hexdigest()


def test_a_body_that_is_not_json_has_its_hash_as_id() -> None:
    assert event_id(b"<", plain(b"<"), scheme="hmac", id="/id") == hashlib.sha256(b"<").hexdigest()


def test_a_header_id_that_is_too_long_is_kept_by_its_hash() -> None:
    headers = {**github(BODY), "x-github-delivery": "d" * 256}
    assert event_id(BODY, headers, scheme="github") == hashlib.sha256(b"d" * 256).hexdigest()


def test_the_former_secret_is_good_until_its_day_is_over() -> None:
    rotated = reader().with_former(FormerSecret(b"former", NOW + timedelta(seconds=1)))
    rotated.verify(standard(BODY), BODY, NOW)
    rotated.verify(standard(BODY, key=b"former"), BODY, NOW)
    with pytest.raises(BadSignature):
        rotated.verify(standard(BODY, key=b"former"), BODY, NOW + timedelta(seconds=1))


def test_no_secret_shows_in_a_repr() -> None:
    table = WebhookTable.model_validate(POINTERS | {"scheme": "hmac", "secret": "hunter2"})
    assert table.key is not None
    shown = repr(TableWebhooks(table, table.key, FormerSecret(b"hunter2", NOW)))
    assert "hunter2" not in shown
