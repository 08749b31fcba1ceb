"""
Idempotency keys as Stripe keeps them: the first answer again for 24 hours, whatever it was.

https://docs.stripe.com/api/idempotent_requests: an answer is kept once the operation has begun, failures too; what was
refused before (by its parameters, its key, a limit) is not. The same key with other parameters is an error, and so are
two at the same time. GET and DELETE take no key.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from loadtest.stripe.clock import Clock
from loadtest.stripe.refusals import Refusal
from loadtest.vendors.wire import Reply

LONGEST_KEY = 255
LIFETIME_SECONDS = 24 * 3600
_MOST_KEYS = 200_000


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must be the same: where it was asked, and with what (in any order)."""

    path: str
    params: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    fingerprint: Fingerprint
    reply: Reply
    request_id: str
    at: int


@dataclass(slots=True)
class Keys:
    """`honoured` off makes it a processor that ignores keys."""

    clock: Clock
    honoured: bool = True
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _in_use: set[str] = field(default_factory=set)

    def begin(self, key: str, fingerprint: Fingerprint) -> tuple[Reply, str] | None:
        """
        The first answer and its request's id; None where there is none and the key is in use from now on.

        Raises `Refusal` where it is in use already, or was used for something else.
        """
        if not self.honoured:
            return None
        if key in self._in_use:
            raise _in_use(key)
        kept = self._kept.get(key)
        if kept is not None and kept.at + LIFETIME_SECONDS <= self.clock.now():
            del self._kept[key]
            kept = None
        if kept is None:
            self._in_use.add(key)
            return None
        _check_same(key, kept.fingerprint, fingerprint)
        return kept.reply, kept.request_id

    def keep(self, key: str, fingerprint: Fingerprint, reply: Reply, request_id: str) -> None:
        if not self.honoured:
            return
        self._kept[key] = _Kept(fingerprint, reply, request_id, self.clock.now())
        if len(self._kept) > _MOST_KEYS:
            self._kept.popitem(last=False)

    def end(self, key: str) -> None:
        """It may be asked again."""
        self._in_use.discard(key)

    def forget_all(self) -> None:
        self._kept.clear()


def _in_use(key: str) -> Refusal:
    return Refusal(
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later.",
        status=409,
        code="idempotency_key_in_use",
    )


def _check_same(key: str, first: Fingerprint, now: Fingerprint) -> None:
    if first.path != now.path:
        raise _not_the_same(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{now.path}' vs '{first.path}').",
            key,
        )
    if first.params != now.params:
        raise _not_the_same(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.", key
        )


def _not_the_same(what: str, key: str) -> Refusal:
    return Refusal(
        f"{what} Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )
