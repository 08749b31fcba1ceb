"""API keys as they are written and read."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.key_format import new_key, read_key

KEY_ID = UUID("01936b2c-7a1e-7c3d-8f00-0123456789ab")


@given(st.uuids())
def test_a_key_is_read_as_it_was_made(key_id: UUID) -> None:
    text, digest = new_key(key_id)
    assert read_key(text) == (key_id, digest)
    assert digest == sha256(text.encode()).hexdigest()


def test_two_keys_of_one_id_have_other_secrets() -> None:
    assert new_key(KEY_ID)[0] != new_key(KEY_ID)[0]


def test_a_key_shows_its_id_and_256_bits() -> None:
    text, _ = new_key(KEY_ID)
    assert text.startswith(f"gwk_{KEY_ID.hex}_")
    assert len(urlsafe_b64decode(text[-43:] + "=")) == 32


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "\n",
        lambda text: text.upper(),
        lambda text: text.replace("gwk_", "gwk-"),
        lambda text: text.replace(KEY_ID.hex, str(KEY_ID)),
        lambda text: text[:-1] + "é",
        lambda text: text[:-1] + "/",
        lambda text: "gwk_" + text[37:],  # as the bootstrap key is written
    ],
    ids=["nothing", "short", "long", "newline", "upper", "prefix", "hyphens", "accent", "slash", "bootstrap"],
)
def test_what_is_written_otherwise_is_no_key(spoil: Callable[[str], str]) -> None:
    assert read_key(spoil(new_key(KEY_ID)[0])) is None


@given(st.text(max_size=100))
def test_any_text_is_read_or_not(text: str) -> None:
    assert read_key(text) is None
    assert read_key(f"gwk_{text}") is None or len(text) == 76
