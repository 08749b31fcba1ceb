"""The balance of a chaos run: nothing is wrong with a good run, and each wrong is seen for itself alone."""

from datetime import timedelta

import pytest

from loadtest.chaos.records import AnyRecord, Call, CallEnded, KeyBroken, LoadOver
from tests.loadtest.chaos_evidence import (
    BEGAN,
    ENDED,
    JOB,
    Spoilt,
    accepted,
    asked,
    attempt,
    balanced,
    call,
    delivered,
    document,
    failed,
    refused,
    seen,
    word,
)

WITH_CALLBACK = document(callback_url="http://127.0.0.1:9")
CALLBACK_JOB = {"_id": "child", "parent": JOB, "vendor": "callback", "status": "pending", "epoch": 1}
HOOKED = call("hooked", answer=202, reference="hooked-1")
RETRIED = document(generation=2)
LATE = ENDED.timestamp() - 1

SPOILT = (
    Spoilt("lost", (accepted(),), ()),
    Spoilt("not ended", (accepted(),), (document(status="processing"),)),
    Spoilt("two effects where keys are honoured", (accepted(), call(), call(number=2))),
    Spoilt(
        "two effects where keys are honoured",
        (accepted(), call(answer="garbage"), asked("retry"), call(number=2, generation=2)),
        (RETRIED,),
    ),
    Spoilt("doubled where they are not", (accepted(), call("plain"), call("plain", number=2)), (document("plain"),)),
    Spoilt(
        "doubled where they are not",
        (accepted(), refused("plain", answer="cut"), call("plain", number=2)),
        (document("plain"),),
    ),
    Spoilt("complete without an effect", (accepted(), HOOKED, word("working")), (document("hooked"),)),
    Spoilt("complete with another result", (accepted(), call()), (document(result="{}"),)),
    Spoilt("another payload than the client's", (accepted(), call(payload="q"))),
    Spoilt("failed by a word that nobody said", (accepted(), refused()), (document(status="failed"),)),
    Spoilt(
        "failed by a word that nobody said",
        (accepted(), HOOKED, word("complete")),
        (failed("vendor_failed", "hooked"),),
    ),
    Spoilt(
        "acknowledged webhook forgotten",
        (accepted(), HOOKED, word(wall=LATE)),
        (failed("webhook_deadline", "hooked", vendor_ref="hooked-1"),),
    ),
    Spoilt(
        "forged webhook taken",
        (accepted(), HOOKED, word(), word("failed", forged=True)),
        (document("hooked"),),
    ),
    Spoilt("cancelled unasked", (accepted(), asked("cancel", answered=409)), (document(status="cancelled"),)),
    Spoilt("cancelled unasked", (accepted(), asked("cancel", answered="refused")), (document(status="cancelled"),)),
    Spoilt("cancel forgotten", (accepted(), call(), asked("cancel"))),
    Spoilt("changed after its end", (accepted(), call(), seen("failed", at=4), seen("complete", at=6))),
    Spoilt("changed after its end", (accepted(), call(), asked("retry", at=2), seen("failed", at=4))),
    Spoilt("accepted, then not found", (accepted(), call(), seen("missing", at=4))),
    Spoilt("at a vendor, unknown to MongoDB", (call(),), ()),
    Spoilt("generation that nobody asked for", (accepted(), call(generation=2)), (RETRIED,)),
    Spoilt("document at odds with itself", (accepted(), call()), (document(follow_ups=["callback"]),)),
    Spoilt("one key, two jobs", (accepted(), call(), KeyBroken(at=1, key="k", first=JOB, second="b"))),
    Spoilt("callback missing", (accepted(), call()), (WITH_CALLBACK,)),
    Spoilt("callback missing", (accepted(), call(), delivered(answered=503)), (WITH_CALLBACK,)),
    Spoilt("more callbacks than ends", (accepted(), call(), delivered(), delivered(event="msg_2")), (WITH_CALLBACK,)),
    Spoilt("callback of another end", (accepted(), call(), delivered(), delivered("failed")), (WITH_CALLBACK,)),
    Spoilt("callback not signed", (accepted(), call(), delivered(), delivered(signed=False)), (WITH_CALLBACK,)),
)


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda spoilt: spoilt.what)
def test_what_must_not_be_is_counted_under_its_name_and_no_other(spoilt: Spoilt) -> None:
    ledger = spoilt.ledger
    assert {what for what, ids in ledger.wrong.items() if ids} == {spoilt.what}
    assert not ledger.sound
    assert {line.split(":")[0] for line in ledger.broken} == {spoilt.what}
    assert f"| {spoilt.what} | **1**" in ledger.markdown()


