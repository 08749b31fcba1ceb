"""
The accounts that our payments are tried on: the simulated Stripe's, localstripe's, and one in Stripe's test mode.

Each is asked beside our door, by plain HTTP, so that its money is counted from outside.
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tests.contracts.localstripe_dialect import Dialect
from tests.loadtest.conftest import vendors_running
from tests.loadtest.stripe.api import KEY, Api
from tests.loadtest.stripe.localstripe import ABSENT, COMMAND, localstripe_running
from vendors.http import VendorHttp
from vendors.stripe.settings import API_BASE, API_VERSION, StripeSettings

Prove = Callable[["Account", str], None]


@dataclass(frozen=True)
class Account:
    settings: StripeSettings
    http: httpx.Client
    declines: str = "pm_card_visa_chargeDeclined"
    prove: Prove | None = None  # the buyer of this intent proves who they are; None: only in a browser
    control: Api | None = None  # what only the simulated one can be told to do
    dialect: bool = False

    def open_http(self) -> VendorHttp:
        return VendorHttp(Dialect() if self.dialect else None)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        asks = method == "GET"
        answer = self.http.request(method, path, params=params if asks else None, data=None if asks else params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def empty(self) -> None:
        """Stripe's own keeps what others made there: nothing of that is counted."""
        if self.control is not None:
            self.control.control("DELETE", "/everything")
            self.control.control("DELETE")
        elif self.dialect:
            self.http.delete(f"{self.settings.api_base}/_config/data").raise_for_status()

    def asks(self) -> str:
        """A card whose holder has to prove who they are."""
        if not self.dialect:
            return "pm_card_authenticationRequired"
        number = {"card[number]": "4000002500003155", "card[cvc]": "123"}
        ends = {"card[exp_month]": 12, "card[exp_year]": 2030}
        return str(self.ask("POST", "payment_methods", type="card", **number, **ends)["id"])

    def held(self, payments: Collection[str]) -> int:
        """What the account has taken for these payments, less what it has given back."""
        intents = self.ask("GET", "payment_intents", limit=100)["data"]
        return sum(self._held_of(intent) for intent in intents if intent["metadata"].get("payment") in payments)

    def _held_of(self, intent: Any) -> int:
        latest = intent["latest_charge"]
        if latest is None:
            return 0
        charge = self.ask("GET", f"charges/{latest if isinstance(latest, str) else latest['id']}")
        refunds = self.ask("GET", "refunds", payment_intent=intent["id"], limit=100)["data"]
        taken = charge["amount"] if charge["status"] == "succeeded" and charge["captured"] else 0
        return int(taken - sum(refund["amount"] for refund in refunds if refund["status"] == "succeeded"))


def key_of_test_mode() -> str:
    """The key of an account in which no money is. Skips without one; a live one is refused, and not repeated."""
    key = os.environ.get("STRIPE_SECRET_KEY", "")
    if key.startswith(("sk_live_", "rk_live_")):
        pytest.fail("STRIPE_SECRET_KEY is a live key: these tests take and give back money; set sk_test_…, or none")
    if not key.startswith("sk_test_"):
        pytest.skip("STRIPE_SECRET_KEY is no key of Stripe's test mode")
    return key


@contextmanager
def simulated() -> Iterator[Account]:
    with vendors_running() as vendors:
        api = Api(vendors)
        with _account(KEY, f"http://127.0.0.1:{vendors.port}/stripe", prove=_on_its_page, control=api) as account:
            yield account


@contextmanager
def localstripe() -> Iterator[Account]:
    if not COMMAND:
        pytest.skip(ABSENT)
    with localstripe_running() as api:
        base = f"http://127.0.0.1:{api.vendors.port}"
        declines = "pm_card_chargeCustomerFail"  # 4000000000000341: what others decline, it takes
        with _account(KEY, base, declines=declines, prove=_by_its_route, dialect=True) as account:
            yield account


@contextmanager
def at_stripe() -> Iterator[Account]:
    with _account(key_of_test_mode(), API_BASE) as account:
        yield account


@contextmanager
def _account(key: str, base: str, **differing: Any) -> Iterator[Account]:
    settings = StripeSettings(SecretStr(key), SecretStr("whsec_x"), base)
    headers = {"Stripe-Version": API_VERSION}
    with httpx.Client(base_url=f"{base}/v1/", auth=(key, ""), headers=headers, timeout=30, trust_env=False) as http:
        yield Account(settings, http, **differing)


def _on_its_page(account: Account, intent_id: str) -> None:
    assert account.control is not None
    account.control.press(f"/stripe/authenticate/{intent_id}", "complete")


def _by_its_route(account: Account, intent_id: str) -> None:
    secret = account.ask("GET", f"payment_intents/{intent_id}")["client_secret"]
    account.ask("POST", f"payment_intents/{intent_id}/_authenticate", client_secret=secret, success="true")
