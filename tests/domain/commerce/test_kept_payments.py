"""What nobody may do to the job of a payment, and what an admin may."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.commerce.kept_payments import KeepsPayments
from domain.errors import Conflict, NotFound
from domain.jobs import Job, Status
from domain.ports import ReplayFilter
from tests.fake_control import FakeControl
from tests.fakes import FakeJobs
from tests.strategies import a_job

CHECKOUT = a_job(vendor="payments", metadata={"kind": "payment.checkout"}, status=Status.FAILED)
REFUND = a_job(vendor="payments", metadata={"kind": "payment.refund"}, status=Status.FAILED)
COMPARING = a_job(vendor="payments", client="gateway", metadata={"kind": "payments.reconcile"})
WAITING = a_job(vendor="payments", metadata={"kind": "payment.checkout"})
OTHER = a_job(status=Status.FAILED)


@pytest.fixture
def control() -> KeepsPayments:
    jobs = FakeJobs(CHECKOUT, REFUND, WAITING, COMPARING, OTHER)
    return KeepsPayments(FakeControl(jobs), jobs)


@pytest.mark.parametrize("owner", ["acme", None], ids=["its client", "an admin"])
@pytest.mark.parametrize(
    "act",
    [
        lambda control, owner: control.cancel(WAITING.id, owner),
        lambda control, owner: control.retry(CHECKOUT.id, owner),
        lambda control, owner: control.delete(CHECKOUT.id, owner),
        lambda control, owner: control.delete(REFUND.id, owner),
        lambda control, _: control.replay(ReplayFilter("payments", Status.FAILED), dry_run=False),
    ],
    ids=["cancel", "retry", "delete", "delete a refund", "replay"],
)
async def test_nobody_makes_us_deaf_to_a_payment_or_has_it_made_twice(
    control: KeepsPayments, act: Callable[[KeepsPayments, str | None], Awaitable[Any]], owner: str | None
) -> None:
    with pytest.raises(Conflict) as refusal:
        await act(control, owner)
    assert refusal.value.code == "payment-kept"


async def test_an_admin_has_a_refund_that_failed_tried_again_and_its_buyer_does_not(control: KeepsPayments) -> None:
    with pytest.raises(Conflict):
        await control.retry(REFUND.id, "acme")
    assert (await control.retry(REFUND.id, None)).status is Status.PENDING


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
    assert found.matched == 2
