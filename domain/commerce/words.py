"""
The words of a text, as products are found by them: in any case, with accents or without.

A word is a run of letters, digits and the marks on them: whatever stands between two, an operator of any query language
among it, is no part of either. No language's endings are cut, and none is left out.
"""

import unicodedata


def words_of(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in _bare(text).split())


def _bare(text: str) -> str:
    """Words and spaces alone. NFKD takes accents off their letters, and they go; marks that make a letter stay."""
    plain = "".join(one for one in _folded(_folded(text)) if not unicodedata.combining(one))
    return "".join(one if one.isalnum() or unicodedata.category(one)[0] == "M" else " " for one in plain)


def _folded(text: str) -> str:
    """Without case. Done twice, since what NFKD takes apart may have a case of its own (Unicode, D146)."""
    return unicodedata.normalize("NFKD", text).casefold()
