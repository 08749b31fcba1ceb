"""Webhooks of any bytes, to readers of every scheme: stored as they came if they are signed, else refused."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes import FakeFailureLimit, FakeInbox
from tests.vendors.test_signatures import KEY, SIGN
from vendors.table.webhook_settings import WebhookTable
from vendors.table.webhooks import TableWebhooks
from webhooks.app import build_app
from webhooks.ports import WebhookPorts

SECRETS = {"standard": "whsec_" + "aHVudGVyMi1odW50ZXIyLWh1bnRlcjIh"}  # KEY as each scheme spells it
TABLE = {"reference": "/id", "request_id": "/ours", "status": "/status", "done": ["done"], "failed": ["failed"]}
every_scheme = pytest.mark.parametrize("scheme", sorted(SIGN))
few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

WORDS = st.sampled_from(["done", "failed", "half way", "", "\ud800", "x" * 600]) | st.integers() | st.none()
SAID = st.fixed_dictionaries({}, optional={"id": WORDS, "ours": WORDS, "status": WORDS, "error": WORDS})
BODIES = st.binary(max_size=80) | SAID.map(lambda said: json.dumps(said, indent=1).encode()) | st.just(b"[" * 5_000)


def reader(scheme: str) -> TableWebhooks:
    secret = SECRETS.get(scheme, KEY.decode())
    table = WebhookTable.model_validate({**TABLE, "scheme": scheme, "secret": secret})
    assert table.key == KEY
    return TableWebhooks(table, KEY)


@pytest.fixture
async def any_client(ports: WebhookPorts) -> AsyncIterator[AsyncClient]:
    served = replace(ports, readers={name: reader(name) for name in SIGN}, failures=FakeFailureLimit(tolerated=10**9))
    transport = ASGITransport(build_app(served), client=("192.0.2.1", 4711))  # type: ignore[arg-type]
    async with AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client


@every_scheme
@few
@given(body=BODIES)
async def test_what_is_signed_is_stored_as_it_came(
    any_client: AsyncClient, inbox: FakeInbox, scheme: str, body: bytes
) -> None:
    headers = SIGN[scheme](body, datetime.now(UTC))
    answer = await any_client.post(f"/webhooks/{scheme}", content=body, headers=headers)
    assert answer.status_code in {200, 202}
    if answer.status_code == 202:
        assert inbox.stored[-1].body == body


@every_scheme
@few
@given(body=st.binary(min_size=1, max_size=80), place=st.integers(0, 79), bit=st.integers(0, 7))
async def test_one_bit_that_was_changed_is_a_401_and_nothing_is_stored(
    any_client: AsyncClient, inbox: FakeInbox, scheme: str, body: bytes, place: int, bit: int
) -> None:
    changed = bytearray(body)
    changed[place % len(body)] ^= 1 << bit
    headers = SIGN[scheme](body, datetime.now(UTC))
    answer = await any_client.post(f"/webhooks/{scheme}", content=bytes(changed), headers=headers)
    assert (answer.status_code, inbox.stored) == (401, [])


LINES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
NAMES = st.sampled_from(
    ["webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature", "x-hub-signature-256", "x-signature"]
)


@every_scheme
@few
@given(sent=st.lists(st.tuples(NAMES, LINES | st.sampled_from(["v1,", "t=1,v1=", "sha256="])), max_size=6), body=BODIES)
async def test_no_headers_make_a_500(
    any_client: AsyncClient, inbox: FakeInbox, scheme: str, sent: list[tuple[str, str]], body: bytes
) -> None:
    headers = [(name.encode(), text.encode("latin-1")) for name, text in sent]
    answer = await any_client.post(f"/webhooks/{scheme}", content=body, headers=headers)
    assert (answer.status_code, inbox.stored) == (401, [])
