"""What is on a list of Stripe's and in none of our words: a stranger's is counted, ours is a person's."""

import pytest

from domain.payments.hearing import Hearing
from domain.payments.reconciling import Finding
from tests.fakes_orders import FakePaymentJobs
from tests.fakes_payments import FakePaymentStore
from tests.vendors.stripe.stripe_words import CALL, stripe_says
from vendors.payments.booking import Booking
from vendors.payments.comparing import Comparing
from vendors.stripe.words import Unread


@pytest.mark.parametrize(
    ("mark", "finding"),
    [
        ("theirs", Finding.STRANGER),
        ("payment", Finding.CONTRADICTION),
        ("refund", Finding.CONTRADICTION),
        ("job", Finding.CONTRADICTION),
    ],
)
async def test_what_cannot_be_read_is_a_persons_where_it_carries_a_mark_of_ours(mark: str, finding: Finding) -> None:
    store, thing = FakePaymentStore(), Unread("x_1", {mark: "?"})
    async with stripe_says() as scene:
        comparing = Comparing(Booking(scene.door, Hearing(store)), store, FakePaymentJobs(), CALL)
        for compare in (comparing.intent, comparing.refund, comparing.session):
            assert await compare(thing) == (finding, "x_1")
    assert scene.lines == []
