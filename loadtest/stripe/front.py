"""
The front of the API: who asks, in which version, whether it was asked before; then the operation, and its answer.

Refused by its key, address or parameters, a request has not begun: nothing is kept for its idempotency key.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from loadtest.stripe import expansion, routes
from loadtest.stripe.account import Account
from loadtest.stripe.events import API_VERSION, EventRequest
from loadtest.stripe.forms import pairs_of, tree_of
from loadtest.stripe.keys import LONGEST_KEY, Fingerprint, Keys
from loadtest.stripe.params import read
from loadtest.stripe.refusals import Refusal
from loadtest.stripe.routes import OWN_ACCOUNT, Route
from loadtest.vendors.wire import Reply, Request

_RESTRICTED = "rk_test_"
_KEY_BEGINS = ("sk_test_", _RESTRICTED)
_PREFIX = "/stripe"
REPLAYED = (b"idempotent-replayed", b"true")


@dataclass(frozen=True, slots=True)
class Holding:
    """An account, and the idempotency keys that it has seen: another account knows nothing of them."""

    account: Account
    keys: Keys


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that may begin."""

    holding: Holding
    route: Route
    ids: tuple[str, ...]
    fingerprint: Fingerprint
    request_id: str
    key: str | None
    base_url: str


@dataclass(slots=True)
class Front:
    """
    `accepted`: the only keys that are taken; none means every `sk_test_…` and `rk_test_…`. `others`: whose account is
    not the usual one.
    """

    usual: Holding
    others: Mapping[str, Holding] = field(default_factory=dict)
    accepted: frozenset[str] = field(default_factory=frozenset)

    def open(self, request: Request, query: bytes) -> Opened | Reply:
        """What to `act` on, to be `shut` in any case; or the answer, where there is nothing to do."""
        request_id = f"req_{uuid4().hex[:14]}"
        try:
            opened = self._opened(request, query, request_id)
            first = None if opened.key is None else opened.holding.keys.begin(opened.key, opened.fingerprint)
        except Refusal as refusal:
            return _answer(refusal.status, refusal.body(request_id), request_id, None)
        if first is None or opened.key is None:
            return opened
        reply, original = first
        replayed = _answer(reply.status, reply.body, request_id, opened.key, original)
        return replace(replayed, headers=(*replayed.headers, REPLAYED))

    def act(self, opened: Opened) -> Reply:
        """Do it. What it answers is kept for its key, once it has begun."""
        try:
            asked = read(tree_of(list(opened.fingerprint.params)), opened.route.takes)
            expansion.check(asked.expand, opened.route.kind, listed=opened.route.listed)
        except Refusal as refusal:
            return self._refuse(opened, refusal)
        account = opened.holding.account
        account.request = EventRequest(opened.request_id, opened.key)
        account.base_url = opened.base_url
        try:
            thing = opened.route.act(account, asked, *opened.ids)
            body = expansion.shown(account, thing, asked.expand)
            reply = replace(_answer(200, body, opened.request_id, opened.key), acted=opened.route.method != "GET")
        except Refusal as refusal:
            reply = self._refuse(opened, refusal)
        return self.keep(opened, reply)

    def refuse(self, opened: Opened, refusal: Refusal) -> Reply:
        """Told to fail after it began: the failure is what a repeat gets."""
        return self.keep(opened, self._refuse(opened, refusal))

    def keep(self, opened: Opened, reply: Reply) -> Reply:
        if opened.key is not None:
            opened.holding.keys.keep(opened.key, opened.fingerprint, reply, opened.request_id)
        return reply

    def shut(self, opened: Opened) -> None:
        if opened.key is not None:
            opened.holding.keys.end(opened.key)

    def _opened(self, request: Request, query: bytes, request_id: str) -> Opened:
        said = self._checked_key(request.header(b"authorization"))
        _check_version(request.header(b"stripe-version"))
        path = request.path.removeprefix(_PREFIX)
        route, ids = routes.find(request.method, path)
        if route is OWN_ACCOUNT and said.startswith(_RESTRICTED):
            raise Refusal("The provided key does not have the required permissions for this endpoint.", status=403)
        pairs = pairs_of(request.body if request.method == "POST" else query)
        if request.method == "POST" and query:
            pairs += pairs_of(query)
        key = request.header(b"idempotency-key") if request.method == "POST" else None
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            raise Refusal(f"Idempotency keys may have up to {LONGEST_KEY} characters.")
        base_url = f"http://{request.header(b'host')}{_PREFIX}"
        holding = self.others.get(said, self.usual)
        return Opened(holding, route, ids, Fingerprint(path, tuple(sorted(pairs))), request_id, key, base_url)

    def _checked_key(self, header: str | None) -> str:
        key = _key_of(header)
        if key is None:
            raise Refusal(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
                "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
                status=401,
            )
        if not key.startswith(_KEY_BEGINS) or (self.accepted and key not in self.accepted):
            hidden = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
            raise Refusal(f"Invalid API Key provided: {hidden}", status=401)
        return key

    def _refuse(self, opened: Opened, refusal: Refusal) -> Reply:
        return _answer(refusal.status, refusal.body(opened.request_id), opened.request_id, opened.key)


def refuse(refusal: Refusal, *headers: tuple[bytes, bytes]) -> Reply:
    """Before anybody has looked at the request."""
    request_id = f"req_{uuid4().hex[:14]}"
    reply = _answer(refusal.status, refusal.body(request_id), request_id, None)
    return Reply(reply.body, reply.status, headers=(*reply.headers, *headers))


def _answer(status: int, body: bytes, request_id: str, key: str | None, original: str | None = None) -> Reply:
    headers = [(b"request-id", request_id.encode()), (b"stripe-version", API_VERSION.encode())]
    if key is not None:
        headers.append((b"idempotency-key", key.encode("latin-1")))
        headers.append((b"original-request", (original or request_id).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Stripe"'))
    return Reply(body, status, headers=tuple(headers))


def _key_of(header: str | None) -> str | None:
    scheme, _, given = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(given, validate=True).decode().partition(":")[0] or None
    except (NotBase64, ValueError):
        return None


def _check_version(wished: str | None) -> None:
    if wished not in (None, API_VERSION):
        raise Refusal(f"Invalid Stripe API version: {wished}. The simulated Stripe speaks {API_VERSION} alone.")
