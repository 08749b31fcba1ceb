"""
Whose money our key moves: the account's id and the mode, which Stripe is asked for once a key and process.

Docs: https://docs.stripe.com/api/accounts/retrieve, https://docs.stripe.com/keys
Quirk: one id stands for an account in live and in test mode, neither of which knows of the other's objects.
Quirk: a restricted key may lack the right to tell. A one-way hash of the key stands for its account then: what the
key says of its mode would take any other account for ours.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

import structlog

from domain.outcomes import Failed, Retry
from domain.vendors import Call
from vendors.stripe.asking import ask
from vendors.stripe.settings import StripeSettings
from vendors.stripe.wire import read_account_id

AGAIN_AFTER = timedelta(minutes=1)
LONGEST = timedelta(seconds=10)  # that a call waits for it, besides what it asks for itself
FORBIDDEN = 403

_BEING_ASKED = Retry(
    "account_being_asked", "Stripe is just asked whose our key is.", after=timedelta(seconds=1), counted=False
)

_REMEDY = (
    "before you roll the key of STRIPE_SECRET_KEY give it the right to read its account, start the workers again, and "
    "say gateway payments same-account with this account and the one that they log then"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Account:
    """`name` is put on record, `acct_…/live`; where Stripe does not tell, the key's `fingerprint`, `key_…/live`."""

    name: str
    fingerprint: str

    @property
    def is_told(self) -> bool:
        return self.name != self.fingerprint

    def goes_by(self, recorded: str) -> bool:
        """Also what was recorded before this key got the right to tell."""
        return recorded in (self.name, self.fingerprint)


class OwnAccount:
    """The account of one key. For one event loop."""

    def __init__(
        self, settings: StripeSettings, send: Callable[[], Awaitable[object]], again_after: timedelta = AGAIN_AFTER
    ) -> None:
        self._mode = "live" if settings.livemode else "test"
        self._restricted = settings.secret_key.get_secret_value().startswith("rk_")
        self._fingerprint = f"key_{_hashed(settings.secret_key.get_secret_value())}/{self._mode}"
        self._send = send
        self._again_after = again_after
        self._known: Account | None = None
        self._asked_seconds = 0.0
        self._asking: asyncio.Event | None = None

    async def told(self, call: Call) -> Account | Retry:
        """Asked for in the first call that needs it; those at the same moment wait for its answer. Raises `NotNow`."""
        if self._known is not None:
            return self._known
        within = min(call.timeout, LONGEST)
        if self._asking is not None:
            return await self._heard(self._asking, within)
        asking, self._asked_seconds = asyncio.Event(), asyncio.get_running_loop().time()
        self._asking = asking
        try:
            answer = await self._ask(replace(call, timeout=within))
        finally:
            self._asking = None
            asking.set()
        if isinstance(answer, Account):
            self._known = answer
        return answer

    def doubt(self) -> None:
        """What goes by a fingerprint is asked for again, as soon as a minute has gone by: the key may tell by now."""
        age = asyncio.get_running_loop().time() - self._asked_seconds
        if self._known is not None and not self._known.is_told and age >= self._again_after.total_seconds():
            self._known = None

    async def _heard(self, asking: asyncio.Event, within: timedelta) -> Account | Retry:
        try:
            async with asyncio.timeout(within.total_seconds()):
                await asking.wait()
        except TimeoutError:
            return _BEING_ASKED
        return self._known or _BEING_ASKED

    async def _ask(self, call: Call) -> Account | Retry:
        """
        That Stripe refuses to tell is a word of its own; that it is not heard leaves it unknown.

        A key that is not restricted lacks no right: a 403 to it says nothing of whose it is.
        """
        answer = await ask(self._send, read_account_id, call, moves=False)
        match answer:
            case str():
                log.info("payments go through this stripe account", account=f"{answer}/{self._mode}")
                return Account(f"{answer}/{self._mode}", self._fingerprint)
            case Retry() if answer.vendor_status != FORBIDDEN or not self._restricted:
                return answer
            case Retry() | Failed():
                log.warning("stripe does not tell whose our key is", account=self._fingerprint, remedy=_REMEDY)
                return Account(self._fingerprint, self._fingerprint)


def _hashed(key: str) -> str:
    """Keys are long and random: nobody finds one by its hash."""
    return sha256(b"stripe key\n" + key.encode()).hexdigest()[:24]
