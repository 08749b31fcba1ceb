"""
`gateway restored`: before workers run on a restored MongoDB, end the jobs that may have been called since, and let no
version be given out twice.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cli.backup_note import read_moment, read_note, remove_note
from cli.home import Home
from cli.settings import Settings
from cli.stores import Stores, open_stores
from cli.watching import live_vendors
from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.making_admins import OPERATOR
from domain.commerce.payments import VENDOR as PAYMENTS
from domain.errors import ConfigurationError
from domain.infra.accounts.audit import open_audit_log
from domain.infra.restores import leap_configurations, leap_controls, settle_doubts
from domain.jobs import Job
from domain.restores import doubt, may_have_been_called
from domain.submitted_fields import to_milliseconds
from domain.transitions import Rules
from domain.vendors import VendorPolicy
from vendors.http import VendorHttp
from vendors.payments.policy import policy_of


def run(settings: Settings, taken_at: str | None, *, dry_run: bool) -> None:
    """Idempotent: what it ended once it does not find again."""
    home = Home.at(settings.home)
    moment = read_note(home) if taken_at is None else read_moment("--taken-at", taken_at)
    if moment is None:
        raise ConfigurationError("--taken-at: say when the backup was finished, such as 2026-01-31T09:00:00Z")
    found = asyncio.run(_settle(settings, moment, dry_run=dry_run))
    for vendor, number in sorted(found.items()):
        what = "would fail" if dry_run else "failed"
        print(f"{vendor}  {number} may have been called since the backup: {what} with outcome_unknown")
    if not found:
        print("no job can have been called since the backup that its vendor would not recognise")
    if not dry_run:
        remove_note(home)


async def _settle(settings: Settings, taken_at: datetime, *, dry_run: bool) -> Counter[str]:
    async with VendorHttp() as http, open_stores(settings) as stores:
        policies = policies_of(settings, http)
        rules = Rules(VendorPolicy(), settings.retention)

        def doubted(job: Job) -> Job | None:
            now = to_milliseconds(datetime.now(UTC))
            asked = may_have_been_called(job, policies.get(job.vendor), taken_at, now)
            return doubt(job, taken_at, rules, now) if asked else None

        if not dry_run:
            await _begin(settings, stores, taken_at)
        return await settle_doubts(stores.database, doubted, dry_run=dry_run)


def policies_of(settings: Settings, http: VendorHttp) -> Mapping[str, VendorPolicy]:
    """Of the tables' vendors, and of payments: Stripe honours keys for a day, so none of a day need be given up."""
    return {**live_vendors(settings, http).policies, PAYMENTS: policy_of(None)}


async def _begin(settings: Settings, stores: Stores, taken_at: datetime) -> None:
    """Put it on record, and leave all versions behind that were given out since."""
    doer = Doer(OPERATOR, to_milliseconds(datetime.now(UTC)))
    async with open_audit_log(stores.database, timedelta(days=settings.audit_days)) as audit:
        await audit.write(doer.entry(Act.RESTORED, "jobs", taken_at=taken_at.isoformat()))
        leapt = await leap_configurations(stores.database, audit, doer, taken_at)
    await leap_controls(stores.database)
    if leapt:
        print(f"{leapt} configurations have their text under a new version: services take it, whichever they have")
