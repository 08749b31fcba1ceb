"""A refund of which nobody knows is released only where Stripe's whole list, read last, has none."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from domain.outcomes import Retry
from domain.payments.hearing import Hearing
from domain.payments.payments import Payment, Refund
from domain.payments.reconciling import Finding
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payments import FakePaymentStore, a_paid_payment, a_refund
from tests.strategies import NOON
from tests.vendors.scripted import Answer
from tests.vendors.stripe.stripe_words import CALL, answer, charge, error, intent, page, refund, stripe_says
from vendors.payments.booking import Booking, NotHeard
from vendors.payments.comparing import Comparing, Note
from vendors.payments.doubts import Doubts

LONG_AFTER = NOON + timedelta(days=9)
PAID = intent(amount=1000, amount_received=1000, latest_charge=charge(amount=1000, amount_captured=1000))
NONE = page()


@dataclass
class Case:
    store: FakePaymentStore
    payment: Payment
    refund: Refund

    async def looked_into(self, *answers: Answer) -> list[Note]:
        """What becomes of it, where Stripe answers so."""
        hearing, jobs = Hearing(self.store, _long_after), FakePaymentJobs()
        async with stripe_says(*answers) as scene:
            comparing = Comparing(Booking(scene.door, hearing), self.store, jobs, CALL)
            doubts = Doubts(scene.door, hearing, jobs, comparing, CALL)
            return await doubts.of(self.store.stored[self.payment.id], NOON)

    @property
    def is_reserved(self) -> bool:
        return self.store.stored[self.payment.id].refunding == self.refund.amount


@pytest.fixture
async def case() -> Case:
    """Its job is no longer kept, and ended more than a day ago."""
    payment = a_paid_payment(reference="pi_1", charge="ch_1")
    store, wanted = FakePaymentStore(payment), a_refund(500)
    reserved = await store.reserve(payment.id, None, wanted)
    assert reserved is not None
    done = reserved.model_copy(update={"owed": None, "epoch": reserved.epoch + 1})
    assert await store.change(reserved, done)
    return Case(store, done, wanted)


async def test_one_that_is_in_no_list_is_released(case: Case) -> None:
    found = await case.looked_into(answer(PAID), answer(NONE), answer(NONE))
    assert (found, case.is_reserved) == ([(Finding.RELEASED, str(case.refund.id))], False)


async def test_a_refund_that_turns_up_while_it_is_looked_for_is_never_released(case: Case) -> None:
    ours = page(refund(metadata={"refund": str(case.refund.id)}))
    found = await case.looked_into(answer(PAID), answer(NONE), answer(ours))
    assert (found, case.is_reserved) == ([(Finding.OPEN, str(case.refund.id))], True)


async def test_a_list_that_is_refused_or_late_releases_nothing(case: Case) -> None:
    found = await case.looked_into(answer(PAID), answer(NONE), answer(error(), 400))
    assert (found, case.is_reserved) == ([(Finding.OPEN, str(case.refund.id))], True)
    with pytest.raises(NotHeard) as nothing:
        await case.looked_into(answer(PAID), answer(NONE), answer(error(), 500))
    assert (isinstance(nothing.value.outcome, Retry), case.is_reserved) == (True, True)


async def test_a_payment_of_which_stripe_refuses_to_tell_is_a_persons(case: Case) -> None:
    found = await case.looked_into(answer(error(), 400))
    assert (found, case.is_reserved) == ([(Finding.IN_DOUBT, str(case.payment.id))], True)
    gone = await case.looked_into(answer(error(code="resource_missing"), 404))
    assert (gone, case.is_reserved) == ([(Finding.NOT_AT_PROCESSOR, str(case.payment.id))], True)


def _long_after() -> datetime:
    return LONG_AFTER
