"""Every vendor of the registry, in code or in the project's own `vendors.toml`, keeps what every vendor promises."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from domain.vendors import Vendor
from tests.contracts.vendor_promises import (
    REQUEST_ID,
    PollPromises,
    VendorCase,
    VendorPromises,
    WebhookPromises,
    as_json,
)
from tests.vendors.email.samples import SETTINGS, a_mail, payload_of, token_of
from tests.vendors.test_signatures import KEY, github, standard
from vendors.email.adapter import Email
from vendors.email.gmail import GmailCarrier
from vendors.http import VendorHttp
from vendors.registry import load_vendor_names, load_vendors
from vendors.table.adapter import TableVendor
from vendors.table.settings import VendorTable

TABLE = Path(__file__).parents[2] / "vendors.toml"
SECRET = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjIh"  # KEY in base64


def environment_at(url: str) -> dict[str, str]:
    """Every address that a vendor's settings may name, pointed at one server."""
    return {"GATEWAY_DEMO_VENDORS_URL": url, "GATEWAY_PUBLIC_URL": url, "GATEWAY_DEMO_WEBHOOK_SECRET": SECRET}


def registered(name: str, http: VendorHttp, url: str) -> Vendor:
    return load_vendors([TABLE], environment_at(url), http)[name]


def polled(http: VendorHttp, url: str) -> Vendor:
    table = {
        "url": f"{url}/reports",
        "mode": "async",
        "headers": {"Authorization": "Bearer x"},
        "reply": {"reference": "/id"},
        "webhook": {"scheme": "github", "secret": KEY.decode(), "reference": "/id", "result": "/report"},
        "poll": {"url": url + "/reports/${job.reference}", "every_seconds": 30},
    }
    return TableVendor("polled", VendorTable.model_validate(table), http)


def scattered(http: VendorHttp, url: str) -> Vendor:
    return TableVendor("scattered", VendorTable.model_validate({"url": "/reports?x=1", "instances": [url]}), http)


class OneToken:
    """An `AccessTokens` that has one already."""

    async def get(self) -> str:
        return "token"

    def drop(self, token: str) -> None:
        """It has no other."""


def email(http: VendorHttp, url: str) -> Vendor:
    return Email(GmailCarrier(http, OneToken(), api=url), SETTINGS, token_of)


def sign_standard(body: bytes, now: datetime) -> Mapping[str, str]:
    return standard(body, now)


DONE = f'{{"id": "rep_1", "metadata": {{"job": "{REQUEST_ID}"}}, "status": "complete", "report": {{"pages": 3}}}}'
ACCEPTED = as_json('{"id": "rep_1"}', "202 Accepted")
CASES = {  # a vendor that is registered adds one line; Stripe, whose 500 settles nothing, has `test_stripe_trouble.py`
    "sync": VendorCase("sync", partial(registered, "sync")),
    "async": VendorCase("async", partial(registered, "async"), success=ACCEPTED, done=DONE, sign=sign_standard),
    "email": VendorCase("email", email, payload=payload_of(a_mail()), success=as_json('{"id": "m1"}')),
    "polled": VendorCase("polled", polled, success=ACCEPTED, done=DONE, sign=github, polled=True),
    "scattered": VendorCase("scattered", scattered),
}


def test_every_registered_vendor_is_held_to_its_promises() -> None:
    assert load_vendor_names([TABLE], environment_at("http://127.0.0.1:1")) <= set(CASES)


class TestVendors(VendorPromises):
    @pytest.fixture(params=list(CASES))
    def case(self, request: pytest.FixtureRequest) -> VendorCase:
        return CASES[request.param]


class TestWebhooks(WebhookPromises):
    @pytest.fixture(params=[name for name, case in CASES.items() if case.sign])
    def case(self, request: pytest.FixtureRequest) -> VendorCase:
        return CASES[request.param]


class TestPolls(PollPromises):
    @pytest.fixture(params=[name for name, case in CASES.items() if case.polled])
    def case(self, request: pytest.FixtureRequest) -> VendorCase:
        return CASES[request.param]
