"""
Where secrets come from. Each place is wrapped for the length of the run: what it gives is noted, and given as it is.

    made     by Python's `secrets`, as tokens, as links, as the secrets of callbacks
    typed    passwords, which all are hashed or compared
    set      whatever a setting, a table or a mail server's URL holds as a secret, and what tokens are signed by
    sent     in headers, cookies, bodies and paths of requests, and in what comes back
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import jwt
import msgspec
from pydantic import SecretStr

from domain.infra.key_ring import KeyRing
from domain.infra.passwords import ArgonPasswords
from domain.infra.tokens import SignedTokens
from tests.fakes_accounts import FakePasswords, FakeTokens
from tests.leaks.ledger import Ledger
from vendors.callback.settings import CallbackSettings
from vendors.email.settings import GmailAccount, SmtpServer

Note = Callable[[object, str], None]

_IN_PATH = re.compile(r"/auth/[a-z/-]+/([^/?#]{20,})")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+*-]+(;.*)?")
_PASSWORD_IN_URL = re.compile(r"[a-z+]+://[^/@]*:([^/@]+)@")
_SECRET_MEMBERS = ("password", "token", "secret", "api_key", "apikey")  # and what ends so: `newPassword`
_KEY = "key"  # alone: `email_key` is what an address is compared by
_LOOKED_THROUGH = ("/auth", "/users", "/api-keys", "/api/", "/control/webhooks/secret", "/token")
LARGEST_BODY = 65_536


@contextmanager
def noted(ledger: Ledger) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, wrapped in _wrapped(ledger.secret):
            stack.enter_context(patch.object(owner, name, wrapped))
        yield


def _wrapped(note: Note) -> Iterator[tuple[Any, str, Any]]:
    yield secrets, "token_urlsafe", _noting_answer(secrets.token_urlsafe, note, "a random secret")
    yield secrets, "token_hex", _noting_answer(secrets.token_hex, note, "a random secret")
    yield jwt, "encode", _noting_answer(jwt.encode, note, "an access token")
    for kind in (SignedTokens, FakeTokens):
        yield kind, "access", _noting_answer(kind.access, note, "an access token")
        yield kind, "refresh", _noting_answer(kind.refresh, note, "a refresh token")
        yield kind, "link", _noting_answer(kind.link, note, "a mailed link's token")
    yield CallbackSettings, "secret_of", _noting_answer(CallbackSettings.secret_of, note, "a callback's secret")
    for passwords in (ArgonPasswords, FakePasswords):
        yield passwords, "hash", _noting_password(passwords.hash, note)
        yield passwords, "verify", _noting_password(passwords.verify, note)
    yield SecretStr, "__init__", _noting_setting(SecretStr.__init__, note)
    yield SmtpServer, "__init__", _noting_fields(SmtpServer.__init__, note, "password")
    yield GmailAccount, "__init__", _noting_fields(GmailAccount.__init__, note, "client_secret", "refresh_token")
    yield KeyRing, "of", classmethod(_noting_secrets(KeyRing.of.__func__, note))  # type: ignore[attr-defined]
    yield httpx.AsyncClient, "send", _noting_exchange(httpx.AsyncClient.send, note)
    yield httpx.Client, "send", _noting_exchange_at_once(httpx.Client.send, note)


def _noting_answer(make: Callable[..., str], note: Note, kind: str) -> Callable[..., str]:
    def noting(*args: Any, **named: Any) -> str:
        made = make(*args, **named)
        note(made, kind)
        return made

    return noting


def _noting_password(use: Callable[..., Any], note: Note) -> Callable[..., Any]:
    async def noting(self: object, password: str, *rest: Any, **named: Any) -> Any:
        note(password, "a password")
        return await use(self, password, *rest, **named)

    return noting


def _noting_setting(make: Callable[..., None], note: Note) -> Callable[..., None]:
    def noting(self: SecretStr, text: str) -> None:
        make(self, text)
        note(secret_in(text), "a setting")

    return noting


def _noting_fields(make: Callable[..., None], note: Note, *names: str) -> Callable[..., None]:
    def noting(self: object, *args: Any, **named: Any) -> None:
        make(self, *args, **named)
        for name in names:
            note(getattr(self, name), "a mail server's credential")

    return noting


def _noting_secrets(make: Callable[..., Any], note: Note) -> Callable[..., Any]:
    def noting(cls: type, texts: Any, *rest: Any, **named: Any) -> Any:
        for text in texts:
            note(text, "a signing secret")
        return make(cls, texts, *rest, **named)

    return noting


def _noting_exchange(send: Callable[..., Any], note: Note) -> Callable[..., Any]:
    async def noting(self: object, request: httpx.Request, **named: Any) -> httpx.Response:
        note_request(request, note)
        response: httpx.Response = await send(self, request, **named)
        note_response(response, note)
        return response

    return noting


def _noting_exchange_at_once(send: Callable[..., Any], note: Note) -> Callable[..., Any]:
    def noting(self: object, request: httpx.Request, **named: Any) -> httpx.Response:
        note_request(request, note)
        response: httpx.Response = send(self, request, **named)
        note_response(response, note)
        return response

    return noting


def note_request(request: httpx.Request, note: Note) -> None:
    note(request.headers.get("authorization", "").partition(" ")[2], "a credential")
    for pair in request.headers.get("cookie", "").split(";"):
        note(pair.partition("=")[2], "a cookie")
    if (found := _IN_PATH.search(request.url.path)) is not None:
        note(found[1], "a mailed link's token")
    if request.url.path.startswith(_LOOKED_THROUGH):
        _note_members(getattr(request, "_content", b""), note)


def note_response(response: httpx.Response, note: Note) -> None:
    for line in response.headers.get_list("set-cookie"):
        note(line.partition(";")[0].partition("=")[2], "a cookie")
    if response.request.url.path.startswith(_LOOKED_THROUGH):
        _note_members(getattr(response, "_content", b""), note)  # not there while it is streamed


def secret_in(text: str) -> str | None:
    """What of a setting's text is the secret: of a URL its password, of a header what follows its scheme."""
    if "://" in text:
        found = _PASSWORD_IN_URL.match(text)
        return None if found is None else found[1]
    if _MEDIA_TYPE.fullmatch(text):
        return None
    return text.partition(" ")[2] if text.lower().startswith(("bearer ", "basic ")) else text


def _note_members(body: bytes, note: Note) -> None:
    if not body.startswith(b"{") or len(body) > LARGEST_BODY:
        return
    try:
        members = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for name, value in members.items():
        if name.lower().endswith(_SECRET_MEMBERS) or name.lower() == _KEY:
            note(value, f"a {name}")
