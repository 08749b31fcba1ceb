"""
What an admin may say of a product, and a stranger of what they look for: read into our words, or `Invalid` with a
pointer and the remedy.

Texts are of any script, in Unicode's form NFC, so that one spelling finds what another wrote. Nothing in them is
invisible or turns the direction of what stands beside it, but for the two joiners that Persian, Hindi and emoji need.
"""

import unicodedata

from domain.commerce.words import words_of
from domain.errors import FieldError, Invalid

LONGEST_NAME = 200
LONGEST_DESCRIPTION = 5_000
LONGEST_CATEGORY = 100
LONGEST_SEARCH = 200
MOST_WORDS = 10

_JOINERS = str.maketrans("", "", "\u200c\u200d")  # ZERO WIDTH NON-JOINER, ZERO WIDTH JOINER


def read_name(text: str, field: str = "name") -> str:
    return _read_line(text, field, LONGEST_NAME)


def read_category(text: str, field: str = "category") -> str:
    return _read_line(text, field, LONGEST_CATEGORY)


def read_description(text: str, field: str = "description") -> str:
    """Of several lines, which end as Unix ends them; it may be empty."""
    plain = unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    if len(plain) <= LONGEST_DESCRIPTION and _is_visible(plain.replace("\n", "")):
        return plain
    detail = f"must be at most {LONGEST_DESCRIPTION} characters that can be seen, or spaces and line feeds"
    raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))


def read_words(text: str, field: str = "query/q") -> str:
    """The words to look for, sorted, as `words_of` reads them: nothing between them is an operator."""
    words = words_of(text[: LONGEST_SEARCH + 1])  # no more work than that for a stranger's text
    if any(map(str.isalnum, "".join(words))) and len(text) <= LONGEST_SEARCH and len(words) <= MOST_WORDS:
        return " ".join(sorted(words))
    detail = (
        f"must be at most {MOST_WORDS} words and {LONGEST_SEARCH} characters, with a letter or a digit; "
        "leave it out to list everything"
    )
    raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))


def _read_line(text: str, field: str, longest: int) -> str:
    plain = unicodedata.normalize("NFC", text)
    bare = plain.translate(_JOINERS)
    if bare and len(plain) <= longest and bare.isprintable() and bare == bare.strip():
        return plain
    detail = f"must be 1 to {longest} characters that can be seen, without a space at either end"
    raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))


def _is_visible(text: str) -> bool:
    return text.translate(_JOINERS).isprintable()
