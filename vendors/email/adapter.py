"""
Mails: what the gateway has to tell people, each a job.

Docs: https://www.rfc-editor.org/rfc/rfc5321 (SMTP), https://developers.google.com/gmail/api/guides/sending
Quirk: mail servers know no idempotency keys, so a mail that may have left is never sent again by itself.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from domain.accounts.mails import VENDOR
from domain.backoff import Backoff
from domain.outcomes import Failed, Outcome
from domain.vendors import Call, VendorPolicy
from vendors.email.settings import EmailSettings
from vendors.email.wire import Letter, TokenOf, compose, read_mail

TIMEOUT = timedelta(seconds=30)
TRIES = 12  # over half an hour: a server that greylists wants to be asked again after 5 to 15 minutes
BACKOFF = Backoff(base_seconds=5, cap_seconds=600)

NOT_CONFIGURED = Failed(
    "email_not_configured", "No mail server is set: set SMTP_URL or GMAIL_* and start again, then retry the job."
)

Clock = Callable[[], datetime]


class Carrier(Protocol):
    """Takes letters away: by SMTP, by Gmail, into the local inbox."""

    @property
    def repeatable(self) -> bool:
        """Whether it knows a letter by the call's key, and takes it once however often it is sent."""
        ...

    @property
    def at_once(self) -> int | None:
        """Letters under way at a time, over the whole fleet; None: as many as come."""
        ...

    async def send(self, letter: Letter, call: Call) -> Outcome:
        """Try once. Raises `OutcomeUnknown` when it may have left, and `NotNow` as the call's gate does."""
        ...


def policy_of(limit: str | None, *, repeatable: bool, at_once: int | None) -> VendorPolicy:
    return VendorPolicy(
        attempts=TRIES, backoff=BACKOFF, timeout=TIMEOUT, repeatable=repeatable, limit=limit, concurrency=at_once
    )


class Email:
    """A `domain.vendors.Vendor`. Its payload is a `domain.accounts.mails.Mail`, which no client can submit."""

    name = VENDOR

    def __init__(
        self,
        carrier: Carrier,
        settings: EmailSettings,
        token_of: TokenOf,
        *,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """`clock` dates the mails."""
        self.policy = policy_of(settings.limit, repeatable=carrier.repeatable, at_once=carrier.at_once)
        self._carrier = carrier
        self._settings = settings
        self._token_of = token_of
        self._clock = clock

    async def call(self, call: Call) -> Outcome:
        """Send the mail once."""
        mail = read_mail(call.payload)
        if isinstance(mail, Failed):
            return mail
        letter = compose(mail, call.request_id, self._settings, self._token_of, self._clock())
        return letter if isinstance(letter, Failed) else await self._carrier.send(letter, call)


class NoCarrier:
    """A `Carrier` where nobody has set any: the gateway runs, and its mails say what is missing."""

    repeatable = True
    at_once = None

    async def send(self, letter: Letter, call: Call) -> Outcome:  # noqa: ARG002 - there is nothing to be done with them
        return NOT_CONFIGURED
