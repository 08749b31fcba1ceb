"""Tokens that nobody here signed, or not for this: each way of an attacker by its name, and all of them at random."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accounts.links import Purpose
from domain.accounts.ports import Tokens
from domain.infra.key_ring import KeyRing, key_of_pem
from domain.infra.tokens import SignedTokens
from tests.contracts.made_tokens import ACCESS, ISSUER, LINK, NEW, OLD, SESSION, USER, a_session, tokens_of
from tests.strategies import NOON

Json = dict[str, Any]

TOKENS = tokens_of(NEW)
HEADER: Json = jwt.get_unverified_header(TOKENS.access(ACCESS))
CLAIMS: Json = jwt.decode(TOKENS.access(ACCESS), options={"verify_signature": False})
NOW = int(NOON.timestamp())


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(
    header: object = HEADER, claims: object = CLAIMS, secret: bytes = NEW.encode(), hashed: str = "sha256"
) -> str:
    """What somebody who has `secret` can make, whatever a library would say to it."""
    said = f"{part(header)}.{part(claims)}"
    return f"{said}.{part(hmac.digest(secret, said.encode(), hashed))}"


def reads(token: object, tokens: SignedTokens = TOKENS) -> bool:
    return tokens.read_access(token, NOON) is not None


def test_what_is_signed_here_by_hand_is_read_so_that_the_forgeries_below_fail_for_one_reason_each() -> None:
    assert reads(signed())


def test_a_forged_signature() -> None:
    assert not reads(signed(secret=b"a secret of the attacker's own, which is long enough"))


def test_claims_that_were_changed_under_the_signature() -> None:
    header, _, signature = TOKENS.access(ACCESS).split(".")
    assert not reads(f"{header}.{part({**CLAIMS, 'role': 'admin'})}.{signature}")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_alg_none(alg: str) -> None:
    said = f"{part({**HEADER, 'alg': alg})}.{part(CLAIMS)}"
    assert not reads(f"{said}.")
    assert not reads(said)
    assert not reads(f"{said}.{signed().split('.')[2]}")
    assert not reads(signed({**HEADER, "alg": alg}))


@pytest.mark.parametrize(("alg", "hashed"), [("HS384", "sha384"), ("HS512", "sha512"), ("hs256", "sha256")])
def test_another_algorithm_than_the_keys_own(alg: str, hashed: str) -> None:
    assert not reads(signed({**HEADER, "alg": alg}, hashed=hashed))


@pytest.mark.parametrize("kid", ["", "0" * 16, "../../../dev/null", "' OR 1=1 --", None, 7, ["x"], {"$gt": ""}])
def test_a_wrong_kid(kid: object) -> None:
    assert not reads(signed({**HEADER, "kid": kid}))


def test_no_kid() -> None:
    assert not reads(signed({name: value for name, value in HEADER.items() if name != "kid"}))


def test_the_kid_of_another_key_of_ours() -> None:
    both = tokens_of(NEW, OLD)
    assert reads(signed(), both)
    assert not reads(signed(secret=OLD.encode()), both)


@pytest.mark.parametrize("typ", ["JWT", "at+JWT", "AT+JWT", "", None, "refresh", ["at+jwt"]], ids=range(7))
def test_a_token_of_another_type(typ: object) -> None:
    assert not reads(signed({**HEADER, "typ": typ}))


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"b64": False}], ids=range(4)
)
def test_a_header_that_asks_for_what_nobody_here_knows(header: Json) -> None:
    assert not reads(signed({**HEADER, **header}))


@pytest.mark.parametrize("header", [{"jku": "https://evil.example/keys"}, {"jwk": {"kty": "oct", "k": "AAAA"}}])
def test_a_key_that_the_token_brings_along_is_not_taken(header: Json) -> None:
    assert not reads(signed({**HEADER, **header}, secret=b"\x00\x00\x00"))


@pytest.mark.parametrize("aud", ["", "other", "Gateway", ["gateway"], ["gateway", "other"], {}, 1], ids=range(7))
def test_a_wrong_audience(aud: object) -> None:
    assert not reads(signed(claims={**CLAIMS, "aud": aud}))


@pytest.mark.parametrize("iss", ["", "https://evil.example", f"{ISSUER}/", ISSUER.upper(), [ISSUER], 1], ids=range(6))
def test_a_wrong_issuer(iss: object) -> None:
    assert not reads(signed(claims={**CLAIMS, "iss": iss}))


def test_a_token_of_another_gateway_that_has_the_same_key() -> None:
    assert not reads(tokens_of(NEW, issuer="https://staging.example").access(ACCESS))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"])
def test_a_missing_claim(claim: str) -> None:
    assert not reads(signed(claims={name: value for name, value in CLAIMS.items() if name != claim}))
    assert not reads(signed(claims={**CLAIMS, claim: None}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": 0},
        {"exp": -1},
        {"exp": str(NOW + 600)},
        {"exp": True},
        {"exp": 10**30},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": NOW + 6},
        {"iat": NOW + 3600},
        {"iat": "now"},
        {"nbf": NOW + 6},
        {"nbf": None},
        {"nbf": "now"},
    ],
    ids=range(15),
)
def test_an_expired_token_or_one_whose_time_has_not_come_or_is_none(wrong: Json) -> None:
    assert not reads(signed(claims={**CLAIMS, **wrong}))


@pytest.mark.parametrize(
    "wrong",
    [{"sub": "jane"}, {"sub": 1}, {"sid": ""}, {"sid": {"$gt": ""}}, {"role": "root"}, {"role": ["admin"]}, {"jti": 1}],
    ids=range(7),
)
def test_claims_of_another_kind(wrong: Json) -> None:
    assert not reads(signed(claims={**CLAIMS, **wrong}))


@pytest.mark.parametrize("claims", [[], "text", 1, None, b"", b"\xff", b"{", b'{"a":' * 300], ids=range(8))
def test_claims_that_are_no_object(claims: object) -> None:
    assert not reads(signed(claims=claims))
    assert not reads(signed(header=claims))


@pytest.mark.parametrize(
    "token", [None, 1, b"bytes", ["a"], {}, "", ".", "..", "...", "a.b.c", "\ud800", "ü.ü.ü", "\x00"]
)
def test_what_is_no_token_at_all(token: object) -> None:
    assert not reads(token)


def test_a_token_of_more_than_four_kilobytes() -> None:
    assert reads(signed(claims={**CLAIMS, "more": "x" * 2_000}))
    assert not reads(signed(claims={**CLAIMS, "more": "x" * 4_096}))
    assert not reads("a" * 10_000_000)


@pytest.fixture(scope="module")
def rsa() -> RSAPrivateKey:
    return generate_private_key(65_537, 2_048)


def test_a_public_key_taken_for_a_secret(rsa: RSAPrivateKey) -> None:
    private = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    tokens = SignedTokens(KeyRing.of([NEW], [key_of_pem(private)]), issuer=ISSUER, clock=lambda: NOON)
    genuine = tokens.access(ACCESS)
    assert reads(genuine, tokens)
    header = jwt.get_unverified_header(genuine)
    for encoding, kind in [
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.PEM, PublicFormat.PKCS1),
    ]:
        public = rsa.public_key().public_bytes(encoding, kind)
        for known in (public, public.strip()):
            assert not reads(signed({**header, "alg": "HS256"}, secret=known), tokens)
            assert not reads(signed(header, secret=known), tokens)


def test_a_secret_is_good_for_no_access_token_where_there_are_asymmetric_keys(rsa: RSAPrivateKey) -> None:
    private = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert not reads(signed(), SignedTokens(KeyRing.of([NEW], [key_of_pem(private)]), issuer=ISSUER))


def test_no_token_passes_for_one_of_another_kind() -> None:
    refresh, link, access = TOKENS.refresh(a_session()), TOKENS.link(SESSION, Purpose.RESET), TOKENS.access(ACCESS)
    assert not reads(refresh)
    assert not reads(link)
    for other in (access, link):
        assert TOKENS.read_refresh(other) is None
        assert not TOKENS.is_of(other, a_session())
    for other in (access, refresh):
        assert TOKENS.read_link(other, Purpose.RESET) is None


def test_a_link_of_another_purpose() -> None:
    assert TOKENS.read_link(TOKENS.link(LINK, Purpose.CONFIRM), Purpose.RESET) is None
    assert TOKENS.read_link(TOKENS.link(LINK, Purpose.RESET), Purpose.CONFIRM) is None


def test_a_refresh_token_of_a_number_that_was_not_reached() -> None:
    token = TOKENS.refresh(a_session(number=1))
    raw = bytearray(jwt.utils.base64url_decode(token))
    raw[19] += 1
    assert TOKENS.read_refresh(part(bytes(raw))) == (SESSION, 2)
    assert not TOKENS.is_of(part(bytes(raw)), a_session(number=2))


def test_somebody_elses_session_in_a_refresh_token() -> None:
    raw = jwt.utils.base64url_decode(TOKENS.refresh(a_session()))
    other = a_session(id=UUID(int=9), user=USER)
    assert not TOKENS.is_of(part(other.id.bytes + raw[16:]), other)


@pytest.mark.parametrize(
    "spell",
    [
        lambda token: f"{token}=",
        lambda token: f"{token}==",
        lambda token: f" {token}",
        lambda token: f"{token}\n",
        lambda token: f"{token[:8]}\n{token[8:]}",
        lambda token: f"{token}A",
        lambda token: f"{token}!",
        lambda token: f"{token[:-1]}{chr(ord(token[-1]) + 1)}",
        lambda token: token.replace("-", "+").replace("_", "/") + "*",
        lambda token: token * 1_000,
    ],
    ids=range(10),
)
def test_another_spelling_of_the_same_bytes(spell: Callable[[str], str]) -> None:
    refresh, link = TOKENS.refresh(a_session()), TOKENS.link(LINK, Purpose.RESET)
    assert not TOKENS.is_of(spell(refresh), a_session())
    assert TOKENS.read_link(spell(link), Purpose.RESET) is None


@given(st.sampled_from(["access", "refresh", "link"]), st.integers(0, 10_000), st.characters())
def test_a_token_of_which_one_character_was_changed_is_refused(kind: str, where: int, character: str) -> None:
    token = {"access": ACCESS_TOKEN, "refresh": REFRESH_TOKEN, "link": LINK_TOKEN}[kind]
    where %= len(token)
    changed = token[:where] + character + token[where + 1 :]
    assert is_good(kind, changed) is (changed == token)


@given(st.sampled_from(["access", "refresh", "link"]), st.text(max_size=100))
def test_no_text_at_all_is_a_token_or_raises(kind: str, text: str) -> None:
    assert not is_good(kind, text)


def json_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    return st.recursive(
        scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=5
    )


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(sorted({*HEADER, "crit", "b64", "jwk"})), json_values()), json_values())
def test_no_signed_header_or_claims_raise(header: Json, claims: Any) -> None:
    TOKENS.read_access(signed({**HEADER, **header}), NOON)
    TOKENS.read_access(signed(claims=claims), NOON)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*sorted(CLAIMS), "nbf"]), json_values(), min_size=1))
def test_claims_that_are_read_are_those_that_were_signed(wrong: Json) -> None:
    access = TOKENS.read_access(signed(claims={**CLAIMS, **wrong}), NOON)
    if access is not None:
        assert (str(access.user), str(access.session)) == (
            wrong.get("sub", CLAIMS["sub"]),
            wrong.get("sid", CLAIMS["sid"]),
        )
        assert access.expires_at > NOON


def is_good(kind: str, token: str) -> bool:
    tokens: Tokens = TOKENS
    match kind:
        case "access":
            return tokens.read_access(token, NOON + timedelta(minutes=1)) is not None
        case "refresh":
            return tokens.is_of(token, a_session())
        case _:
            return tokens.read_link(token, Purpose.RESET) is not None


ACCESS_TOKEN, REFRESH_TOKEN = TOKENS.access(ACCESS), TOKENS.refresh(a_session())
LINK_TOKEN = TOKENS.link(LINK, Purpose.RESET)
