"""Two keys at once, and tries that are over: what is begun anew elsewhere is charged there once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from structlog.testing import capture_logs

from domain.commerce.payments import Withdrawal
from domain.errors import OutcomeUnknown
from domain.infra.mongo import Database
from domain.jobs import Job
from domain.outcomes import Done, Failed, Retry
from domain.payments.payments import Payment, Status
from domain.payments.reconcile_jobs import Reconcile, page_job
from domain.payments.reconciling import Finding
from domain.request_ids import new_request_id
from tests.contracts.stripe_till import A_DAY, DECLINED, TEN_MINUTES, Till, now, till_at
from tests.loadtest.client import Vendors
from tests.loadtest.conftest import vendors_running
from vendors.payments.booking import OVER

OTHER = "sk_test_other"
OF_OTHER = "?account=acct_other"


@pytest.fixture(scope="module")
def simulated() -> Iterator[Vendors]:
    with vendors_running() as vendors:
        yield vendors


@pytest.fixture
async def till(simulated: Vendors, payments_database: Database) -> AsyncIterator[Till]:
    async with till_at(simulated, payments_database) as here:
        here.stripe.control("DELETE", "/everything")
        here.stripe.control("DELETE")
        here.stripe.control("PUT", "/accounts", {OTHER: "acct_other"})
        yield here


@pytest.fixture
async def other(till: Till, simulated: Vendors, payments_database: Database) -> AsyncIterator[Till]:
    """A worker of the same books under another account's key."""
    async with till_at(simulated, payments_database, till.jobs, OTHER) as there:
        yield there


async def begun_anew(till: Till) -> tuple[Payment, Job, Job]:
    """The bank's no was heard by the books; the job that it was said to was killed, and is still to run again."""
    payment, refused = await till.tried()
    till.charge_behind_our_back(refused, payment, DECLINED)
    await till.compare()
    failed = await till.look(payment)
    assert failed.status is Status.FAILED
    again, counts = await till.tried(failed)
    return again, refused, counts


async def test_a_try_that_was_refused_is_not_made_at_another_account_once_another_has_begun(
    till: Till, other: Till
) -> None:
    payment, refused, counts = await begun_anew(till)
    await asyncio.gather(other.call(refused), other.call(counts))
    after = await till.look(payment)
    assert (after.status, after.captured, after.account) == (Status.COMPLETED, 2000, "acct_other/test")
    assert (till.stripe.totals(OF_OTHER)["charges"], till.stripe.totals()["charges"]) == (1, 0)


async def test_a_try_that_was_refused_puts_no_account_on_record_for_the_one_that_counts(
    till: Till, other: Till
) -> None:
    payment, refused, counts = await begun_anew(till)
    assert await other.call(refused) == OVER
    assert (await till.look(payment)).account is None
    assert isinstance(await till.call(counts), Done)
    assert (till.stripe.totals(OF_OTHER)["charges"], till.stripe.totals()["charges"]) == (0, 1)


async def test_a_run_whose_lists_were_another_accounts_says_of_no_payment_that_there_is_no_trace(
    till: Till, other: Till
) -> None:
    """The right key is set while a run is at work that began under a wrong one."""
    payment, job = await till.tried()
    till.stripe.control("PUT", "?on=POST%20/v1/payment_intents", {"mode": "drop_after"})
    with pytest.raises(OutcomeUnknown):
        await till.call(job)
    till.end_in_doubt(job)
    asked = Reconcile(new_request_id(), now() - TEN_MINUTES)
    await till.jobs.put(page_job(asked, now()))
    compared = await other.page(till.jobs.stored[asked.run])
    assert compared.next is not None
    till.later = A_DAY
    with capture_logs() as logs:
        outcome = await till.call(till.jobs.stored[compared.next])
    assert isinstance(outcome, Failed)
    assert outcome.code == "other_account"
    (told,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert (told["theirs"], told["ours"]) == ("acct_other/test", "acct_simulated/test")
    report = await till.compare()
    assert (report.counts, (await till.look(payment)).captured) == ({Finding.MENDED: 1}, 2000)


async def test_a_page_from_before_accounts_were_on_record_is_not_taken_for_closed_either(
    till: Till, other: Till, payments_database: Database
) -> None:
    payment, waiting = await till.page_of_an_order()
    await payments_database.payments.update_one({"_id": payment.id}, {"$unset": {"account": ""}})
    job = page_job(Reconcile(new_request_id(), now()), now())
    close = msgspec.json.encode(Withdrawal(waiting.reference, payment.id)).decode()
    job = job.model_copy(update={"payload": close})
    outcome = await other.call(job)
    assert isinstance(outcome, Retry)
    assert isinstance(await till.call(job), Done)
    assert till.stripe.get(f"checkout/sessions/{waiting.reference}").json["status"] == "expired"


async def test_what_was_paid_is_not_put_down_to_another_account_by_a_job_that_runs_once_more(
    till: Till, other: Till, payments_database: Database
) -> None:
    """It was booked before accounts were on record, and its worker was killed before the job ended."""
    payment, job = await till.tried()
    assert isinstance(await till.call(job), Done)
    await payments_database.payments.update_one({"_id": payment.id}, {"$unset": {"account": ""}})
    assert isinstance(await other.call(job), Retry)
    assert (await till.look(payment)).account is None
    _, back = await till.refunding(await till.look(payment), 500)
    assert isinstance(await till.call(back), Done)
    assert ((await till.look(payment)).refunded, till.stripe.totals()["left"]["usd"]) == (500, 1500)
