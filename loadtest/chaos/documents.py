"""What has to hold in a job's document after a run, whatever happened to it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from loadtest.chaos.evidence import ENDED, Document


def faults_of(document: Document) -> list[str]:
    """In words; none where all is well."""
    return [*_of_state(document), *_of_attempts(document), *_of_end(document)]


def _of_state(document: Document) -> Iterator[str]:
    attempts = _attempts(document)
    if document["status"] not in ENDED:
        return
    if document["epoch"] < 1 + len(attempts):
        yield f"epoch {document['epoch']} is below what {len(attempts)} attempts and an end make"
    if document.get("waiting_until") is not None:
        yield "has ended and waits"
    if document.get("follow_ups"):
        yield f"has ended and still owes {', '.join(document['follow_ups'])}"


def _of_attempts(document: Document) -> Iterator[str]:
    attempts = _attempts(document)
    for earlier, later in pairwise(attempts):
        if later["number"] != earlier["number"] + 1:
            yield f"attempt {later['number']} follows {earlier['number']}"
        if later["started_at"] < earlier["started_at"]:
            yield f"attempt {later['number']} began before the one before"
        if earlier.get("ended_at") is None:
            yield f"attempt {earlier['number']} was left open by the next"
    if attempts and attempts[0]["number"] != document.get("attempts_folded", 0) + 1:
        yield f"the first attempt on record is {attempts[0]['number']}"
    left_open = bool(attempts) and attempts[-1].get("ended_at") is None
    if left_open and document["status"] in {"complete", "failed"}:
        yield "has ended with an open attempt"


def _of_end(document: Document) -> Iterator[str]:
    has_result, has_error = document.get("result") is not None, document.get("error") is not None
    expected = {"complete": (True, False), "failed": (False, True), "cancelled": (False, False)}
    shown = expected.get(document["status"], (has_result, has_error))
    if (has_result, has_error) != shown:
        yield f"{document['status']} {'with' if has_result else 'without'} result, error: {has_error}"


def _attempts(document: Document) -> list[dict[str, Any]]:
    return list(document.get("attempts") or ())
