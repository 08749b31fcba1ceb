"""
The tokens that the gateway signs: access tokens (JWT), refresh tokens, and what stands in the links of mails.

    access    a JWT (RFC 7519) of type `at+jwt` (RFC 9068), ten minutes long
    refresh   base64url of: session's id (16 bytes), number (4, big-endian), HMAC-SHA256 of both and the session's salt
    link      base64url of: link's id (16 bytes), HMAC-SHA256 of the purpose and it

base64url is written without padding, and only the one spelling of the bytes is read. Each kind has a key of its own, so
none passes for another. What was signed by a former key is good as long as the ring still holds it.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import jwt
import msgspec

from domain.accounts.links import Purpose
from domain.accounts.ports import Access
from domain.accounts.sessions import Session
from domain.callers import Role
from domain.infra.key_ring import KeyRing

AUDIENCE = "gateway"
TYPE = "at+jwt"
LONGEST_ACCESS = 4_096  # characters; ours have 500, or 800 by RSA
CLOCKS_DIFFER = timedelta(seconds=5)  # between machines of ours: a token may be made so far ahead, and ends on the dot

_ID, _NUMBER, _MAC = 16, 4, 32  # bytes

Seconds = Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]  # since 1970; below is year 9999


class _Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    iss: str
    aud: str
    sub: UUID
    sid: UUID
    role: Role
    iat: Seconds
    exp: Seconds
    jti: str
    nbf: Seconds = 0


class SignedTokens:
    """A `Tokens`. `issuer` is the gateway's own address: tokens of another one are refused, whatever its keys."""

    def __init__(
        self, ring: KeyRing, *, issuer: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._ring = ring
        self._access_keys = {key.kid: key for key in ring.access}
        self._issuer = issuer
        self._clock = clock

    def access(self, access: Access) -> str:
        said = _Claims(
            iss=self._issuer,
            aud=AUDIENCE,
            sub=access.user,
            sid=access.session,
            role=access.role,
            iat=int(self._clock().timestamp()),
            exp=int(access.expires_at.timestamp()),
            jti=uuid4().hex,
        )
        return self._ring.access[0].sign(msgspec.to_builtins(said), TYPE)

    def read_access(self, token: object, now: datetime) -> Access | None:
        """Never raises, whatever it is given."""
        if not isinstance(token, str) or len(token) > LONGEST_ACCESS or not token.isascii():
            return None
        try:
            claims = self._claims(token)
        except (jwt.PyJWTError, msgspec.ValidationError):
            return None
        return None if claims is None or not _is_good(claims, now) else _access_of(claims)

    def refresh(self, session: Session) -> str:
        return _spell(_refresh_bytes(self._ring.refresh[0], session, session.number))

    def read_refresh(self, token: str) -> tuple[UUID, int] | None:
        raw = _unspell(token, _ID + _NUMBER + _MAC)
        return None if raw is None else (UUID(bytes=raw[:_ID]), int.from_bytes(raw[_ID : _ID + _NUMBER]))

    def is_of(self, token: str, session: Session) -> bool:
        said, raw = self.read_refresh(token), _unspell(token, _ID + _NUMBER + _MAC)
        if said is None or raw is None:
            return False
        return _is_any(raw, [_refresh_bytes(key, session, said[1]) for key in self._ring.refresh])

    def link(self, link_id: UUID, purpose: Purpose) -> str:
        return _spell(_link_bytes(self._ring.link[0], link_id, purpose))

    def read_link(self, token: str, purpose: Purpose) -> UUID | None:
        raw = _unspell(token, _ID + _MAC)
        if raw is None:
            return None
        link_id = UUID(bytes=raw[:_ID])
        genuine = _is_any(raw, [_link_bytes(key, link_id, purpose) for key in self._ring.link])
        return link_id if genuine else None

    def _claims(self, token: str) -> _Claims | None:
        """What a genuine access token says, with no look at its times; None where no key of ours is named."""
        header = jwt.get_unverified_header(token)
        key = self._access_keys.get(header.get("kid", ""))
        if key is None or header.get("typ") != TYPE:
            return None
        return msgspec.convert(key.read(token, issuer=self._issuer, audience=AUDIENCE), _Claims)


def _is_good(claims: _Claims, now: datetime) -> bool:
    """Not before its time, give or take what clocks differ by; not a moment after it."""
    return max(claims.iat, claims.nbf) <= (now + CLOCKS_DIFFER).timestamp() and now.timestamp() < claims.exp


def _access_of(claims: _Claims) -> Access:
    return Access(claims.sub, claims.sid, claims.role, datetime.fromtimestamp(claims.exp, UTC))


def _refresh_bytes(key: bytes, session: Session, number: int) -> bytes:
    head = session.id.bytes + number.to_bytes(_NUMBER)
    return head + hmac.digest(key, head + session.salt, "sha256")


def _link_bytes(key: bytes, link_id: UUID, purpose: Purpose) -> bytes:
    return link_id.bytes + hmac.digest(key, f"{purpose.value}:".encode() + link_id.bytes, "sha256")


def _is_any(raw: bytes, genuine: Iterable[bytes]) -> bool:
    """In a time that tells neither where they differ nor which of them it is: all are compared, wholly."""
    return sum(hmac.compare_digest(raw, each) for each in genuine) > 0


def _spell(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unspell(token: str, size: int) -> bytes | None:
    """So many bytes; None for any other text, another spelling of the same bytes included."""
    if len(token) > 2 * size:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:  # not ASCII, or of a length that no bytes have
        return None
    return raw if len(raw) == size and _spell(raw) == token else None