def test_every_kind_of_wrong_has_a_case_above() -> None:
    assert set(balanced(accepted(), call()).wrong) == {spoilt.what for spoilt in SPOILT}


RIGHT: dict[str, tuple[tuple[AnyRecord, ...], dict[str, object]]] = {
    "complete at the first call": ((accepted(), call()), document()),
    "called again after a cut, under the same key": (
        (accepted(), call(answer="cut"), call(number=2, made=False)),
        document(),
    ),
    "called again after a refusal where keys are not honoured": (
        (accepted(), refused("plain"), refused("plain", number=2, answer=429), call("plain", number=3)),
        document("plain"),
    ),
    "outcome unknown where keys are not honoured": (
        (accepted(), call("plain", answer="cut")),
        failed("outcome_unknown", "plain"),
    ),
    "retried after the vendor's no": (
        (accepted(), refused(answer=422), seen("failed", at=4), asked("retry"), call(number=2, generation=2)),
        RETRIED,
    ),
    "retried after the word failed": (
        (
            accepted(),
            HOOKED,
            word("failed"),
            asked("retry"),
            call("hooked", number=2, generation=2, answer=202, reference="hooked-2"),
            word("complete", reference="hooked-2"),
        ),
        document("hooked", generation=2),
    ),
    "cancelled": ((accepted(), asked("cancel"), seen("cancelled", at=6)), document(status="cancelled")),
    "cancelled though the answer was lost": (
        (accepted(), asked("cancel", answered="reset")),
        document(status="cancelled"),
    ),
    "cancelled, then retried": (
        (accepted(), asked("cancel", at=2), seen("cancelled", at=3), asked("retry", at=4), call()),
        document(),
    ),
    "retried by a request whose answer was lost": (
        (accepted(), seen("failed", at=4), asked("retry", at=2, answered="timeout"), call()),
        document(),
    ),
    "failed before the webhook was taken": (
        (accepted(), HOOKED, word(wall=ENDED.timestamp() + 1)),
        failed("webhook_deadline", "hooked", vendor_ref="hooked-1"),
    ),
    "told of after a first no": (
        (accepted(), call(), delivered(answered=503), delivered()),
        WITH_CALLBACK,
    ),
    "stored though nobody heard": ((call(),), document()),
    "garbage is a failure that the vendor's status goes with": (
        (accepted(), call(answer="garbage")),
        failed("reply_not_json", vendor_status=200),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_wrong_with_a_job_that_was(name: str) -> None:
    records, held = RIGHT[name]
    assert balanced(*records, documents=[held]).broken == []


def test_a_callback_that_is_due_again_later_is_under_way_and_not_missing() -> None:
    ledger = balanced(accepted(), call(), delivered(answered=503), documents=[WITH_CALLBACK, CALLBACK_JOB])
    assert (ledger.callbacks.owed, ledger.callbacks.arrived, ledger.callbacks.under_way) == (1, 0, 1)
    assert ledger.broken == []


def test_a_run_that_accepted_nothing_is_not_sound() -> None:
    assert not balanced(documents=[]).sound


def _limited(*moments: float) -> list[Call]:
    return [call("limited", number=number, at=at) for number, at in enumerate(moments)]


def test_a_window_that_holds_more_than_the_limit_is_seen_wherever_it_begins() -> None:
    kept = balanced(*_limited(*(0.6 + number / 19.9 for number in range(60))), documents=[])
    over = balanced(*_limited(*(0.6 + number / 20.5 for number in range(60))), documents=[])
    assert [each.worst for each in kept.limits if each.vendor == "limited"] == [20]
    assert [each.worst for each in over.limits if each.vendor == "limited"] == [21]
    assert any("limited: 21 calls in any 1 s, 20 allowed" in line for line in over.broken)


def test_calls_at_once_are_counted_up_to_each_ones_end() -> None:
    calls = [call("narrow", number=number, at=float(number), id=f"n-{number}") for number in range(8)]
    ends = [CallEnded(at=number + 6.0, id=f"n-{number}") for number in range(8)]
    late = [CallEnded(at=number + 6.5, id=f"n-{number}") for number in range(8)]
    assert [each.worst for each in balanced(*calls, *ends, documents=[]).limits if each.vendor == "narrow"] == [6]
    assert [each.worst for each in balanced(*calls, *late, documents=[]).limits if each.vendor == "narrow"] == [7]
    assert [each.worst for each in balanced(*calls, documents=[]).limits if each.vendor == "narrow"] == [0]


@pytest.mark.parametrize(
    "held",
    [
        document(attempts=[attempt(1), attempt(3)], epoch=4),
        document(attempts=[attempt(2)]),
        document(attempts=[attempt(1), attempt(2, started_at=BEGAN - timedelta(seconds=1))], epoch=4),
        document(attempts=[attempt(1, ended_at=None), attempt(2)], epoch=4),
        document(attempts=[attempt(1, ended_at=None)]),
        document(epoch=1),
        document(waiting_until=ENDED),
        document(result=None),
        document(error={"code": "deadline"}),
        document(status="cancelled", result="1"),
    ],
    ids=[
        "an attempt is missing",
        "it does not begin with its first attempt",
        "attempts are out of order",
        "an attempt was left open by the next",
        "it ended with an open attempt",
        "its epoch did not grow",
        "it has ended and waits",
        "it is complete without a result",
        "it is complete with an error",
        "it is cancelled with a result",
    ],
)
def test_a_document_is_at_odds_with_itself_when(held: dict[str, object]) -> None:
    ledger = balanced(accepted(), call(), asked("cancel", answered="reset"), documents=[held])
    assert JOB in ledger.wrong["document at odds with itself"]


def test_what_is_not_wrong_is_counted_too() -> None:
    over = LoadOver(began=0, at=9, given_up=2, answers={"POST /jobs 202": 1, "POST /jobs 503": 4})
    ledger = balanced(accepted(), call(answer="cut"), call(number=2, made=False), over)
    counts = ledger.counts
    assert (counts.accepted, counts.calls, counts.repeated, counts.given_up) == (1, 2, 1, 2)
    assert "| POST /jobs 503 | 4 |" in ledger.markdown()
    assert "sound" in ledger.markdown()


def test_an_answer_of_500_is_a_bug() -> None:
    ledger = balanced(accepted(), call(), LoadOver(began=0, at=9, given_up=0, answers={"GET /jobs?ids= 500": 3}))
    assert ledger.broken == ["GET /jobs?ids= 500: 3"]


def test_what_is_at_odds_in_a_document_is_said() -> None:
    ledger = balanced(accepted(), call(), documents=[document(waiting_until=ENDED)])
    assert ledger.broken[-1] == "document at odds with itself: has ended and waits"


def test_unknown_outcomes_are_told_by_vendor() -> None:
    ledger = balanced(accepted(), call("plain", answer="cut"), documents=[failed("outcome_unknown", "plain")])
    assert ledger.counts.unknown == {"plain": 1}
    assert "| `outcome_unknown` by vendor | plain 1 |" in ledger.markdown()
