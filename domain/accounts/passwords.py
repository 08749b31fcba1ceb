"""
Which passwords may be chosen: long ones that nobody guesses first, of any characters.

No letter, digit or sign is asked for: such rules make "Password1!" and nothing better. A password is taken as it was
given, neither cut nor normalised, so that it is the same wherever it is typed. No refusal repeats a part of it.

Sources: NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5.0, section V6.2.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from domain.accounts.common_passwords import COMMON_WORDS
from domain.errors import FieldError, Invalid

SHORTEST = 10
LONGEST = 256  # characters: a passphrase of forty words, and too little to keep a hash busy
SHORTEST_WORD = 4  # of a name: a shorter one is in many a password by chance

_OWN = "gateway"
_SIGNS = str.maketrans("@$!|013457", "asiloieast")  # what people put for letters
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm")
_COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm")
_STEPS = frozenset(pair for row in (*_ROWS, *_COLUMNS) for pair in (*pairwise(row), *pairwise(row[::-1])))


def check_new_password(password: str, names: Sequence[str | None] = (), *, field: str = "password") -> None:
    """
    Raises `Invalid`, with a pointer to `field` and a remedy, for what may not become a password.

    `names` are the user's own: the address, the username. Of an address what stands before the @ counts.
    """
    for fault in _faults(password, [name for name in names if name]):
        raise Invalid(f"/{field} {fault}", errors=(FieldError(f"/{field}", fault),))


def is_possible(password: str) -> bool:
    """Whether it could be anybody's: what is longer than any password, or no text, need not be hashed to be wrong."""
    return len(password) <= LONGEST and _is_text(password)


def _faults(password: str, names: Sequence[str]) -> Iterator[str]:
    """What is wrong with it; each is looked for only where there is none before it."""
    if len(password) > LONGEST:  # first: nothing below reads a megabyte
        yield f"is too long: {LONGEST} characters are the most"
    if len(password) < SHORTEST:
        yield f"is too short: take {SHORTEST} characters or more, such as four words that have nothing to do together"
    if not _is_text(password):
        yield "holds half a character (a lone surrogate); send Unicode text"
    folded = password.casefold()
    if _is_repeated(folded) or _is_sequence(folded):
        yield "is one of the first to be guessed: the same keys, or neighbours, in a row; take several unrelated words"
    if _is_mostly_of(folded, _own_words(names)):
        yield "is mostly your own name or address, or ours; take words that nobody connects with you"
    if _is_mostly_of(folded, COMMON_WORDS):
        yield "is mostly a word that many choose, and one of the first to be guessed; take several unrelated words"


def _is_text(password: str) -> bool:
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_repeated(folded: str) -> bool:
    """Whether it is up to four characters again and again."""
    return any(folded == (folded[:size] * len(folded))[: len(folded)] for size in range(1, 5))


def _is_sequence(folded: str) -> bool:
    """
    Whether three in four steps lead to the same key or to the next one, in the alphabet or on a keyboard.

    Two such walks by turns are one too: 1q2w3e4r5t.
    """
    return _is_walk(folded) or (_is_walk(folded[::2]) and _is_walk(folded[1::2]))


def _is_walk(folded: str) -> bool:
    near = sum(left == right or (left, right) in _STEPS for left, right in pairwise(folded))
    return 4 * near >= 3 * (len(folded) - 1)


def _own_words(names: Sequence[str]) -> Iterator[str]:
    yield _OWN
    for name in names:
        word = _letters(name.partition("@")[0].casefold())
        if len(word) >= SHORTEST_WORD:
            yield word


def _is_mostly_of(folded: str, words: Iterable[str]) -> bool:
    """Whether one of the words, written with signs for letters or not, makes up more than half of it."""
    spellings = (_letters(folded), _letters(folded.translate(_SIGNS)))
    return any(2 * spelt.count(word) * len(word) > len(folded) for word in words for spelt in spellings)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
