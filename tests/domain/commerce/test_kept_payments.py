"""What nobody may do to the job of a payment, and what an admin may."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.commerce.kept_payments import KeepsPayments
from domain.errors import Conflict, NotFound
from domain.jobs import Job, JobError, Status
from domain.ports import ReplayFilter
from domain.request_ids import new_request_id
from tests.fake_control import FakeControl
from tests.fakes import FakeJobs
from tests.strategies import a_job

CHECKOUT = a_job(vendor="payments", metadata={"kind": "payment.checkout"}, status=Status.FAILED)
TRY = a_job(vendor="payments", metadata={"kind": "payment.process"}, status=Status.FAILED)
REFUSED = a_job(vendor="payments", metadata={"kind": "payment.give_back"}, status=Status.FAILED)
IN_DOUBT = REFUSED.model_copy(
    update={"id": new_request_id(), "error": JobError(code="outcome_unknown", message="no answer", retryable=False)}
)
PAGE = a_job(vendor="payments", metadata={"kind": "checkout.create"}, status=Status.FAILED)
COMPARING = a_job(vendor="payments", client="gateway", metadata={"kind": "payments.reconcile"})
WAITING = a_job(vendor="payments", metadata={"kind": "payment.checkout"})
TRIED = a_job(vendor="payments", metadata={"kind": "payment.process"})
OTHER = a_job(status=Status.FAILED)


@pytest.fixture
def control() -> KeepsPayments:
    jobs = FakeJobs(CHECKOUT, TRY, REFUSED, IN_DOUBT, PAGE, WAITING, TRIED, COMPARING, OTHER)
    return KeepsPayments(FakeControl(jobs), jobs)


@pytest.mark.parametrize("owner", ["acme", None], ids=["its client", "an admin"])
@pytest.mark.parametrize(
    "act",
    [
        lambda control, owner: control.cancel(WAITING.id, owner),
        lambda control, owner: control.retry(CHECKOUT.id, owner),
        lambda control, owner: control.retry(TRY.id, owner),
        lambda control, owner: control.retry(REFUSED.id, owner),
        lambda control, owner: control.delete(CHECKOUT.id, owner),
        lambda control, owner: control.delete(REFUSED.id, owner),
        lambda control, _: control.replay(ReplayFilter("payments", Status.FAILED), dry_run=False),
    ],
    ids=["cancel", "retry", "retry a try", "retry a refund", "delete", "delete a refund", "replay"],
)
async def test_nobody_makes_us_deaf_to_a_payment_or_has_it_made_twice(
    control: KeepsPayments, act: Callable[[KeepsPayments, str | None], Awaitable[Any]], owner: str | None
) -> None:
    with pytest.raises(Conflict) as refusal:
        await act(control, owner)
    assert refusal.value.code == "payment-kept"


@pytest.mark.parametrize(("job", "is_of_an_order"), [(WAITING, True), (TRIED, False)], ids=["an order's", "a try"])
async def test_only_who_pays_an_order_is_told_to_cancel_it(
    control: KeepsPayments, job: Job, is_of_an_order: bool
) -> None:
    with pytest.raises(Conflict) as refusal:
        await control.cancel(job.id, "acme")
    assert ("/orders/{order_id}/cancel" in refusal.value.detail) is is_of_an_order


@pytest.mark.parametrize("job", [IN_DOUBT, PAGE], ids=["a refund in doubt", "a page"])
async def test_what_is_made_once_however_often_asked_for_an_admin_retries_and_its_buyer_does_not(
    control: KeepsPayments, job: Job
) -> None:
    with pytest.raises(Conflict):
        await control.retry(job.id, "acme")
    assert (await control.retry(job.id, None)).status is Status.PENDING


async def test_nobody_stops_the_books_from_being_compared(control: KeepsPayments) -> None:
    for owner, refusal in ((None, Conflict), ("acme", NotFound)):
        for act in (control.cancel, control.delete):
            with pytest.raises(refusal):
                await act(COMPARING.id, owner)


async def test_anothers_payment_is_not_there(control: KeepsPayments) -> None:
    for act in (control.cancel, control.retry, control.delete):
        with pytest.raises(NotFound):
            await act(WAITING.id, "globex")


async def test_other_jobs_are_as_they_were(control: KeepsPayments) -> None:
    retried: Job = await control.retry(OTHER.id, "acme")
    assert (await control.cancel(retried.id, "acme")).status is Status.CANCELLED
    await control.delete(OTHER.id, "acme")
    found = await control.replay(ReplayFilter("payments", Status.FAILED), dry_run=True)
    assert found.matched == 5
