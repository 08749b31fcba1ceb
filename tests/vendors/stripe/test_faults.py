"""What each of Stripe's errors means."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.errors import OutcomeUnknown
from domain.money import Money
from domain.outcomes import Failed, Retry
from domain.unknowns import CODES_OF_DOUBT
from tests.vendors.stripe.stripe_words import CALL, answer, error, intent, stripe_says
from vendors.http import Reply
from vendors.stripe.faults import KEY_REFUSED, Declined, read_fault
from vendors.stripe.words import IntentAsked

INTENT = IntentAsked(Money(amount=2000, currency="USD"), "pm_card_visa", "https://shop.test/back")


async def paying(body: object, status: int, **headers: str) -> Any:
    async with stripe_says(answer(body, status, **headers)) as scene:
        return await scene.door.create_intent(INTENT, CALL)


async def asking(body: object, status: int, **headers: str) -> Any:
    async with stripe_says(answer(body, status, **headers)) as scene:
        return await scene.door.retrieve_intent("pi_1", CALL)


async def test_a_declined_card_is_the_banks_own_word() -> None:
    failed = intent(status="requires_payment_method", amount_received=0)
    said = error(
        type="card_error",
        code="card_declined",
        decline_code="insufficient_funds",
        message="Your card has insufficient funds.",
        payment_intent=failed,
    )
    outcome = await paying(said, 402)
    assert outcome == Declined(
        "card_declined",
        "Your card has insufficient funds. (insufficient_funds)",
        402,
        "insufficient_funds",
        "pi_1",
    )
    assert isinstance(outcome, Failed)


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, {"code": "amount_too_small", "message": "Amount too small."}, "amount_too_small"),
        (404, {"code": "resource_missing", "param": "payment_method"}, "resource_missing"),
        (400, {"message": "No."}, "vendor_rejected"),
        (413, {"message": "Too large."}, "vendor_rejected"),
        (400, {"code": "outcome_unknown"}, "vendor_rejected"),
        (400, {"code": "A strange one!"}, "vendor_rejected"),
        (402, {"type": "api_error"}, "card_declined"),
    ],
)
async def test_a_no_fails_and_proves_that_nothing_was_done(status: int, said: dict[str, Any], code: str) -> None:
    outcome = await paying(error(**said), status)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == (code, status)
    assert outcome.code not in CODES_OF_DOUBT


async def test_a_message_and_the_parameter_are_told_and_a_long_one_is_cut() -> None:
    outcome = await paying(error(message="x" * 900, param="amount"), 400)
    assert outcome.reason == "x" * 500 + " [amount]"


async def test_a_key_that_is_wrong_costs_no_money_closes_the_vendor_and_says_what_to_set() -> None:
    outcome = await paying(error(message="Invalid API Key provided: sk_test_***1234"), 401)
    assert isinstance(outcome, Retry)
    assert (outcome.closes_vendor, outcome.after, outcome.code) == (True, KEY_REFUSED, "vendor_refused_key")
    assert "STRIPE_SECRET_KEY" in outcome.reason
    assert "1234" not in outcome.reason


@pytest.mark.parametrize("status", [401, 403])
async def test_what_is_wrong_with_our_key_is_loud_and_names_the_setting_and_not_the_key(status: int) -> None:
    with capture_logs() as log:
        await paying(error(message="Invalid API Key provided: sk_test_***1234"), status)
    assert [line["log_level"] for line in log] == ["error"]
    assert "STRIPE_SECRET_KEY" in str(log)
    assert "1234" not in str(log)


async def test_a_key_that_may_not_do_this_keeps_nobody_from_what_it_may() -> None:
    outcome = await paying(error(message="not for rk_test_***1234"), 403)
    assert isinstance(outcome, Retry)
    assert (outcome.closes_vendor, outcome.code) == (False, "vendor_refused_key")
    assert "1234" not in outcome.reason


@pytest.mark.parametrize("status", [429, 400])
async def test_too_many_calls_close_the_vendor(status: int) -> None:
    outcome = await paying(error(code="rate_limit"), status, Retry_After="7")
    assert outcome == Retry(
        "vendor_throttled", f"Stripe answered {status}: not now.", timedelta(seconds=7), True, status
    )


async def test_a_429_that_is_no_json_says_when_too() -> None:
    assert (await asking(b"<html>", 429, Retry_After="7")).after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, {"code": "lock_timeout"}),
        (409, {"code": "lock_timeout"}),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}),
        (400, {"code": "idempotency_key_in_use"}),
        (409, {}),
    ],
)
async def test_one_that_is_locked_or_under_way_is_asked_for_again_and_closes_nothing(
    status: int, said: dict[str, Any]
) -> None:
    outcome = await paying(error(**said), status)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.closes_vendor) == ("vendor_busy", False)


async def test_other_parameters_under_the_same_key_are_loud_and_leave_it_in_doubt() -> None:
    with capture_logs() as log:
        outcome = await paying(error(type="idempotency_error", message="Keys for idempotent requests …"), 400)
    assert isinstance(outcome, Failed)
    assert outcome.code in CODES_OF_DOUBT  # so that no retry takes a new key, and pays twice
    assert [line["log_level"] for line in log] == ["error"]


@pytest.mark.parametrize("status", [408, 424, 425, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [error(message="Oh."), b"<html>"], ids=["json", "html"])
async def test_stripes_own_trouble_is_unknown_where_it_may_have_acted(status: int, body: object) -> None:
    with pytest.raises(OutcomeUnknown):
        await paying(body, status, Retry_After="7")
    assert isinstance(await asking(body, status), Retry)


async def test_a_redirect_is_followed_nowhere() -> None:
    outcome = await paying(b"", 302, Location="https://elsewhere.test")
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("vendor_redirected", 302)


def errors_of_the_sdk(kind: type[stripe.StripeError] = stripe.StripeError) -> Iterator[type[stripe.StripeError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from errors_of_the_sdk(child)


def made(kind: type[stripe.StripeError]) -> stripe.StripeError:
    fault = kind.__new__(kind)
    Exception.__init__(fault)
    return fault


@pytest.mark.parametrize("kind", sorted(set(errors_of_the_sdk()), key=str), ids=lambda kind: str(kind.__name__))
def test_every_error_of_the_sdk_has_a_meaning(kind: type[stripe.StripeError]) -> None:
    for status in (200, 302, 400, 401, 404, 500):
        reply = Reply(status, httpx.Headers(), b"{}", datetime.now(UTC))
        assert isinstance(read_fault(made(kind), reply, moves=False), Retry | Failed)


@given(
    status=st.integers(200, 599),
    body=st.one_of(
        st.binary(max_size=50),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["error", "code", "type", "id", "object", "message"]), inner, max_size=4
                )
            ),
            max_leaves=8,
        ).map(lambda said: json.dumps(said).encode()),
    ),
)
def test_whatever_comes_nothing_but_a_clear_no_ends_a_payment(status: int, body: bytes) -> None:
    reply = Reply(status, httpx.Headers(), body, datetime.now(UTC))
    try:
        outcome = read_fault(stripe.APIError("", body, status), reply, moves=True)
    except OutcomeUnknown:
        assert status < 300 or status >= 500 or status in {408, 424, 425}
        return
    if isinstance(outcome, Failed):
        assert 300 <= status < 500
        assert outcome.code not in CODES_OF_DOUBT
