"""The books and the simulated Stripe after a run: whatever was lost on the way, both hold the same money."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs

from domain.errors import OutcomeUnknown
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.mongo import Database
from domain.jobs import Status as JobStatus
from domain.outcomes import Done, Retry, Waiting
from domain.payments.payments import RefundStatus, Status
from domain.payments.processing import BEGIN
from domain.payments.reconcile_jobs import Compared, Reconcile, page_id, page_job
from domain.payments.reconciling import Finding, Report
from domain.request_ids import new_request_id
from tests.contracts.stripe_till import A_DAY, BACK, DECLINED, EVERYTHING, TEN_MINUTES, Till, now, till_at
from tests.loadtest.client import Vendors
from tests.loadtest.conftest import vendors_running
from tests.stores import Stores
from vendors.payments.reconciling import MOST_HEARD


@pytest.fixture(scope="module")
def simulated() -> Iterator[Vendors]:
    with vendors_running() as vendors:
        yield vendors


@pytest.fixture
async def till(simulated: Vendors, payments_database: Database) -> AsyncIterator[Till]:
    async with till_at(simulated, payments_database) as here:
        here.stripe.control("DELETE", "/everything")
        here.stripe.control("DELETE")
        yield here


async def test_where_nothing_was_lost_all_agree(till: Till) -> None:
    payment = await till.paid()
    _, job = await till.refunding(payment, 500)
    assert isinstance(await till.call(job), Done)
    assert await till.compare() == Report({Finding.AGREED: 2}, {})
    assert await till.adds_up()


async def test_a_payment_whose_job_and_event_were_lost_is_found_and_booked(till: Till) -> None:
    payment, job = await till.tried()
    intent = till.charge_behind_our_back(job, payment)
    del till.jobs.stored[job.id]
    assert await till.compare() == Report({Finding.MENDED: 1}, {Finding.MENDED: [str(payment.id)]})
    after = await till.look(payment)
    assert (after.status, after.captured, after.reference) == (Status.COMPLETED, 2000, intent)
    assert await till.adds_up()
    assert await till.compare() == Report({Finding.AGREED: 1}, {})


async def test_a_decline_whose_answer_was_lost_is_booked_too(till: Till) -> None:
    payment, job = await till.tried(card=DECLINED)
    till.charge_behind_our_back(job, payment, DECLINED)
    till.end_in_doubt(job)
    report = await till.compare()
    assert (report.counts, (await till.look(payment)).status) == ({Finding.MENDED: 1}, Status.FAILED)


async def test_what_goes_through_another_account_is_named_and_left_as_it_is(
    till: Till, simulated: Vendors, payments_database: Database
) -> None:
    """A day later too, when what is at neither account would be given up."""
    paid, (doubted, job) = await till.paid(), await till.tried()
    refund, refunding = await till.refunding(paid, 500)
    for operation, lost in (("payment_intents", job), ("refunds", refunding)):
        till.stripe.control("PUT", f"?on=POST%20/v1/{operation}", {"mode": "drop_after"})
        with pytest.raises(OutcomeUnknown):
            await till.call(lost)
        till.end_in_doubt(lost)
    till.stripe.control("PUT", "/accounts", {"sk_test_other": "acct_other"})
    before = await till.look(paid), await till.look(doubted)
    async with till_at(simulated, payments_database, till.jobs, "sk_test_other") as other:
        other.jobs, other.later = till.jobs, A_DAY
        report = await other.compare()
    assert report == Report({Finding.OTHER_ACCOUNT: 2}, {Finding.OTHER_ACCOUNT: [str(paid.id), str(doubted.id)]})
    assert (report.left, (await till.look(paid), await till.look(doubted))) == (2, before)
    till.stripe.control("DELETE")
    await till.compare()
    assert ((await till.look(doubted)).captured, await till.adds_up()) == (2000, True)
    assert [one.status for one in (await till.look(paid)).refunds if one.id == refund.id] == [RefundStatus.COMPLETED]


async def test_a_refund_made_at_stripe_is_booked(till: Till) -> None:
    payment = await till.paid()
    till.stripe.control("POST", "/refunds", {"payment_intent": payment.reference, "amount": 800})
    assert not await till.adds_up()
    report = await till.compare()
    assert report.counts == {Finding.MENDED: 1, Finding.AGREED: 1}
    assert ((await till.look(payment)).refunded, await till.adds_up()) == (800, True)


async def test_a_refund_of_a_payment_from_before_the_time_looked_at_is_booked(payments_database: Database) -> None:
    """On a Stripe of its own, whose clock is put forward."""
    with vendors_running() as vendors:
        async with till_at(vendors, payments_database) as till:
            payment = await till.paid()
            till.stripe.control("POST", "/clock", {"seconds": 3600})
            till.stripe.control("POST", "/refunds", {"payment_intent": payment.reference, "amount": 800})
            report = await till.compare(since=now() + timedelta(minutes=30))
            assert (report.counts, await till.adds_up()) == ({Finding.MENDED: 1}, True)


async def test_an_unknown_refund_that_was_made_is_booked(till: Till) -> None:
    payment = await till.paid()
    refund, job = await till.refunding(payment, 700)
    assert isinstance(payment.reference, str)
    marks = {"refund": str(refund.id), "job": str(refund.id), "generation": "1"}
    till.stripe.make("refunds", {"payment_intent": payment.reference, "amount": 700, "metadata": marks})
    till.end_in_doubt(job)
    await till.compare()
    after = await till.look(payment)
    assert (after.refunded, after.refunding, len(after.refunds)) == (700, 0, 1)
    assert await till.adds_up()


async def test_an_unknown_refund_keeps_its_reservation_until_stripe_has_forgotten_its_key(till: Till) -> None:
    payment = await till.paid()
    refund, job = await till.refunding(payment, 2000)
    till.end_in_doubt(job)
    report = await till.compare()
    assert (report.counts, report.left) == ({Finding.AGREED: 1, Finding.OPEN: 1}, 0)
    assert (await till.look(payment)).refundable == 0
    till.later = A_DAY
    report = await till.compare()
    assert report.ids == {Finding.RELEASED: [str(refund.id)]}
    after = await till.look(payment)
    assert ([one.status for one in after.refunds], after.refundable) == ([RefundStatus.FAILED], 2000)
    assert await till.adds_up()


async def test_a_released_refund_that_stripe_makes_after_all_is_booked_as_made(till: Till) -> None:
    payment = await till.paid()
    refund, job = await till.refunding(payment, 700)
    till.end_in_doubt(job)
    till.later = A_DAY
    await till.compare()
    marks = {"refund": str(refund.id)}
    till.stripe.make("refunds", {"payment_intent": payment.reference, "amount": 700, "metadata": marks})
    await till.compare()
    after = await till.look(payment)
    assert ([one.status for one in after.refunds], after.refunded) == ([RefundStatus.COMPLETED], 700)
    assert await till.adds_up()


async def test_a_refund_whose_job_is_at_it_is_left_to_that(till: Till) -> None:
    payment = await till.paid()
    await till.refunding(payment, 700)
    till.later = A_DAY
    assert (await till.compare()).counts == {Finding.AGREED: 1}
    assert (await till.look(payment)).refunding == 700


async def test_a_refund_made_at_stripe_that_its_bank_is_long_at_is_not_ours_to_release(till: Till) -> None:
    payment = await till.paid()
    till.stripe.control("PUT", "/outcomes", {"refunds": "pending"})
    till.stripe.control("POST", "/refunds", {"payment_intent": payment.reference, "amount": 800})
    till.stripe.control("PUT", "/outcomes", {})
    await till.compare()
    till.later = timedelta(days=9)
    assert (await till.compare()).counts == {Finding.AGREED: 2, Finding.OPEN: 1}
    assert (await till.look(payment)).refunding == 800


async def test_a_payment_that_stripe_no_longer_has_is_a_persons(till: Till) -> None:
    payment = await till.paid()
    _, job = await till.refunding(payment, 700)
    till.end_in_doubt(job)
    till.stripe.control("DELETE", "/everything")
    assert (await till.compare()).ids == {Finding.NOT_AT_PROCESSOR: [str(payment.id)]}


async def test_what_others_made_is_counted_and_named_and_booked_nowhere(till: Till) -> None:
    stranger = till.stripe.paid()
    report = await till.compare()
    assert report == Report({Finding.STRANGER: 1}, {Finding.STRANGER: [stranger["id"]]})
    assert (report.left, await till.held()) == (0, 0)


async def test_a_charge_of_a_payment_that_is_not_on_record_is_a_persons(till: Till) -> None:
    gone = till.stripe.paid(metadata={"payment": str(new_request_id())})
    with capture_logs() as told:
        report = await till.compare()
    assert (report.ids, report.left) == ({Finding.NOT_ON_RECORD: [gone["id"]]}, 1)
    assert (told[-1]["log_level"], told[-1]["not_on_record_ids"]) == ("error", [gone["id"]])


async def test_a_try_that_stripe_has_never_heard_of_is_reported_and_never_charged_again(till: Till) -> None:
    payment, job = await till.tried()
    till.end_in_doubt(job)
    assert (await till.compare()).counts == {Finding.OPEN: 1}
    till.later = A_DAY
    assert (await till.compare()).ids == {Finding.NOT_AT_PROCESSOR: [str(payment.id)]}
    beyond = await till.compare(since=now() + timedelta(minutes=1))
    assert beyond.ids == {Finding.IN_DOUBT: [str(payment.id)]}
    assert ((await till.look(payment)).status, till.stripe.totals()["charges"]) == (Status.PROCESSING, 0)


async def test_a_payment_whose_job_is_still_to_be_put_on_record_is_left_to_that(till: Till) -> None:
    payment, job = await till.tried()
    del till.jobs.stored[job.id]
    owing = payment.model_copy(update={"owed": [BEGIN], "epoch": payment.epoch + 1})
    assert await till.store.change(payment, owing)
    till.later = A_DAY
    assert await till.compare() == Report()


async def test_a_payment_that_its_buyer_has_to_confirm_is_at_stripe_and_open(till: Till) -> None:
    payment, job = await till.tried(card="pm_card_authenticationRequired")
    waiting = await till.call(job)
    assert isinstance(waiting, Waiting)
    till.end_in_doubt(job)
    till.later = A_DAY
    report = await till.compare()
    assert report.ids == {Finding.OPEN: [str(payment.id)]}
    till.stripe.press((await till.look(payment)).next_action or "", "complete")
    await till.compare()
    assert ((await till.look(payment)).status, await till.adds_up()) == (Status.COMPLETED, True)


async def test_the_no_to_an_earlier_try_ends_no_later_one(till: Till) -> None:
    payment, job = await till.tried(card=DECLINED)
    await till.call(job)
    till.end(job, status=JobStatus.FAILED)
    again, second = await till.tried(await till.look(payment))
    assert (await till.compare()).counts == {Finding.AGREED: 1}
    assert (await till.look(payment)).status is Status.PROCESSING
    till.end_in_doubt(second)
    till.later = A_DAY
    report = await till.compare()
    assert report.ids == {Finding.NOT_AT_PROCESSOR: [str(payment.id)]}
    till.charge_behind_our_back(second, again)
    assert (await till.compare()).ids == {Finding.MENDED: [str(payment.id)]}
    assert ((await till.look(payment)).status, await till.adds_up()) == (Status.COMPLETED, True)


async def test_two_charges_of_one_payment_are_a_contradiction_and_nothing_is_booked(till: Till) -> None:
    payment = await till.paid()
    assert payment.job is not None
    till.charge_behind_our_back(till.jobs.stored[payment.job], payment)
    report = await till.compare()
    assert report.counts == {Finding.CONTRADICTION: 1, Finding.AGREED: 1}
    assert (await till.look(payment), await till.held()) == (payment, 2000)


async def test_a_second_charge_that_somebody_gave_back_stays_a_persons(till: Till) -> None:
    payment, job = await till.tried(card=DECLINED)
    await till.call(job)
    declined = (await till.look(payment)).reference
    till.end(job, status=JobStatus.FAILED)
    _, second = await till.tried(await till.look(payment))
    await till.call(second)
    till.end(second)
    till.stripe.make(f"payment_intents/{declined}/confirm", {"payment_method": "pm_card_visa", "return_url": BACK})
    till.stripe.control("POST", "/refunds", {"payment_intent": declined})
    before = await till.look(payment)
    assert (await till.compare()).counts == {Finding.CONTRADICTION: 2, Finding.AGREED: 1}
    assert (await till.look(payment), await till.adds_up()) == (before, True)


async def test_what_stripe_says_that_cannot_be_is_a_persons_and_stops_nobody(till: Till) -> None:
    payment, job = await till.tried()
    marks = {"payment": str(payment.id), "job": str(job.id), "generation": "1"}
    till.stripe.paid(amount=1900, metadata=marks)
    other, second = await till.tried()
    till.charge_behind_our_back(second, other)
    report = await till.compare()
    assert report.ids == {Finding.MENDED: [str(other.id)], Finding.CONTRADICTION: [str(payment.id)]}


async def test_an_orders_page_that_was_paid_is_found(till: Till) -> None:
    payment, waiting = await till.page_of_an_order()
    page = msgspec.json.decode(waiting.taken_with or "null")["redirect_url"]
    till.stripe.press(page, "pay", card="4242424242424242")
    assert (await till.compare()).ids == {Finding.MENDED: [str(payment.id)]}
    assert ((await till.look(payment)).status, await till.adds_up()) == (Status.COMPLETED, True)


async def test_an_orders_page_that_is_closed_is_found_and_an_open_one_is_left(till: Till) -> None:
    payment, waiting = await till.page_of_an_order()
    assert (await till.compare()).ids == {Finding.OPEN: [str(payment.id)]}
    till.stripe.control("POST", f"/checkout/sessions/{waiting.reference}/expire")
    assert (await till.compare()).ids == {Finding.MENDED: [str(payment.id)]}
    assert (await till.look(payment)).status is Status.CANCELLED


async def test_a_page_whose_worker_died_is_compared_twice_and_the_run_does_not_fork(till: Till) -> None:
    payment, job = await till.tried()
    till.charge_behind_our_back(job, payment)
    till.end_in_doubt(job)
    first = page_job(Reconcile(new_request_id(), now() - TEN_MINUTES), now())
    compared = await till.page(first)
    on_record = dict(till.jobs.stored)
    assert await till.page(first) == Compared(compared.since, Report(), compared.next)
    assert till.jobs.stored == on_record
    assert compared.next is not None
    told = msgspec.json.decode(till.jobs.stored[compared.next].payload, type=Reconcile)
    assert (told.report.counts, await till.adds_up()) == ({Finding.MENDED: 1}, True)
    assert len(await till.store.list_transactions(EVERYTHING)) == 1


async def test_a_death_before_the_next_page_is_on_record_books_nothing_twice(till: Till) -> None:
    payment, job = await till.tried()
    till.charge_behind_our_back(job, payment)
    till.end_in_doubt(job)
    first = page_job(Reconcile(new_request_id(), now() - TEN_MINUTES), now())
    compared = await till.page(first)
    assert compared.next is not None
    del till.jobs.stored[compared.next]
    assert (await till.page(first)).report.counts == {Finding.AGREED: 1}
    assert (len(await till.store.list_transactions(EVERYTHING)), await till.adds_up()) == (1, True)


async def test_many_that_differ_are_mended_by_several_jobs(till: Till) -> None:
    for _ in range(MOST_HEARD + 1):
        payment, job = await till.tried()
        till.charge_behind_our_back(job, payment)
        till.end_in_doubt(job)
    asked = Reconcile(new_request_id(), now() - TEN_MINUTES)
    first = await till.page(page_job(asked, now()))
    assert first.report.counts == {Finding.MENDED: MOST_HEARD}
    assert first.next == page_id(asked.run, 1)
    rest = await till.compare()
    assert (rest.counts[Finding.MENDED], await till.adds_up()) == (1, True)


async def test_stripe_that_is_away_is_asked_again_and_what_was_compared_stays(till: Till) -> None:
    await till.paid()
    till.stripe.control("PUT", "?on=GET%20/v1/payment_intents", [{"mode": "api_error", "status": 503, "times": 1}])
    first = page_job(Reconcile(new_request_id(), now() - TEN_MINUTES), now())
    assert isinstance(await till.call(first), Retry)
    assert (await till.page(first)).report.counts == {Finding.AGREED: 1}


async def test_a_look_that_fails_ends_the_page_there_and_the_next_job_goes_on(till: Till) -> None:
    for _ in range(2):
        payment, job = await till.tried()
        till.charge_behind_our_back(job, payment)
        till.end_in_doubt(job)
    faults = [{"mode": "normal", "times": 1}, {"mode": "api_error", "status": 500, "times": 1}]
    till.stripe.control("PUT", "?on=GET%20/v1/payment_intents/*", faults)
    compared = await till.page(page_job(Reconcile(new_request_id(), now() - TEN_MINUTES), now()))
    assert compared.report.counts == {Finding.MENDED: 1}
    assert compared.next is not None
    assert (await till.page(till.jobs.stored[compared.next])).report.counts == {Finding.MENDED: 2}
    assert await till.adds_up()


async def test_workers_make_a_run_of_themselves(
    simulated: Vendors, payments_database: Database, stores: Stores
) -> None:
    jobs = MongoPaymentJobs(stores.database, stores.queue)
    async with till_at(simulated, payments_database, jobs) as till:
        till.stripe.control("DELETE", "/everything")
        payment, job = await till.tried()
        till.charge_behind_our_back(job, payment)
        async with stores.worker(till.vendor), stores.worker(till.vendor):
            first = page_job(Reconcile(new_request_id(), now() - TEN_MINUTES), now())
            await jobs.put(first)
            compared = await _compared(stores, first.id)
            while compared.next is not None:
                compared = await _compared(stores, compared.next)
        assert compared.report.counts == {Finding.MENDED: 1}
        assert await till.adds_up()


async def test_what_could_not_be_looked_at_is_never_passed_over(till: Till) -> None:
    payment, job = await till.tried()
    till.charge_behind_our_back(job, payment)
    till.end_in_doubt(job)
    fault = {"mode": "api_error", "status": 500, "times": 1}
    till.stripe.control("PUT", "?on=GET%20/v1/payment_intents/*", [fault])
    first = page_job(Reconcile(new_request_id(), now() - TEN_MINUTES), now())
    assert isinstance(await till.call(first), Retry)
    assert (await till.page(first)).report.counts == {Finding.MENDED: 1}


async def _compared(stores: Stores, page: UUID) -> Compared:
    job = await stores.reader.wait_until_ended(page, None, 20)
    assert job is not None
    return msgspec.json.decode(job.result or "", type=Compared)
