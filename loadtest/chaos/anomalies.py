"""
What must never be, job by job: each a pure function of what is known of one job, which answers whether it is so.

`CHECKS` lists them under the words by which the ledger counts them.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

from loadtest.chaos.documents import faults_of
from loadtest.chaos.evidence import ENDED, Life
from loadtest.chaos.records import CALL, Call, Seen, short_hash
from loadtest.chaos.tables import VENDORS

_TRIED_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # explicit refusals after which the contract asks again
_NEVER = float("inf")


def lost(life: Life) -> bool:
    """Accepted, and MongoDB does not have it."""
    return life.accepted is not None and life.document is None


def not_ended(life: Life) -> bool:
    """There, and not ended when everything had been well for long enough."""
    return life.document is not None and life.status not in ENDED


def two_effects(life: Life) -> bool:
    """
    A vendor that honours keys acted twice for one generation of a job, or for two of which the first was no failure.

    A retry may have the vendor act anew only where the vendor itself has said no in the generation before: by a 4xx
    that is no 429, or by the word "failed". An answer that never came, or could not be read, is no such word.
    """
    if not _honours_keys(life):
        return False
    acted = sorted({call.generation for call in life.calls if call.made})
    if any(len(life.effects_of(generation)) > 1 for generation in acted):
        return True
    return any(not _said_no(life, generation) for generation in acted[:-1])


def doubled(life: Life) -> bool:
    """
    A vendor that does not honour keys was sent a second request of one generation, although the first may have counted.

    Only an answer tells that a request did not count: one of those statuses after which the contract has it tried
    again (408, 425, 429, 500, 502, 503, 504), which this vendor gives only when it does nothing. A line that was cut
    before the request was read is no such answer: its sender cannot know. A connection that was never accepted has
    left no record here, and may be tried again. One thing is not seen: a worker that died with such a refusal
    unread should not have asked again either; nothing is done twice by it.
    """
    if _honours_keys(life):
        return False
    generations = {call.generation for call in life.calls}
    return any(not _refused(call) for generation in generations for call in life.calls_of(generation)[:-1])


def success_without_effect(life: Life) -> bool:
    """Complete, and the vendor has done nothing, or has never said of what it did that it is complete."""
    if life.status != "complete" or not _is_ours(life):
        return False
    acted = life.effects_of(life.generation)
    if not _answers_later(life):
        return not acted
    return not any("complete" in life.said_of(call.reference) for call in acted)


def another_result(life: Life) -> bool:
    """Complete with a result that the vendor has not given for it."""
    if life.status != "complete" or life.document is None or not _is_ours(life):
        return False
    given = {call.result for call in life.effects_of(life.generation)}
    return short_hash(str(life.document.get("result", "")).encode()) not in given


def another_payload(life: Life) -> bool:
    """The vendor was sent other bytes than the client's."""
    calls = [call for call in life.calls if call.operation == CALL and call.payload is not None]
    return life.accepted is not None and any(call.payload != life.accepted.payload for call in calls)


def failure_nobody_said(life: Life) -> bool:
    """Failed by a word of the vendor's that it never gave: a status, or "failed" by webhook or poll."""
    if life.status != "failed" or life.document is None or not _is_ours(life):
        return False
    calls = life.calls_of(life.generation)
    if life.code == "vendor_failed":
        return not any("failed" in life.said_of(call.reference) for call in calls if call.reference)
    status = life.document["error"].get("vendor_status")
    return status is not None and not any(_may_be(call, status) for call in calls)


def webhook_forgotten(life: Life) -> bool:
    """The last word on the job was acknowledged in time, and the job failed because none had come."""
    if life.code != "webhook_deadline" or life.document is None:
        return False
    reference = life.document.get("vendor_ref")
    taken = (word for word in life.words if word.taken and not word.forged and word.say != "working")
    return any(word.reference == reference and word.wall < life.ended_at for word in taken)


def forgery_taken(life: Life) -> bool:
    """A webhook that was signed by nobody's key was acknowledged."""
    return any(word.forged and word.taken for word in life.words)


def cancelled_unasked(life: Life) -> bool:
    return life.status == "cancelled" and not life.cancels()


def cancel_forgotten(life: Life) -> bool:
    """A cancel was answered 202, nobody asked for a retry afterwards, and the job is not cancelled."""
    cancels = [asked for asked in life.cancels() if asked.worked]
    if not cancels or life.status in {"cancelled", ""}:
        return False
    return not any(retry.at > cancels[-1].began for retry in life.retries())


def changed_after_its_end(life: Life) -> bool:
    """Seen ended by a client, and later otherwise, though no retry was asked for between the two looks."""
    looks = sorted(life.seen, key=lambda look: look.began)
    if life.status:
        looks.append(Seen(began=_NEVER, at=_NEVER, job="", status=life.status))
    return any(_changed(life, first, second) for first, second in pairwise(looks))


def not_found(life: Life) -> bool:
    """Once accepted, a client was told that there is no such job."""
    return any(look.status == "missing" for look in life.seen)


def unknown_at_vendor(life: Life) -> bool:
    """A vendor was called for a job that MongoDB does not have."""
    return bool(life.calls) and life.document is None


def generation_unasked(life: Life) -> bool:
    """There were more generations than retries."""
    called = max((call.generation for call in life.calls), default=1)
    return max(life.generation, called) > 1 + len(life.retries())


def broken_document(life: Life) -> bool:
    return life.document is not None and bool(faults_of(life.document))


def _honours_keys(life: Life) -> bool:
    return not life.calls or VENDORS[life.calls[0].vendor].honours_keys


def _is_ours(life: Life) -> bool:
    return life.document is not None and life.document["vendor"] in VENDORS


def _answers_later(life: Life) -> bool:
    return life.document is not None and VENDORS[life.document["vendor"]].answers_later


def _said_no(life: Life, generation: int) -> bool:
    calls = life.calls_of(generation)
    said_at_once = any(
        isinstance(call.answer, int) and 400 <= call.answer < 500 and call.answer != 429 for call in calls
    )
    return said_at_once or any("failed" in life.said_of(call.reference) for call in calls if call.reference)


def _refused(call: Call) -> bool:
    return call.effect is None and call.answer in _TRIED_AGAIN


def _may_be(call: Call, status: int) -> bool:
    """Garbage comes with the status of a success."""
    return call.answer == status or (call.answer in {"garbage", "midway"} and 200 <= status < 300)


def _changed(life: Life, first: Seen, second: Seen) -> bool:
    if first.status not in ENDED or second.status == first.status:
        return False
    between = (asked for asked in life.retries() if asked.began <= second.at)
    return not any(not asked.worked or asked.at >= first.began for asked in between)


CHECKS: Mapping[str, Callable[[Life], bool]] = MappingProxyType(
    {
        "lost": lost,
        "not ended": not_ended,
        "two effects where keys are honoured": two_effects,
        "doubled where they are not": doubled,
        "complete without an effect": success_without_effect,
        "complete with another result": another_result,
        "another payload than the client's": another_payload,
        "failed by a word that nobody said": failure_nobody_said,
        "acknowledged webhook forgotten": webhook_forgotten,
        "forged webhook taken": forgery_taken,
        "cancelled unasked": cancelled_unasked,
        "cancel forgotten": cancel_forgotten,
        "changed after its end": changed_after_its_end,
        "accepted, then not found": not_found,
        "at a vendor, unknown to MongoDB": unknown_at_vendor,
        "generation that nobody asked for": generation_unasked,
        "document at odds with itself": broken_document,
    }
)
