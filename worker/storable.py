"""What of a vendor's word MongoDB can hold."""

from dataclasses import replace
from typing import assert_never

from domain.outcomes import LARGEST_RESULT_BYTES, LARGEST_TAKEN_WITH_BYTES, Done, Failed, Outcome, Retry, Waiting


def storable(outcome: Outcome) -> Outcome:
    """An end that cannot be written would have the vendor called again: such an answer fails the job instead."""
    match outcome:
        case Done():
            return storable_word(outcome)
        case Waiting():
            return _storable_waiting(outcome)
        case Retry(code, reason):
            return replace(outcome, code=as_text(code), reason=as_text(reason))
        case Failed():
            return storable_word(outcome)
        case _:
            assert_never(outcome)


def _storable_waiting(outcome: Waiting) -> Waiting | Failed:
    if not is_text(outcome.reference):
        return Failed("reply_not_text", "the reference is no text", outcome.vendor_status)
    said = outcome.taken_with
    fits = said is None or (is_text(said) and len(said.encode()) <= LARGEST_TAKEN_WITH_BYTES)
    return outcome if fits else replace(outcome, taken_with=None)


def storable_word(word: Done | Failed) -> Done | Failed:
    """The same for the last word about a job."""
    if isinstance(word, Failed):
        return Failed(as_text(word.code), as_text(word.reason), word.vendor_status)
    if not is_text(word.result):
        return Failed("reply_not_text", "the reply is no valid Unicode text", word.vendor_status)
    if len(word.result.encode()) > LARGEST_RESULT_BYTES:
        return Failed("reply_too_large", f"the result is larger than {LARGEST_RESULT_BYTES} bytes", word.vendor_status)
    return word


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(text: str) -> str:
    """The text with `?` for what cannot be written."""
    return text if is_text(text) else text.encode(errors="replace").decode()
