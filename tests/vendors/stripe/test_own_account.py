"""Whose our key is: told by Stripe once, and never guessed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from domain.errors import NotNow
from domain.outcomes import Retry
from tests.strategies import NOON
from tests.vendors.stripe.stripe_words import CALL, settings_at
from vendors.http import VendorHttp
from vendors.stripe.client import StripeDoor
from vendors.stripe.own_account import Account, OwnAccount
from vendors.stripe.settings import API_BASE
from vendors.stripe.transport import open_client

TOLD = {"id": "acct_1", "object": "account", "created": None}
MAY_NOT = {"error": {"type": "invalid_request_error", "message": "The key rk_test_x does not have the permissions."}}


class Stripe:
    """Answers in turn, the last answer for ever; while `hold` is set, when it is let go."""

    def __init__(self, *answers: httpx.Response | NotNow) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []
        self.reached = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        self.reached.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, NotNow):
            raise answer
        return answer


def said(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


@asynccontextmanager
async def door_on(stripe: Stripe, key: str = "sk_test_1") -> AsyncIterator[StripeDoor]:
    async with VendorHttp(httpx.MockTransport(stripe.answer)) as http:
        yield StripeDoor(settings_at(API_BASE, key), http)


async def told(key: str, answer: httpx.Response) -> Account:
    async with door_on(Stripe(answer), key) as door:
        account = await door.own_account(CALL)
    assert isinstance(account, Account)
    return account


async def test_the_same_account_is_another_one_where_real_money_moves() -> None:
    live, test = [await told(key, said(TOLD)) for key in ("sk_live_1", "sk_test_1")]
    assert (live.name, test.name) == ("acct_1/live", "acct_1/test")
    assert not live.goes_by(test.name)


async def test_rolled_keys_are_of_one_account() -> None:
    first, rolled = [await told(key, said(TOLD)) for key in ("sk_test_1", "sk_test_2")]
    assert rolled.goes_by(first.name)
    assert not rolled.goes_by(first.fingerprint)


@pytest.mark.parametrize("no", [said(MAY_NOT, 403), said({"error": {"message": "Unrecognized request URL"}}, 404)])
async def test_where_stripe_will_not_tell_the_key_counts_and_is_written_down_nowhere(no: httpx.Response) -> None:
    with capture_logs() as logs:
        account = await told("rk_test_a_secret", no)
    assert account.name == account.fingerprint
    assert "secret" not in f"{account} {logs}"
    (warned,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert "gateway payments same-account" in warned["remedy"]  # the right alone leaves on record what there is
    other = await told("rk_test_b_secret", no)
    assert not other.goes_by(account.name)
    assert not (await told("rk_live_a_secret", no)).goes_by(account.name)


async def test_what_was_recorded_by_a_keys_fingerprint_is_ours_once_the_key_may_tell() -> None:
    before, after = await told("rk_test_1", said(MAY_NOT, 403)), await told("rk_test_1", said(TOLD))
    assert after.goes_by(before.name)
    assert not before.goes_by(after.name)


@pytest.mark.parametrize(
    "trouble",
    [
        said({}, 500),
        said({}, 429),
        said({}, 401),
        said(MAY_NOT, 403),  # to a key that is not restricted: by something on the way to Stripe
        said({"id": "acct_1", "object": "customer"}),
        said({"id": "acct_1/live", "object": "account"}),
        said({"id": "", "object": "account"}),
        httpx.Response(200, content=b"<html>"),
    ],
)
async def test_what_is_no_answer_leaves_it_unknown_and_is_asked_again(trouble: httpx.Response) -> None:
    stripe = Stripe(trouble, said(TOLD))
    async with door_on(stripe) as door:
        assert isinstance(await door.own_account(CALL), Retry)
        assert isinstance(await door.own_account(CALL), Account)
        assert isinstance(await door.own_account(CALL), Account)
    assert stripe.asked == ["GET /v1/account"] * 2


async def test_those_who_come_while_it_is_asked_wait_for_the_one_answer() -> None:
    stripe = Stripe(said(TOLD))
    stripe.hold = asyncio.Event()
    async with door_on(stripe) as door, asyncio.TaskGroup() as group:
        calls = [group.create_task(door.own_account(CALL)) for _ in range(5)]
        await stripe.reached.wait()
        hasty = await door.own_account(replace(CALL, timeout=timedelta(milliseconds=1)))
        stripe.hold.set()
    assert isinstance(hasty, Retry)
    assert (hasty.code, hasty.counted) == ("account_being_asked", False)
    assert [call.result() for call in calls] == [calls[0].result()] * 5
    assert (isinstance(calls[0].result(), Account), len(stripe.asked)) == (True, 1)


async def test_a_key_that_got_the_right_to_tell_is_asked_again_once_somebody_waits_for_it() -> None:
    stripe = Stripe(said(MAY_NOT, 403), said(TOLD))
    async with VendorHttp(httpx.MockTransport(stripe.answer)) as http:
        settings = settings_at(API_BASE, "rk_test_1")
        send = open_client(settings, http).v1.accounts.retrieve_current_async
        at_once, later = (OwnAccount(settings, send, again_after=timedelta(minutes=each)) for each in (0, 1))
        untold = await at_once.told(CALL)
        assert await at_once.told(CALL) == untold
        at_once.doubt()
        now_told = await at_once.told(CALL)
        at_once.doubt()
        assert await at_once.told(CALL) == now_told != untold
        stripe.answers = [said(MAY_NOT, 403)]
        asked = len(stripe.asked)
        await later.told(CALL)
        later.doubt()
        await later.told(CALL)
    assert (asked, len(stripe.asked)) == (2, 3)


async def test_whom_the_limit_holds_back_holds_back_nobody_else() -> None:
    stripe = Stripe(NotNow("held back", until=NOON), said(TOLD))
    async with door_on(stripe) as door:
        with pytest.raises(NotNow):
            await door.own_account(CALL)
        assert isinstance(await door.own_account(CALL), Account)
