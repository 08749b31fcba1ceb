"""A run each period, one over the fleet; and what the jobs of a run are called."""

from datetime import timedelta

import msgspec
import pytest

from domain.errors import Unavailable
from domain.jobs import Priority
from domain.payments.reconcile_jobs import RECONCILE, Compared, Reconcile, page_id, page_job
from domain.payments.reconcile_rota import LOOKS_BACK, ReconcileRota
from domain.payments.reconciling import Finding, Phase, Report
from domain.request_ids import new_request_id
from tests.fakes_orders import FakePaymentJobs
from tests.strategies import NOON

AN_HOUR = timedelta(hours=1)


async def test_of_any_number_of_workers_one_puts_the_run_of_an_hour_on_record() -> None:
    jobs = FakePaymentJobs()
    first, second = ReconcileRota(jobs, AN_HOUR), ReconcileRota(jobs, AN_HOUR)
    for seconds in (1, 1800, 3599):
        await first.put_due(NOON + timedelta(seconds=seconds))
        await second.put_due(NOON + timedelta(seconds=seconds))
    [job] = jobs.of_kind(RECONCILE)
    assert (job.client, job.vendor, job.priority) == ("gateway", "payments", Priority.LOW)
    assert msgspec.json.decode(job.payload, type=Reconcile) == Reconcile(job.id, NOON - LOOKS_BACK)
    await second.put_due(NOON + AN_HOUR)
    assert len(jobs.of_kind(RECONCILE)) == 2


async def test_what_could_not_be_put_on_record_is_put_there_later() -> None:
    jobs = FakePaymentJobs()
    rota = ReconcileRota(jobs, AN_HOUR)
    jobs.down = True
    with pytest.raises(Unavailable):
        await rota.put_due(NOON)
    jobs.down = False
    await rota.put_due(NOON)
    assert len(jobs.stored) == 1


def test_a_run_goes_through_all_lists_and_carries_what_it_found() -> None:
    asked: Reconcile | None = Reconcile(new_request_id(), NOON)
    seen, report = [], Report()
    while asked is not None:
        seen.append((asked.phase, asked.page))
        report = asked.report.noting(Finding.STRANGER, f"x_{asked.page}")
        asked = asked.next_phase(report)
    assert seen == [(phase, number) for number, phase in enumerate(Phase)]
    assert report.ids == {Finding.STRANGER: ["x_0", "x_1", "x_2", "x_3"]}


def test_a_pages_job_is_called_by_its_number_wherever_it_begins() -> None:
    asked = Reconcile(new_request_id(), NOON)
    here, there = asked.on(Report(), "pi_7"), asked.on(Report({Finding.AGREED: 1}), "pi_8")
    assert page_job(here, NOON).id == page_job(there, NOON).id == page_id(asked.run, 1)
    assert page_job(asked, NOON).id == asked.run
    assert page_job(here, NOON).parent == asked.run
    assert msgspec.json.decode(page_job(here, NOON).payload, type=Reconcile) == here


def test_a_result_is_read_as_it_was_written() -> None:
    told = Compared(NOON, Report({Finding.MENDED: 2}, {Finding.MENDED: ["a", "b"]}), new_request_id())
    assert msgspec.json.decode(msgspec.json.encode(told), type=Compared) == told
