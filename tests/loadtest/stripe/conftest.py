"""The simulated Stripe, empty and well again for each test, and somebody who listens to its webhooks."""

from collections.abc import Iterator

import pytest

from tests.loadtest.client import Vendors
from tests.loadtest.receiver import Receiver, receiver_running
from tests.loadtest.stripe.api import Api

HOOK_SECRET = "whsec_of_these_tests"


@pytest.fixture
def api(running_vendors: Vendors) -> Api:
    api = Api(running_vendors)
    api.control("DELETE")
    api.control("DELETE", "/everything")
    api.control("DELETE", "/webhooks/plans")
    api.control("PUT", "/webhooks", [])
    api.control("PUT", "/keys", {"accepted": []})
    api.control("PUT", "/idempotency", {"honoured": True})
    return api


@pytest.fixture
def receiver(api: Api) -> Iterator[Receiver]:
    """It hears of everything, and takes it."""
    with receiver_running() as receiver:
        api.control("PUT", "/webhooks", [{"url": receiver.url, "secret": HOOK_SECRET}])
        yield receiver
        api.control("PUT", "/webhooks", [])
