"""
The keys that tokens are signed by, and how they are rotated: the first signs, and all of them verify.

    secrets   one text or more, each of 32 characters or more. Access tokens are signed by them (HS256) unless there
              are PEM keys. The keys of refresh tokens and links are always derived from them (HKDF, RFC 5869).
    PEM keys  one or more, private, or public for those that only verify: Ed25519 (EdDSA), P-256 (ES256), RSA (RS256).
              Where there is one, no secret is good for an access token any more.

A key's id (`kid`) is a hash of it, so that there is nothing to configure; what it signs with is part of the key, so
that no token may choose (RFC 8725, section 3.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt.types import Options

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

SHORTEST_SECRET = 32
SHORTEST_RSA = 2_048  # bits: NIST SP 800-131A
_KID_BYTES = 8
_TIMES_UNREAD: Options = {"strict_aud": True, "verify_exp": False, "verify_iat": False, "verify_nbf": False}

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key of access tokens; `signing` is None of one that only verifies."""

    kid: str
    algorithm: str
    signing: bytes | PrivateKey | None = field(repr=False)
    verifying: bytes | PublicKey = field(repr=False)

    def sign(self, claims: Claims, kind: str) -> str:
        """A JWT of this type (`typ`). Raises `ValueError` of a public key."""
        if self.signing is None:
            raise ValueError("a public key cannot sign")
        return jwt.encode(claims, self.signing, self.algorithm, headers={"kid": self.kid, "typ": kind})

    def read(self, token: str, *, issuer: str, audience: str) -> Claims:
        """
        The claims of a token that this key signed for this audience; times are the caller's to look at.

        Raises `jwt.PyJWTError`.
        """
        return jwt.decode(
            token, self.verifying, [self.algorithm], options=_TIMES_UNREAD, issuer=issuer, audience=audience
        )


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The first of each signs. `refresh` and `link` are of equal length, one for each secret."""

    access: tuple[AccessKey, ...]
    refresh: tuple[bytes, ...] = field(repr=False)
    link: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, secrets: Sequence[str], pems: Sequence[AccessKey] = ()) -> "KeyRing":
        """`pems` begin with a private key. Raises `ValueError` for a secret that is none."""
        if not secrets:
            raise ValueError("there is no secret; give one")
        symmetric = tuple(_key_of_secret(secret) for secret in secrets)
        return cls(
            tuple(pems) or symmetric,
            refresh=tuple(_derived(secret, "refresh") for secret in secrets),
            link=tuple(_derived(secret, "link") for secret in secrets),
        )


def _key_of_secret(secret: str) -> AccessKey:
    raw = secret.encode()
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"a secret is too short, and could be guessed; take {SHORTEST_SECRET} characters or more")
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(raw)
    except jwt.InvalidKeyError:
        raise ValueError("a secret is itself a key in some format, perhaps a public one; take random text") from None
    # Derived like the others: a plain hash of the secret would be one more thing to guess it by.
    return AccessKey(_derived(secret, "kid")[:_KID_BYTES].hex(), "HS256", raw, raw)


def key_of_pem(pem: bytes) -> AccessKey:
    """An asymmetric key, private or public. Raises `ValueError`, which repeats nothing of it."""
    key = _load(pem)
    public = key if isinstance(key, PublicKey) else key.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = None if isinstance(key, PublicKey) else key
    return AccessKey(sha256(der).digest()[:_KID_BYTES].hex(), _algorithm(public), private, public)


def _load(pem: bytes) -> PrivateKey | PublicKey:
    try:
        key = load_pem_private_key(pem, password=None) if b" PRIVATE KEY-----" in pem else load_pem_public_key(pem)
    except TypeError:
        raise ValueError("it asks for a password; store it without one, readable by its owner only") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it holds no key in PEM format; make one by: openssl genpkey -algorithm ed25519") from None
    if isinstance(key, PrivateKey | PublicKey):
        return key
    raise ValueError("its kind of key is not used here; take Ed25519, P-256 or RSA")


def _algorithm(key: PublicKey) -> str:
    match key:
        case Ed25519PublicKey():
            return "EdDSA"
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return "ES256"
        case RSAPublicKey() if key.key_size >= SHORTEST_RSA:
            return "RS256"
        case _:
            raise ValueError(
                f"its curve is not used here, or it is too short; take P-256, or RSA of {SHORTEST_RSA} bits"
            )


def _derived(secret: str, what_for: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"gateway {what_for} 1".encode()).derive(secret.encode())
