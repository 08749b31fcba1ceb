"""Stripe's events: whose they are, and of which job they speak."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from domain.errors import BadSignature
from domain.webhooks import LookAgain, NotForUs, Notice, NotPromised
from tests.vendors.stripe.stripe_words import JOB, MARKS, charge, intent, refund, session, settings_at
from vendors.signatures.secrets import FormerSecret, KeepsSecret
from vendors.stripe.settings import StripeSettings
from vendors.stripe.webhooks import ACTED_ON, StripeWebhooks

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = b"whsec_of_stripe"
READER = StripeWebhooks.of(settings_at())
LIVE = StripeWebhooks.of(StripeSettings(SecretStr("sk_live_x"), SecretStr("whsec_of_stripe")))


def event(kind: str, subject: dict[str, Any], **said: Any) -> bytes:
    usual = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": subject}}
    return json.dumps({**usual, **said}).encode()


def signed(body: bytes, *, at: datetime = NOW, secret: bytes = SECRET) -> dict[str, str]:
    moment = str(int(at.timestamp()))
    code = hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={moment},v1={code},v0=old"}


PAID = event("payment_intent.succeeded", intent(metadata=MARKS))


def test_what_stripe_signed_is_known_by_its_own_id() -> None:
    assert READER.verify(signed(PAID), PAID, NOW) == "evt_1"


@pytest.mark.parametrize("seconds", [-301, 301, -86400, 86400])
def test_old_ones_and_those_of_the_future_are_refused(seconds: int) -> None:
    with pytest.raises(BadSignature):
        READER.verify(signed(PAID, at=NOW + timedelta(seconds=seconds)), PAID, NOW)


def test_within_five_minutes_clocks_may_differ() -> None:
    for seconds in (-299, 299):
        READER.verify(signed(PAID, at=NOW + timedelta(seconds=seconds)), PAID, NOW)


def test_a_forged_one_is_refused() -> None:
    for headers, body in ((signed(PAID, secret=b"guess"), PAID), (signed(PAID), PAID + b" "), ({}, PAID)):
        with pytest.raises(BadSignature):
            READER.verify(headers, body, NOW)


@pytest.mark.parametrize(("reader", "livemode"), [(READER, True), (LIVE, False)], ids=["test key", "live key"])
def test_one_of_the_other_mode_is_refused_though_it_is_signed(reader: StripeWebhooks, livemode: bool) -> None:
    body = event("payment_intent.succeeded", intent(metadata=MARKS), livemode=livemode)
    with pytest.raises(BadSignature, match="mode"):
        reader.verify(signed(body), body, NOW)
    same = event("payment_intent.succeeded", intent(metadata=MARKS), livemode=not livemode)
    assert reader.verify(signed(same), same, NOW) == "evt_1"


def test_for_a_day_the_secret_before_is_good_too() -> None:
    assert isinstance(READER, KeepsSecret)
    both = READER.with_former(FormerSecret(b"before", NOW + timedelta(hours=24)))
    both.verify(signed(PAID, secret=b"before"), PAID, NOW)
    later = NOW + timedelta(hours=25)
    with pytest.raises(BadSignature):
        both.verify(signed(PAID, at=later, secret=b"before"), PAID, later)


@pytest.mark.parametrize("body", [b"{}", b'{"id": 7}', b'{"id": "no\\nid"}', b"not json", b"[]"])
def test_a_signed_body_without_an_id_has_its_hash(body: bytes) -> None:
    assert READER.verify(signed(body), body, NOW) == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("kind", sorted(ACTED_ON))
def test_every_event_that_names_our_job_has_it_look_again_and_is_believed_nothing_else(kind: str) -> None:
    named = {"id": "x_1", "object": "x", "metadata": MARKS, "payment_intent": "pi_of_a_session"}
    subject = {**named, "status": "succeeded", "amount": 10**9}
    at = "x_1" if kind.startswith(("checkout.session.", "payment_intent.")) else "pi_of_a_session"
    assert READER.read(event(kind, subject)) == Notice(None, JOB, LookAgain(at), kind)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("refund.created", refund()),
        ("refund.failed", refund(payment_intent={"id": "pi_1", "object": "payment_intent"})),
        ("charge.refunded", charge()),
        ("refund.updated", refund(metadata={"job": "no id of ours"})),
    ],
)
def test_what_was_made_in_the_dashboard_is_matched_by_its_payment(kind: str, subject: dict[str, Any]) -> None:
    assert READER.read(event(kind, subject)) == Notice("pi_1", None, LookAgain("pi_1"), kind)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("payment_intent.created", intent(metadata=MARKS)),
        ("payment_intent.succeeded", intent()),
        ("checkout.session.completed", session()),
        ("charge.refunded", charge(payment_intent=None)),
    ],
)
def test_what_nothing_hangs_on_or_another_made_is_not_for_us(kind: str, subject: dict[str, Any]) -> None:
    with pytest.raises(NotForUs):
        READER.read(event(kind, subject))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"\xff",
        b'{"id": "evt_1", "type": "refund.created", "livemode": false}',
        b'{"id": "evt_1", "type": "refund.created", "data": {"object": {}}}',
        event("refund.created", {"payment_intent": "p" * 300}),
        event("refund.created", {"payment_intent": ""}),
        event("refund.created", {"metadata": {"job": 7}}),
    ],
)
def test_what_is_no_event_is_not_what_stripe_promises(body: bytes) -> None:
    with pytest.raises(NotPromised):
        READER.read(body)


@given(body=st.binary(max_size=200), header=st.text(max_size=80))
def test_whatever_strangers_send_is_refused_or_read_and_nothing_else(body: bytes, header: str) -> None:
    with pytest.raises(BadSignature):
        READER.verify({"stripe-signature": header}, body, NOW)
    with pytest.raises((NotPromised, NotForUs)):
        READER.read(body)
