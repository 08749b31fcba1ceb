"""What strangers write as ids, addresses and URLs: read as it was written, or refused."""

import json
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from domain.batches import KEY, read_batch, read_item
from domain.errors import GatewayError, Invalid
from domain.fingerprints import fingerprint
from domain.public_addresses import is_public
from domain.request_ids import read_request_id
from domain.submissions import FIELDS, LONGEST_TRACEPARENT, read_traceparent
from domain.submitted_fields import read_callback_url
from tests.domain.test_json_text import VALUES


@given(st.uuids())
def test_an_id_is_read_as_it_is_written(known: UUID) -> None:
    assert read_request_id(str(known)) == read_request_id(str(known).upper()) == known


@given(st.uuids(), st.sampled_from(["{%s}", "urn:uuid:%s", " %s", "%s\n", "%s0"]))
def test_an_id_in_another_dress_names_nothing(known: UUID, dress: str) -> None:
    assert read_request_id(dress % known) is None
    assert read_request_id(known.hex) is None


@given(st.text(max_size=50) | st.text("0123456789abcdef.:%[]/", max_size=40))
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert is_public(text) in {True, False}


@given(
    st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "fe80::1%{}", "[{}]", "{}:80", "0{}"])
)
def test_no_address_is_public_by_the_way_it_is_spelled(address: object, dress: str) -> None:
    assert not is_public(dress.format(address))


HOSTS = st.sampled_from(["a.example", "1.1.1.1", "[2606:4700::1111]", "10.0.0.1", "localhost", "a.example.", "xn--a"])
TAILS = st.text("/?#@:\\%.[]&=a0 \t", max_size=12)


@given(st.builds("https://{}{}".format, HOSTS | st.text("a.:[]@%/\\0127x-", max_size=16), TAILS))
@example("https://a.example?@10.0.0.1/")
@example("https://a.example#@10.0.0.1/")
@example("https://a.example:443:80/")
def test_a_callback_url_that_is_taken_means_one_host_to_whoever_reads_it(url: str) -> None:
    """The host that is checked is the one that is dialled: where readers differ, such checks are got round."""
    try:
        taken = read_callback_url(json.dumps(url).encode(), anywhere=False)
    except Invalid:
        return
    assert taken == url
    try:
        dialled = httpx.URL(taken)
        host = dialled.host
    except (httpx.InvalidURL, ValueError):
        return  # is refused when it is called
    assert host.strip("[]").lower() == (urlsplit(taken).hostname or "").lower()
    assert not dialled.userinfo


@given(st.text(max_size=200) | st.from_regex(r"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.{0,600})?\Z"))
@example(f"cc-{'1' * 32}-{'1' * 16}-00-{'x' * 600}")
def test_a_trace_is_handed_on_as_it_came_or_not_at_all(text: str) -> None:
    read = read_traceparent(text)
    assert read in {None, text}
    assert read is None or len(read) <= LONGEST_TRACEPARENT


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5), st.integers(0, 5), st.sampled_from([None, 1]))
def test_an_item_with_its_key_has_the_fingerprint_of_the_body_alone(
    members: dict[str, object], place: int, indent: int | None
) -> None:
    items = list(members.items())
    keyed = dict([*items[:place], (KEY, "k"), *items[place:]])
    item = read_item(json.dumps(keyed, indent=indent).encode())
    assert item.key == "k"
    assert fingerprint(item.body.decode()) == fingerprint(json.dumps(members))


@given(st.lists(VALUES, min_size=1, max_size=5), st.sampled_from([None, 1]))
def test_the_items_of_a_batch_are_the_bytes_that_were_sent(values: list[object], indent: int | None) -> None:
    items = [json.dumps(value, indent=indent) for value in values]
    assert read_batch(('{ "jobs" : [' + " , ".join(items) + "]}\n").encode()) == [item.encode() for item in items]


@given(st.binary(max_size=60) | st.text('{}[]",:jobs\\u00e90 ', max_size=40).map(str.encode))
def test_any_bytes_are_a_batch_or_refused(body: bytes) -> None:
    for read in (read_batch, read_item):
        try:
            read(body)
        except GatewayError:
            continue
