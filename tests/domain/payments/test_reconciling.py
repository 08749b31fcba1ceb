"""What a list shows, held against the books: what was booked of the same word agrees, and an older one ends nothing."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.jobs import Job
from domain.money import Money
from domain.payments.money_state import MoneyState, RefundState, Standing
from domain.payments.payments import Payment, RefundStatus, Status
from domain.payments.reconciling import (
    MOST_NAMED,
    Finding,
    Report,
    Seen,
    Verdict,
    has_refund,
    is_of_the_try_that_counts,
    judged,
)
from domain.payments.settling import settled
from domain.request_ids import new_request_id
from tests.fakes_payments import a_paid_payment, a_payment, a_refund, paid_state
from tests.strategies import NOON, a_job

AGREES, DIFFERS = Verdict.AGREES, Verdict.DIFFERS
findings = st.sampled_from(Finding)


def seen(standing: Standing = Standing.PAID, captured: int = 0, reference: str = "pi_9", **fields: Any) -> Seen:
    return Seen(reference, standing, Money(amount=captured, currency="USD"), **fields)


@st.composite
def words(draw: st.DrawFn) -> tuple[Payment, MoneyState]:
    """A payment under way, and what the processor says of it."""
    payment = a_payment(status=Status.PROCESSING)
    standing = draw(st.sampled_from(Standing))
    if standing is not Standing.PAID:
        return payment, MoneyState("pi_1", standing, "USD", 0, NOON)
    amounts = draw(st.lists(st.integers(1, 200), max_size=5))
    refunds = [
        RefundState(f"re_{number}", amount, draw(st.sampled_from(RefundStatus)), NOON)
        for number, amount in enumerate(amounts)
    ]
    return payment, paid_state(payment, refunds=tuple(refunds))


def as_listed(state: MoneyState) -> Seen:
    given_back = sum(refund.amount for refund in state.refunds if refund.status is not RefundStatus.FAILED)
    return seen(state.standing, state.captured, state.reference or "", given_back=given_back)


@given(words())
def test_what_was_booked_of_a_word_agrees_with_a_list_of_the_same(told: tuple[Payment, MoneyState]) -> None:
    payment, state = told
    after = settled(payment, state, NOON)
    assert after is not None
    assert judged(after.payment, as_listed(state), counts=True) is AGREES
    assert all(has_refund(after.payment, refund) for refund in state.refunds)


@given(words(), st.integers(1, 500))
def test_money_that_is_not_booked_differs(told: tuple[Payment, MoneyState], more: int) -> None:
    payment, state = told
    after = settled(payment, state, NOON)
    assert after is not None
    listed = as_listed(state)
    if state.captured:
        assert judged(payment, listed, counts=False) is DIFFERS
        assert judged(after.payment, replace(listed, given_back=listed.given_back + more), counts=False) is DIFFERS
    else:
        paid = replace(listed, captured=Money(amount=more, currency="USD"))
        assert judged(after.payment, paid, counts=False) is DIFFERS


@pytest.mark.parametrize("standing", Standing)
def test_a_word_of_an_earlier_try_says_nothing_of_a_later_one(standing: Standing) -> None:
    payment = a_payment(status=Status.PROCESSING, reference="pi_9")
    assert judged(payment, seen(standing), counts=False) is AGREES


@pytest.mark.parametrize("standing", Standing)
def test_whether_an_order_can_be_paid_is_its_pages_to_say(standing: Standing) -> None:
    payment = a_payment(status=Status.PROCESSING, order=new_request_id())
    assert judged(payment, seen(standing), counts=True) is AGREES
    page = judged(payment, seen(standing, is_page=True), counts=True)
    assert page is (AGREES if standing in {Standing.OPEN, Standing.PROCESSING} else DIFFERS)


def test_a_second_charge_is_told_and_not_heard() -> None:
    payment = a_paid_payment()
    assert judged(payment, seen(captured=1000), counts=True) is Verdict.CHARGED_TWICE
    mine = seen(captured=1000, reference=payment.reference or "")
    assert judged(payment, mine, counts=True) is AGREES
    assert judged(payment, replace(mine, captured=Money(amount=1000, currency="EUR")), counts=True) is DIFFERS


def test_less_than_is_booked_is_heard_again_where_it_is_of_the_same_charge() -> None:
    payment = a_paid_payment()
    assert judged(payment, seen(Standing.DECLINED), counts=True) is AGREES
    assert judged(payment, seen(Standing.DECLINED, reference=payment.reference or ""), counts=True) is DIFFERS


def test_the_try_that_counts_is_known_by_its_job_and_generation() -> None:
    tried = new_request_id()
    payment = a_payment(job=tried)
    assert is_of_the_try_that_counts(payment, seen(job=tried, generation=2), _job(2))
    assert not is_of_the_try_that_counts(payment, seen(job=tried, generation=1), _job(2))
    assert not is_of_the_try_that_counts(payment, seen(job=new_request_id(), generation=2), _job(2))
    assert not is_of_the_try_that_counts(a_payment(), seen(), None)
    assert is_of_the_try_that_counts(payment, seen(job=tried, generation=1), None)


def test_a_refund_is_the_same_only_with_its_status_and_amount() -> None:
    told = RefundState("re_1", 300, RefundStatus.COMPLETED, NOON)
    booked = a_refund(reference="re_1", status=RefundStatus.COMPLETED)
    assert has_refund(a_paid_payment(refunds=[booked]), told)
    for other in ({"status": RefundStatus.PENDING}, {"amount": 299}, {"reference": None}):
        assert not has_refund(a_paid_payment(refunds=[booked.model_copy(update=other)]), told)


@given(st.lists(st.tuples(findings, st.sampled_from([str(number) for number in range(30)])), max_size=80))
def test_a_report_counts_all_and_names_the_first_few_once(notes: list[tuple[Finding, str]]) -> None:
    report = Report()
    for finding, subject in notes:
        report = report.noting(finding, subject)
    assert report.compared == len(notes)
    for finding in Finding:
        subjects = list(dict.fromkeys(subject for found, subject in notes if found is finding))
        named = [] if finding is Finding.AGREED else subjects[:MOST_NAMED]
        assert report.ids.get(finding, []) == named


def test_a_report_does_not_grow_with_the_account() -> None:
    report = Report()
    for number in range(MOST_NAMED + 5):
        report = report.noting(Finding.STRANGER, f"pi_{number}")
    assert (report.compared, len(report.ids[Finding.STRANGER]), report.left) == (MOST_NAMED + 5, MOST_NAMED, 0)


def _job(generation: int) -> Job:
    return a_job(generation=generation)
