"""What may be said of a product, and what may be looked for."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commerce.listing import (
    LONGEST_CATEGORY,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    LONGEST_SEARCH,
    MOST_WORDS,
    read_category,
    read_description,
    read_name,
    read_words,
)
from domain.commerce.words import words_of
from domain.errors import Invalid

Reader = Callable[[str], str]

LINES = [(read_name, "/name", LONGEST_NAME), (read_category, "/category", LONGEST_CATEGORY)]
UNSEEN = ["\x00", "\x1b[31m", "\x7f", "\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\ud800", "\ue000", "\u2028"]


@pytest.mark.parametrize(("read", "pointer", "longest"), LINES, ids=["name", "category"])
def test_a_line_is_of_any_script_and_as_long_as_it_may_be(read: Reader, pointer: str, longest: int) -> None:
    for text in ("Red mug", "Чашка", "کتاب\u200cها", "👩\u200d🔧", "x" * longest, "50 % off", "<b>$where</b>"):
        assert read(text) == text


@pytest.mark.parametrize(("read", "pointer", "longest"), LINES, ids=["name", "category"])
def test_what_is_no_line_is_refused_with_its_pointer(read: Reader, pointer: str, longest: int) -> None:
    for text in ("", " ", "\u200d", " a", "a ", "a\nb", "a\tb", "x" * (longest + 1), *(f"a{one}b" for one in UNSEEN)):
        with pytest.raises(Invalid) as refusal:
            read(text)
        assert [fault.pointer for fault in refusal.value.errors] == [pointer]
        assert str(longest) in refusal.value.detail


@pytest.mark.parametrize("read", [read_name, read_category, read_description])
def test_two_spellings_of_one_text_are_one(read: Reader) -> None:
    assert read("Cafe\u0301") == read("Café") == "Café"


def test_a_description_has_lines_and_may_be_empty() -> None:
    assert read_description("One.\r\n\n  Two.") == "One.\n\n  Two."
    assert read_description("") == ""


@pytest.mark.parametrize("text", ["x" * (LONGEST_DESCRIPTION + 1), *UNSEEN, "a\rb", "a\tb"], ids=range(14))
def test_what_nobody_can_see_is_no_description(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_description(text)
    assert [fault.pointer for fault in refusal.value.errors] == ["/description"]


def test_words_are_what_letters_and_digits_make() -> None:
    assert read_words('  Red\t "mug"\n-x - ++ mug') == "mug red x"


@pytest.mark.parametrize(
    "text",
    ["", " ", '""', "- * .", "x" * (LONGEST_SEARCH + 1), " ".join(map(str, range(MOST_WORDS + 1)))],
    ids=["none", "a space", "quotes", "signs", "too long", "too many"],
)
def test_what_nobody_can_look_for_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_words(text)
    assert [fault.pointer for fault in refusal.value.errors] == ["/query/q"]


@given(st.text(max_size=300))
def test_whatever_is_taken_is_taken_again_as_it_is(text: str) -> None:
    for read in (read_name, read_category, read_description):
        try:
            taken = read(text)
        except Invalid:
            continue
        assert read(taken) == taken == unicodedata.normalize("NFC", taken)


@given(st.text(max_size=100), st.text(max_size=100))
def test_each_word_of_a_text_finds_it_however_it_is_written(one: str, other: str) -> None:
    words = words_of(one, other)
    assert words_of(*words) == words == words_of(f"{other} {one}")
    assert words_of("CAFÉ", "Cafe\u0301") == {"cafe"}
