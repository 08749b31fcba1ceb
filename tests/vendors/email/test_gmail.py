"""Letters by the Gmail API: its tokens, and what its answers come to. The vendors' own suite holds it to the rest."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest

from domain.errors import NotNow
from domain.outcomes import Done, Failed, Outcome, Retry
from tests.strategies import NOON
from tests.vendors.email.samples import a_call, a_letter
from vendors.email.gmail import GmailCarrier
from vendors.email.gmail_tokens import GmailTokens
from vendors.email.settings import GmailAccount
from vendors.http import VendorHttp

ACCOUNT = GmailAccount("id", "client-secret-of-gmail", "1//refresh-of-gmail")
SENT = httpx.Response(200, json={"id": "m1", "threadId": "t1"})

Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Google(httpx.AsyncBaseTransport):
    """Grants tokens `t1`, `t2`, …, and answers to letters as a test says; the last answer again and again."""

    def __init__(self, *answers: int, grants: int = 200, lasts: int = 3600) -> None:
        self.answers = [*answers] or [200]
        self.grants = grants
        self.lasts = lasts
        self.asked: list[httpx.Request] = []
        self.letters: list[httpx.Request] = []
        self.granting = asyncio.Event()
        self.granting.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["progress"].sent = False
        if request.url.host == "oauth2.googleapis.com":
            return await self._grant(request)
        await asyncio.sleep(0)  # as a connection would
        progress = request.extensions["progress"]
        if progress.gate is not None:
            await progress.gate()
        progress.sent = True
        self.letters.append(request)
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return SENT if status == 200 else httpx.Response(status, content=b"hunter2")

    async def _grant(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        number = len(self.asked)
        await self.granting.wait()
        return httpx.Response(self.grants, json={"access_token": f"t{number}", "expires_in": self.lasts})

    def bearers(self) -> list[str]:
        return [letter.headers["authorization"] for letter in self.letters]


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def carrier_of(google: Google, clock: Clock | None = None) -> AsyncIterator[GmailCarrier]:
    async with VendorHttp(google) as http:
        yield GmailCarrier(http, GmailTokens(http, ACCOUNT, clock=clock or Clock()))


async def send(google: Google) -> Outcome:
    async with carrier_of(google) as carrier:
        return await carrier.send(a_letter(), a_call())


async def test_a_letter_is_sent_as_gmail_wants_it() -> None:
    google = Google()
    assert await send(google) == Done('{"gmail_id":"m1"}', 200)
    [letter] = google.letters
    assert letter.url == "https://gmail.googleapis.com/gmail/v1/users/me/messages/send"
    assert urlsafe_b64decode(json.loads(letter.content)["raw"]) == a_letter().content
    assert google.bearers() == ["Bearer t1"]


async def test_the_refresh_token_is_exchanged_by_the_oauth_form() -> None:
    google = Google()
    await send(google)
    [asked] = google.asked
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(asked.content.decode()) == {
        "client_id": ["id"],
        "client_secret": ["client-secret-of-gmail"],
        "refresh_token": ["1//refresh-of-gmail"],
        "grant_type": ["refresh_token"],
    }


async def test_many_who_wait_share_one_refresh() -> None:
    google = Google()
    google.granting.clear()
    async with carrier_of(google) as carrier:
        sending = [asyncio.create_task(carrier.send(a_letter(), a_call())) for _ in range(20)]
        while not google.asked:
            await asyncio.sleep(0)
        sending[0].cancel()  # whoever began it may leave
        google.granting.set()
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 19
    assert len(google.asked) == 1


async def test_a_token_is_good_until_a_minute_before_its_end() -> None:
    google, clock = Google(lasts=600), Clock()
    async with carrier_of(google, clock) as carrier:
        for seconds in (0, 539, 1):
            clock.now += timedelta(seconds=seconds)
            await carrier.send(a_letter(), a_call())
    assert google.bearers() == ["Bearer t1", "Bearer t1", "Bearer t2"]


async def test_a_token_that_is_taken_no_more_is_made_anew_once() -> None:
    google = Google(401, 200)
    assert await send(google) == Done('{"gmail_id":"m1"}', 200)
    assert google.bearers() == ["Bearer t1", "Bearer t2"]


async def test_a_new_token_that_is_not_taken_either_ends_it() -> None:
    google = Google(401)
    outcome = await send(google)
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status, len(google.letters)) == ("email_sign_in_refused", 401, 2)


@pytest.mark.parametrize(("grants", "code"), [(400, "email_sign_in_refused"), (401, "email_sign_in_refused")])
async def test_a_refresh_token_that_is_refused_sends_nothing(grants: int, code: str) -> None:
    google = Google(grants=grants)
    outcome = await send(google)
    assert isinstance(outcome, Failed)
    assert (outcome.code, google.letters) == (code, [])


@pytest.mark.parametrize("grants", [500, 503, 429])
async def test_trouble_with_tokens_is_tried_again(grants: int) -> None:
    google = Google(grants=grants)
    outcome = await send(google)
    assert isinstance(outcome, Retry)
    assert (outcome.code, google.letters) == ("email_sign_in_unavailable", [])


async def test_a_grant_that_cannot_be_read_is_tried_again() -> None:
    class Odd(Google):
        async def _grant(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=b"<html>")

    outcome = await send(Odd())
    assert isinstance(outcome, Retry)
    assert outcome.code == "email_sign_in_unavailable"


@pytest.mark.parametrize(("status", "code"), [(400, "email_refused"), (413, "email_refused")])
async def test_a_no_is_final_and_repeats_nothing(status: int, code: str) -> None:
    outcome = await send(Google(status))
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status, "hunter2" in outcome.reason) == (code, status, False)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_too_much_and_trouble_are_tried_again(status: int) -> None:
    outcome = await send(Google(status))
    assert isinstance(outcome, Retry)
    assert outcome.vendor_status == status


async def test_the_gate_is_asked_for_letters_and_not_for_tokens() -> None:
    asked: list[int] = []
    google = Google(401, 200)

    async def gate() -> None:
        asked.append(len(google.asked))

    async with carrier_of(google) as carrier:
        await carrier.send(a_letter(), a_call(gate=gate))
    assert asked == [1, 2]


async def test_a_letter_that_may_not_leave_now_does_not() -> None:
    async def gate() -> None:
        raise NotNow("held back", until=NOON)

    google = Google()
    async with carrier_of(google) as carrier:
        with pytest.raises(NotNow):
            await carrier.send(a_letter(), a_call(gate=gate))
    assert google.letters == []


async def test_a_letter_has_the_time_that_its_token_left_it() -> None:
    google = Google()
    async with carrier_of(google) as carrier:
        outcome = await carrier.send(a_letter(), a_call(seconds=0))
    assert isinstance(outcome, Retry)
    assert (len(google.asked), google.letters) == (1, [])


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(ACCOUNT).replace("client_secret", "")
    assert "1//refresh-of-gmail" not in repr(ACCOUNT)
