"""Which passwords may be chosen."""

import time
from random import Random
from string import ascii_letters, digits, punctuation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.common_passwords import COMMON_WORDS
from domain.accounts.passwords import LONGEST, SHORTEST, check_new_password, is_possible
from domain.errors import Invalid

NAMES = ("Jane.Doe@example.com", "janey_d")

GUESSED = {
    "one character": "aaaaaaaaaaaa",
    "one character but its case": "aAaAaAaAaAaA",
    "two characters again and again": "1212121212121",
    "four characters again and again": "abc!abc!abc!",
    "the alphabet": "abcdefghijkl",
    "the alphabet backwards": "zyxwvutsrqpo",
    "the digits": "1234567890",
    "the digits backwards": "9876543210",
    "a row of keys": "qwertyuiop",
    "a row of keys and its end": "asdfghjkl123",
    "two sequences": "abcdef123456",
    "two sequences by turns": "1q2w3e4r5t",
    "letters and digits by turns": "a1b2c3d4e5",
    "columns of keys": "1qaz2wsx3edc",
    "columns of keys, up and down": "zaq12wsxcde3",
    "a common word and a year": "Password2024!",
    "a common word in signs": "P@$$w0rd!!2",
    "a common word before digits": "1234sunshine",
    "a common word twice": "dragondragon",
    "a common word with gaps": "i-love-you-1",
    "the famous passphrase": "correct horse battery staple",
    "ours": "gateway12345",
    "ours in signs": "G4T3W4Y-2024",
    "the address": "jane.doe@example.com"[:12],
    "the address without its dot": "JaneDoe2024!",
    "the username": "Janey_D#2024"[:10],
}

FINE = {
    "four words": "cup lantern oblique tram",
    "random letters": "vKq8-Zp3xT",
    "one case and no digit": "wistful kettle",
    "digits that are in no order": "4902711836",
    "another script": "зелёный чайник у окна",
    "no spaces between": "水瓶座の朝に歩く青い猫",
    "emoji": "🐢🎺🧊🚜🪁🍋🐙🎻🛶🌵",
    "a null and a line break": "ok\x00then\nfriend",
    "spaces at both ends": " a quiet harbour ",
    "a common word among others": "tangled dragon of oak",
    "the address among others": "fog over janedoe's quay",
    "as short as may be": "mrq7vwxk2d",
    "as long as may be": "Zeitgeist oboe 7 " * 15 + "!",
}


@pytest.mark.parametrize("password", GUESSED.values(), ids=GUESSED.keys())
def test_what_is_guessed_first_is_refused_with_a_pointer_and_a_remedy(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password(password, NAMES)
    (fault,) = refusal.value.errors
    assert fault.pointer == "/password"
    assert "; take " in fault.detail
    assert refusal.value.detail == f"/password {fault.detail}"


@pytest.mark.parametrize("password", FINE.values(), ids=FINE.keys())
def test_nothing_else_is_asked_of_a_password_than_that_it_is_long_and_nobody_guesses_it(password: str) -> None:
    check_new_password(password, (*NAMES, None))


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "is too short"),
        ("mrq7vwxk2", "is too short"),
        ("m" * 5, "is too short"),
        ("mq" * 128 + "x", "is too long"),
        ("m" * 1_000_000, "is too long"),
        ("mrq7vwxk2\ud800", "holds half a character"),
    ],
    ids=range(6),
)
def test_a_password_is_10_to_256_characters_of_text(password: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        check_new_password(password)


def test_characters_are_counted_and_not_bytes() -> None:
    check_new_password("🐢🎺🧊🚜🪁🍋🐙🎻🛶🌵")
    with pytest.raises(Invalid, match="is too short"):
        check_new_password("🐢🎺🧊🚜🪁🍋🐙🎻🛶")


def test_ten_megabytes_are_refused_without_being_read() -> None:
    password = "ab" * 5_000_000
    began = time.process_time()
    with pytest.raises(Invalid, match="is too long"):
        check_new_password(password, NAMES)
    assert time.process_time() - began < 0.5  # reading it once for each rule takes some seconds


def test_a_short_name_is_in_many_a_password_by_chance() -> None:
    check_new_password("al-al-al-al-ox!", ("al@example.com",))


def test_the_field_is_named_as_the_route_calls_it() -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password("short", field="new_password")
    assert [fault.pointer for fault in refusal.value.errors] == ["/new_password"]


@pytest.mark.parametrize("password", ["hunter2-hunter2", "a" * 300], ids=["guessed", "long"])
def test_a_refusal_repeats_nothing_of_the_password(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password(password)
    assert "hunter" not in str(refusal.value)
    assert "aaaa" not in str(refusal.value)


@given(st.text(min_size=SHORTEST, max_size=LONGEST))
def test_whatever_is_let_through_can_be_hashed(password: str) -> None:
    try:
        check_new_password(password, NAMES)
    except Invalid:
        return
    assert is_possible(password)


@given(st.sampled_from(sorted(COMMON_WORDS)), st.text(digits + punctuation, max_size=4))
def test_a_common_word_is_refused_with_any_digits_and_signs_behind_it(word: str, tail: str) -> None:
    with pytest.raises(Invalid):
        check_new_password(word.title() + tail)


@given(st.integers(0, 2**32).map(Random))
def test_a_random_password_of_sixteen_is_let_through(random: Random) -> None:
    signs = ascii_letters + digits
    check_new_password("".join(random.choice(signs) for _ in range(16)), NAMES)


@pytest.mark.parametrize(
    ("password", "possible"), [("", True), ("x" * 256, True), ("x" * 257, False), ("\ud800", False)]
)
def test_what_is_longer_than_any_password_or_no_text_is_nobodys(password: str, possible: bool) -> None:
    assert is_possible(password) is possible


def test_the_list_is_of_words_as_they_are_looked_for() -> None:
    assert all(word.isalpha() and word == word.casefold() and len(word) > 4 for word in COMMON_WORDS)
    assert 100 <= len(COMMON_WORDS) <= 200
