"""A payment after the processor's word: whatever is heard, in whatever order, the sum is what the processor holds."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.money import Money
from domain.payments.money_state import MoneyState, RefundState, Standing
from domain.payments.payments import Failure, Kind, Payment, Refund, RefundStatus, Status, Transaction
from domain.payments.settling import PROCESSOR, Contradiction, settled
from domain.request_ids import new_request_id
from tests.strategies import NOON

OPEN = MoneyState("pi_1", Standing.OPEN, "USD", 0, NOON)
PAID = MoneyState("pi_1", Standing.PAID, "USD", 1000, NOON, charge="ch_1")


def a_payment(**fields: object) -> Payment:
    usual = {
        "id": new_request_id(),
        "client": "acme",
        "total": Money(amount=1000, currency="USD"),
        "status": Status.PROCESSING,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Payment.model_validate({**usual, **fields})


def after(payment: Payment, state: MoneyState) -> Payment:
    found = settled(payment, state, state.read_at)
    assert found is not None
    return found.payment


def later(state: MoneyState, **changes: object) -> MoneyState:
    return replace(state, read_at=state.read_at + timedelta(seconds=1), **changes)  # type: ignore[arg-type]


def given_back(reference: str, amount: int, status: RefundStatus, ours: UUID | None = None) -> RefundState:
    return RefundState(reference, amount, status, NOON, ours)


@pytest.mark.parametrize(
    ("standing", "status"),
    [
        (Standing.OPEN, Status.PROCESSING),
        (Standing.PROCESSING, Status.PROCESSING),
        (Standing.REQUIRES_ACTION, Status.REQUIRES_ACTION),
        (Standing.DECLINED, Status.FAILED),
        (Standing.CLOSED, Status.CANCELLED),
    ],
)
def test_what_was_not_captured_is_where_the_processor_says(standing: Standing, status: Status) -> None:
    state = MoneyState("pi_1", standing, "USD", 0, NOON)
    found = settled(a_payment(), state, NOON)
    assert found is not None
    assert (found.payment.status, found.transactions) == (status, ())


def test_what_was_captured_is_a_charge() -> None:
    payment = a_payment()
    found = settled(payment, PAID, NOON)
    assert found is not None
    (charge,) = found.transactions
    assert (charge.kind, charge.amount.amount, charge.reference, charge.payment) == (
        Kind.CHARGE,
        1000,
        "ch_1",
        payment.id,
    )
    assert (found.payment.status, found.payment.captured, found.payment.epoch) == (Status.COMPLETED, 1000, 1)


def test_the_same_word_again_changes_nothing() -> None:
    payment = after(a_payment(), PAID)
    assert settled(payment, PAID, NOON) is None
    assert settled(payment, later(PAID), NOON) is None


def test_an_older_word_changes_nothing() -> None:
    refunded = later(PAID, refunds=(given_back("re_1", 1000, RefundStatus.COMPLETED),))
    payment = after(a_payment(), refunded)
    pending = replace(PAID, refunds=(given_back("re_1", 1000, RefundStatus.PENDING),))
    assert [settled(payment, older, NOON) for older in (OPEN, PAID, pending)] == [None, None, None]
    assert payment.status is Status.REFUNDED


def test_the_no_to_an_earlier_try_is_none_to_the_one_under_way() -> None:
    earlier, ours = new_request_id(), new_request_id()
    payment = a_payment(job=ours)
    no = MoneyState("pi_1", Standing.DECLINED, "USD", 0, NOON, made_by=earlier)
    assert settled(payment, no, NOON) is None
    assert after(payment, replace(no, made_by=ours)).status is Status.FAILED
    assert settled(after(payment, PAID), later(no), NOON) is None


def test_what_an_earlier_try_took_counts_all_the_same() -> None:
    assert after(a_payment(job=new_request_id()), replace(PAID, made_by=new_request_id())).captured == 1000


def test_what_is_paid_is_not_charged_again() -> None:
    payment = after(a_payment(), PAID)
    with pytest.raises(Contradiction, match="twice"):
        settled(payment, later(PAID, reference="pi_2", charge="ch_2"), NOON)


def test_a_payment_that_was_declined_may_be_paid_all_the_same() -> None:
    declined = MoneyState(
        "pi_1", Standing.DECLINED, "USD", 0, NOON, failure=Failure(code="card_declined", message="no")
    )
    payment = after(a_payment(), declined)
    assert (payment.status, payment.failure) == (Status.FAILED, Failure(code="card_declined", message="no"))
    assert after(payment, later(PAID)).status is Status.COMPLETED


def test_the_end_of_an_earlier_try_says_nothing_of_the_one_under_way() -> None:
    """Or its client would be told that it failed, try it again, and pay for both."""
    first, second = new_request_id(), new_request_id()
    declined = MoneyState("pi_1", Standing.DECLINED, "USD", 0, NOON, made_by=first)
    payment = a_payment(job=second, tries=2, reference="pi_1")
    assert settled(payment, declined, NOON) is None
    assert after(payment, replace(declined, made_by=second)).status is Status.FAILED
    paid = after(payment, later(PAID, reference="pi_2", made_by=second))
    assert settled(paid, later(later(declined)), NOON) is None


def test_what_an_earlier_try_took_all_the_same_is_booked() -> None:
    payment = a_payment(job=new_request_id(), tries=2)
    assert after(payment, replace(PAID, made_by=new_request_id())).captured == PAID.captured


def test_a_refund_of_ours_is_known_by_our_id_and_one_of_theirs_is_taken_over() -> None:
    ours = Refund(id=new_request_id(), amount=300, by="acme", created_at=NOON)
    payment = after(a_payment(), PAID).model_copy(update={"refunds": [ours], "refunding": 300})
    theirs = given_back("re_2", 200, RefundStatus.COMPLETED)
    told = later(PAID, refunds=(given_back("re_1", 300, RefundStatus.PENDING, ours.id), theirs))
    payment = after(payment, told)
    assert [(refund.amount, refund.by, refund.reference) for refund in payment.refunds] == [
        (300, "acme", "re_1"),
        (200, PROCESSOR, "re_2"),
    ]
    assert (payment.refunded, payment.refunding, payment.refundable) == (200, 300, 500)


def test_a_refund_that_the_processor_does_not_know_keeps_what_it_reserved() -> None:
    ours = Refund(id=new_request_id(), amount=300, by="acme", created_at=NOON)
    payment = after(a_payment(), PAID).model_copy(update={"refunds": [ours], "refunding": 300})
    assert settled(payment, later(PAID), NOON) is None


def test_a_refund_that_the_bank_would_not_take_is_with_us_again() -> None:
    payment = after(a_payment(), later(PAID, refunds=(given_back("re_1", 1000, RefundStatus.COMPLETED),)))
    state = later(later(PAID), refunds=(given_back("re_1", 1000, RefundStatus.FAILED),))
    found = settled(payment, state, NOON)
    assert found is not None
    assert [transaction.kind for transaction in found.transactions] == [Kind.REFUND_REVERSED]
    assert (found.payment.status, found.payment.refundable) == (Status.COMPLETED, 1000)


@pytest.mark.parametrize(
    "state",
    [
        replace(PAID, currency="EUR"),
        replace(PAID, captured=1001),
        replace(PAID, charge=None),
        MoneyState("pi_1", Standing.OPEN, "USD", 0, NOON, charge="ch_1"),
    ],
    ids=["another currency", "more than asked for", "no charge", "nothing captured"],
)
def test_what_cannot_be_is_not_taken_over(state: MoneyState) -> None:
    with pytest.raises(Contradiction):
        settled(a_payment(), state, NOON)


def test_what_was_captured_does_not_become_less() -> None:
    payment = after(a_payment(), PAID)
    with pytest.raises(Contradiction):
        settled(payment, later(PAID, captured=900), NOON)


@dataclass
class Processor:
    """What moves there, by whoever's hand."""

    state: MoneyState = OPEN
    words: list[MoneyState] = field(default_factory=list)

    def says(self, **changes: object) -> None:
        self.state = later(self.state, **changes)
        self.words.append(self.state)

    @property
    def left(self) -> int:
        failed = RefundStatus.FAILED
        return self.state.captured - sum(one.amount for one in self.state.refunds if one.status is not failed)

    @property
    def holds(self) -> int:
        done = RefundStatus.COMPLETED
        return self.state.captured - sum(one.amount for one in self.state.refunds if one.status is done)


