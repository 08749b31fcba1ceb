"""A worker, real stores and a Stripe of two accounts: a wrong key is set over a payment in doubt, and then mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from domain.backoff import Backoff
from domain.commerce.payments import VENDOR
from domain.infra.commerce.payment_jobs import MongoPaymentJobs
from domain.infra.mongo import prepare_payments
from domain.infra.payments.payments import MongoPaymentStore
from domain.jobs import Status as JobStatus
from domain.outcomes import Outcome, Retry
from domain.payments.hearing import Hearing
from domain.payments.jobs import try_job
from domain.payments.payments import Payment, Status
from domain.payments.processing import begun
from domain.vendors import Call
from tests.contracts.stripe_till import BACK, VISA
from tests.fakes_payments import a_payment
from tests.loadtest.conftest import vendors_running
from tests.loadtest.stripe.api import KEY, Api
from tests.stores import Stores
from vendors.http import VendorHttp
from vendors.payments.policy import policy_of
from vendors.payments.stripe import StripePayments
from vendors.stripe.client import StripeDoor
from vendors.stripe.settings import StripeSettings
from vendors.stripe.webhooks import StripeWebhooks

OTHER = "sk_test_other"
ROUNDS = 3


class Gateway:
    """The vendor by the key that is set, each of which is another start. What waits for a minute waits for a moment."""

    name = VENDOR
    policy = replace(policy_of(None), attempts=2, backoff=Backoff(base_seconds=0.01, cap_seconds=0.01))

    def __init__(self, stores: Stores, http: VendorHttp, base: str) -> None:
        self.store = MongoPaymentStore(stores.database)
        self._jobs = MongoPaymentJobs(stores.database, stores.queue)
        self._http = http
        self._base = base
        self.set_key(KEY)
        self.outcomes: asyncio.Queue[Outcome | Exception] = asyncio.Queue()

    def set_key(self, key: str) -> None:
        settings = StripeSettings(SecretStr(key), SecretStr("whsec_x"), self._base)
        door, webhooks = StripeDoor(settings, self._http), StripeWebhooks.of(settings)
        self._here = StripePayments(door, Hearing(self.store), self._jobs, webhooks, "https://shop.test", limit=None)

    async def call(self, call: Call) -> Outcome:
        try:
            outcome = await self._here.call(call)
        except Exception as unknown:
            self.outcomes.put_nowait(unknown)
            raise
        if isinstance(outcome, Retry) and outcome.after is not None:
            outcome = replace(outcome, after=timedelta(milliseconds=50))
        self.outcomes.put_nowait(outcome)
        return outcome


@pytest.fixture
async def stripe() -> AsyncIterator[Api]:
    with vendors_running() as vendors:
        api = Api(vendors)
        api.control("PUT", "/accounts", {OTHER: "acct_other"})
        yield api


@pytest.fixture
async def gateway(stores: Stores, stripe: Api) -> AsyncIterator[Gateway]:
    await prepare_payments(stores.database)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(VendorHttp())
        yield Gateway(stores, http, f"http://127.0.0.1:{stripe.vendors.port}/stripe")


async def tried(gateway: Gateway, stores: Stores) -> Payment:
    now = datetime.now(UTC)
    payment = await gateway.store.add(a_payment(created_at=now, updated_at=now))
    after = begun(payment, VISA, now)
    assert await gateway.store.change(payment, after)
    await MongoPaymentJobs(stores.database, stores.queue).put(try_job(after, BACK, now))
    return after


async def test_what_is_in_doubt_waits_for_its_own_key_while_others_go_on_and_is_charged_once(
    gateway: Gateway, stores: Stores, stripe: Api
) -> None:
    stripe.control("PUT", "?on=POST%20/v1/payment_intents", [{"mode": "drop_after", "times": 1}])
    payment = await tried(gateway, stores)
    async with stores.worker(gateway):
        await gateway.outcomes.get()  # nobody knows
        gateway.set_key(OTHER)
        for _ in range(ROUNDS):
            outcome = await gateway.outcomes.get()
            assert isinstance(outcome, Retry)
            assert outcome.code == "other_account"
        waiting = await stores.reader.find(payment.job, None) if payment.job is not None else None
        assert waiting is not None
        assert (waiting.status in {JobStatus.PENDING, JobStatus.PROCESSING}, waiting.tries) == (True, 1)
        other = await tried(gateway, stores)
        assert other.job is not None
        assert (await ended(stores, other)) is JobStatus.COMPLETE
        found = await gateway.store.find(payment.id, None)
        assert found is not None
        assert (found.status, found.account) == (Status.PROCESSING, "acct_simulated/test")
        gateway.set_key(KEY)
        assert (await ended(stores, payment)) is JobStatus.COMPLETE
    after = await gateway.store.find(payment.id, None)
    assert after is not None
    assert (after.status, after.captured) == (Status.COMPLETED, 1000)
    assert (stripe.totals()["charges"], stripe.totals("?account=acct_other")["charges"]) == (1, 1)


async def ended(stores: Stores, payment: Payment) -> JobStatus:
    assert payment.job is not None
    job = await stores.reader.wait_until_ended(payment.job, None, 20)
    assert job is not None
    return job.status
