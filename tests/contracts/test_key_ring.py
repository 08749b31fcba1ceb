"""The keys of tokens: which there may be, what each signs with, and that none is ever shown."""

from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from domain.infra.key_ring import AccessKey, KeyRing, PrivateKey, key_of_pem
from domain.infra.tokens import SignedTokens
from tests.contracts.made_tokens import ACCESS, ISSUER, NEW, OLD
from tests.strategies import NOON

KEYS: dict[str, Callable[[], PrivateKey]] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(65_537, 2_048),
}


def private_pem(key: PrivateKey | ed448.Ed448PrivateKey, locked: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked or NoEncryption())


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def tokens_of(*pems: AccessKey) -> SignedTokens:
    return SignedTokens(KeyRing.of([NEW], pems), issuer=ISSUER, clock=lambda: NOON)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_pem_key_signs_by_its_own_algorithm_and_its_public_half_verifies(algorithm: str) -> None:
    key, another = KEYS[algorithm](), ed25519.Ed25519PrivateKey.generate()
    private, public = key_of_pem(private_pem(key)), key_of_pem(public_pem(key))
    assert (private.kid, private.algorithm) == (public.kid, algorithm)
    token = tokens_of(private).access(ACCESS)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert tokens_of(private).read_access(token, NOON) == ACCESS
    assert tokens_of(key_of_pem(private_pem(another)), public).read_access(token, NOON) == ACCESS
    assert tokens_of(key_of_pem(private_pem(another))).read_access(token, NOON) is None


def test_who_has_the_public_key_can_verify_by_any_library() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    token = tokens_of(key_of_pem(private_pem(key))).access(ACCESS)
    claims = jwt.decode(
        token,
        public_pem(key),
        ["EdDSA"],
        audience="gateway",
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["sub"] == str(ACCESS.user)


def test_a_public_key_signs_nothing() -> None:
    key = key_of_pem(public_pem(ed25519.Ed25519PrivateKey.generate()))
    with pytest.raises(ValueError, match="cannot sign"):
        tokens_of(key).access(ACCESS)


REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no key": lambda: b"no key",
    "garbled": lambda: b"-----BEGIN PRIVATE KEY-----\nsecretsecret\n-----END PRIVATE KEY-----\n",
    "P-384": lambda: private_pem(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": lambda: private_pem(ec.generate_private_key(ec.SECP256K1())),
    "Ed448": lambda: private_pem(ed448.Ed448PrivateKey.generate()),
    "under a password": lambda: private_pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret")),
    "RSA of 1024 bits": lambda: private_pem(rsa.generate_private_key(65_537, 1_024)),
}


@pytest.mark.parametrize("pem", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_key_is_refused_with_a_remedy(pem: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError, match=r"; (take|make|store)") as refusal:
        key_of_pem(pem())
    assert "secret" not in str(refusal.value)


NO_SECRETS: dict[str, tuple[Callable[[], str], str]] = {
    "short": (lambda: "guess-me", "too short"),
    "a JWK": (lambda: '{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}', "is itself a key"),
    "a PEM": (lambda: public_pem(ed25519.Ed25519PrivateKey.generate()).decode(), "is itself a key"),
}


@pytest.mark.parametrize(("secret", "said"), NO_SECRETS.values(), ids=NO_SECRETS.keys())
def test_a_secret_that_is_none_is_refused(secret: Callable[[], str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        KeyRing.of([NEW, made := secret()])
    assert made not in str(refusal.value)


def test_a_ring_needs_a_secret_even_with_pem_keys() -> None:
    with pytest.raises(ValueError, match="no secret"):
        KeyRing.of([], [key_of_pem(private_pem(ed25519.Ed25519PrivateKey.generate()))])


def test_every_key_has_an_id_of_its_own_that_is_the_same_each_time() -> None:
    ids = [key.kid for key in KeyRing.of([NEW, OLD]).access]
    assert ids == [key.kid for key in KeyRing.of([NEW, OLD]).access]
    assert len(set(ids)) == 2


def test_each_kind_of_token_has_a_key_of_its_own() -> None:
    ring = KeyRing.of([NEW, OLD])
    assert len({*ring.refresh, *ring.link, NEW.encode(), OLD.encode()}) == 6


def test_no_key_is_shown_where_a_ring_is_printed() -> None:
    ring = KeyRing.of([NEW])
    shown = repr((ring, SignedTokens(ring, issuer=ISSUER)))
    assert NEW not in shown
    assert repr(ring.refresh[0]) not in shown
    assert "signing" not in shown
