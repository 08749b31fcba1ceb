"""The tokens that the gateway signs: what they say, and for how long; forged ones are in `test_forged_tokens.py`."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.links import Purpose
from domain.accounts.ports import Access, Tokens
from domain.callers import Role
from domain.infra.tokens import CLOCKS_DIFFER
from tests.contracts.made_tokens import ACCESS, ISSUER, LINK, NEW, OLD, SESSION, USER, a_session, tokens_of
from tests.strategies import NOON

SECONDS = st.integers(1, 10**9).map(lambda seconds: timedelta(seconds=seconds))
NUMBERS = st.integers(1, 2**32 - 1)


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return tokens_of(NEW)


@given(st.uuids(), st.uuids(), st.sampled_from(Role), SECONDS)
def test_an_access_token_says_what_it_was_told_to(user: UUID, session: UUID, role: Role, lifetime: timedelta) -> None:
    access, tokens = Access(user, session, role, NOON + lifetime), tokens_of(NEW)
    assert tokens.read_access(tokens.access(access), NOON) == access


def test_an_access_token_is_a_jwt_that_others_can_read(tokens: Tokens) -> None:
    token = tokens.access(ACCESS)
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "HS256", "typ": "at+jwt", "kid": header["kid"]}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {
        "iss": ISSUER,
        "aud": "gateway",
        "sub": str(USER),
        "sid": str(SESSION),
        "role": "user",
        "iat": NOON.timestamp(),
        "exp": NOON.timestamp() + 600,
        "jti": claims["jti"],
    }


def test_two_access_tokens_are_never_the_same(tokens: Tokens) -> None:
    assert tokens.access(ACCESS) != tokens.access(ACCESS)


def test_an_access_token_ends_on_the_dot(tokens: Tokens) -> None:
    token = tokens.access(ACCESS)
    assert tokens.read_access(token, ACCESS.expires_at - timedelta(microseconds=1)) == ACCESS
    assert tokens.read_access(token, ACCESS.expires_at) is None


def test_an_access_token_never_outlives_the_moment_it_was_given(tokens: Tokens) -> None:
    token = tokens.access(replace(ACCESS, expires_at=ACCESS.expires_at + timedelta(microseconds=999_999)))
    assert tokens.read_access(token, ACCESS.expires_at) is None


def test_a_machine_whose_clock_is_a_little_behind_reads_it_all_the_same(tokens: Tokens) -> None:
    token = tokens.access(ACCESS)
    assert tokens.read_access(token, NOON - CLOCKS_DIFFER) == ACCESS
    assert tokens.read_access(token, NOON - CLOCKS_DIFFER - timedelta(seconds=1)) is None


@given(st.uuids(), NUMBERS, st.binary(min_size=16, max_size=16))
def test_the_refresh_token_of_a_number_is_the_same_each_time(session_id: UUID, number: int, salt: bytes) -> None:
    session = a_session(id=session_id, number=number, salt=salt)
    token = tokens_of(NEW).refresh(session)
    assert tokens_of(NEW).refresh(session) == token
    assert tokens_of(NEW).read_refresh(token) == (session_id, number)
    assert tokens_of(NEW).is_of(token, session)


def test_a_refresh_token_is_genuine_whatever_the_number_is_by_now(tokens: Tokens) -> None:
    token = tokens.refresh(a_session(number=1))
    assert tokens.is_of(token, a_session(number=7))
    assert tokens.refresh(a_session(number=7)) != token


@pytest.mark.parametrize("changed", [{"id": UUID(int=9)}, {"salt": b"t" * 16}], ids=["another session", "another salt"])
def test_a_refresh_token_is_of_its_session_only(tokens: Tokens, changed: dict[str, object]) -> None:
    assert not tokens.is_of(tokens.refresh(a_session()), a_session(**changed))


@given(st.uuids(), st.sampled_from(Purpose))
def test_a_link_says_its_id_to_its_purpose(link_id: UUID, purpose: Purpose) -> None:
    tokens = tokens_of(NEW)
    assert tokens.read_link(tokens.link(link_id, purpose), purpose) == link_id


def test_what_stands_in_a_url_or_a_cookie_needs_no_escape(tokens: Tokens) -> None:
    for token in (tokens.refresh(a_session()), tokens.link(LINK, Purpose.RESET)):
        assert token.replace("-", "").replace("_", "").isalnum()


def test_rotated_keys_sign_with_the_first_and_verify_what_the_others_signed() -> None:
    before, after = tokens_of(OLD), tokens_of(NEW, OLD)
    assert after.read_access(before.access(ACCESS), NOON) == ACCESS
    assert after.is_of(before.refresh(a_session()), a_session())
    assert after.read_link(before.link(LINK, Purpose.CONFIRM), Purpose.CONFIRM) == LINK
    alone = tokens_of(NEW)
    assert alone.read_access(after.access(ACCESS), NOON) == ACCESS
    assert alone.is_of(after.refresh(a_session()), a_session())
    assert alone.read_link(after.link(LINK, Purpose.CONFIRM), Purpose.CONFIRM) == LINK


def test_a_key_that_was_taken_away_signs_nothing_any_more() -> None:
    before, after = tokens_of(OLD), tokens_of(NEW)
    assert after.read_access(before.access(ACCESS), NOON) is None
    assert not after.is_of(before.refresh(a_session()), a_session())
    assert after.read_link(before.link(LINK, Purpose.CONFIRM), Purpose.CONFIRM) is None
