"""A payment and the account that it goes through: what is not ours is not asked about."""

import pytest

from domain.payments.hearing import Hearing
from tests.fakes_payments import FakePaymentStore, a_payment
from tests.vendors.scripted import listening
from tests.vendors.stripe.stripe_words import CALL, answer, error, settings_at
from vendors.http import VendorHttp
from vendors.payments.booking import Booking, NotHeard
from vendors.stripe.client import StripeDoor


class Doubting(StripeDoor):
    doubts = 0

    def doubt_own_account(self) -> None:
        self.doubts += 1


async def test_that_a_payment_is_anothers_has_it_asked_again_whose_our_key_is() -> None:
    async with listening(answer(error(), 403)) as server, VendorHttp() as http:
        door = Doubting(settings_at(server.url, "rk_test_1"), http)
        booking = Booking(door, Hearing(FakePaymentStore()))
        with pytest.raises(NotHeard) as waits:
            await booking.check(a_payment(account="acct_9/test"), CALL)
        assert (waits.value.outcome.code, waits.value.refused, door.doubts) == ("other_account", True, 1)
        account = await door.own_account(CALL)
        await booking.check(a_payment(account=getattr(account, "name", "")), CALL)
        await booking.check(a_payment(), CALL)
    assert door.doubts == 1