class Words(RuleBasedStateMachine):
    """Money moves at the processor; its words reach us late, twice, in any order, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.processor, self.payment = Processor(), a_payment()
        self.transactions: dict[UUID, Transaction] = {}

    @precondition(lambda self: self.processor.state.captured == 0)
    @rule(standing=st.sampled_from([Standing.OPEN, Standing.REQUIRES_ACTION, Standing.DECLINED, Standing.CLOSED]))
    def it_is_not_paid(self, standing: Standing) -> None:
        self.processor.says(standing=standing)

    @precondition(lambda self: self.processor.state.captured == 0)
    @rule()
    def it_is_paid(self) -> None:
        self.processor.says(standing=Standing.PAID, captured=1000, charge="ch_1")

    @precondition(lambda self: self.processor.left > 0)
    @rule(data=st.data(), status=st.sampled_from(RefundStatus))
    def some_of_it_is_given_back(self, data: st.DataObject, status: RefundStatus) -> None:
        refunds = self.processor.state.refunds
        amount = data.draw(st.integers(1, self.processor.left))
        self.processor.says(refunds=(*refunds, given_back(f"re_{len(refunds)}", amount, status)))

    @precondition(lambda self: any(one.status is not RefundStatus.FAILED for one in self.processor.state.refunds))
    @rule(data=st.data())
    def a_refund_goes_on(self, data: st.DataObject) -> None:
        refunds = list(self.processor.state.refunds)
        place = data.draw(
            st.sampled_from([n for n, one in enumerate(refunds) if one.status is not RefundStatus.FAILED])
        )
        steps = {RefundStatus.PENDING: RefundStatus.COMPLETED, RefundStatus.COMPLETED: RefundStatus.FAILED}
        refunds[place] = replace(refunds[place], status=steps[refunds[place].status])
        self.processor.says(refunds=tuple(refunds))

    @precondition(lambda self: self.processor.words)
    @rule(data=st.data())
    def a_word_reaches_us(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.sampled_from(self.processor.words)))

    def hear(self, state: MoneyState) -> None:
        found = settled(self.payment, state, state.read_at)
        if found is None:
            return
        for transaction in found.transactions:
            assert transaction.id not in self.transactions
            self.transactions[transaction.id] = transaction
        assert found.payment.captured >= self.payment.captured
        self.payment = found.payment

    @invariant()
    def the_sum_is_what_the_payment_says(self) -> None:
        held = sum(transaction.signed for transaction in self.transactions.values())
        assert held == self.payment.captured - self.payment.refunded
        assert 0 <= self.payment.refunded + self.payment.refunding <= 1000

    def teardown(self) -> None:
        """In the end the newest word is heard, and the sum is what the processor holds."""
        if self.processor.words:
            self.hear(self.processor.words[-1])
        held = sum(transaction.signed for transaction in self.transactions.values())
        assert held == self.processor.holds
        super().teardown()


TestWords = Words.TestCase


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_what_is_refundable_is_never_below_nothing(refunded: int, refunding: int) -> None:
    assert a_payment(captured=1000, refunded=refunded, refunding=refunding).refundable >= 0
