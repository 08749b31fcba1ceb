"""The hosted pages in a browser, as a buyer sees them: what is typed, pressed, read, and where it leads."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.loadtest.stripe.api import Api
from tests.loadtest.stripe.browser import ABSENT, CHROMEDRIVER, CHROMIUM, Browser, browser_running

LINE = {"price_data": {"currency": "usd", "unit_amount": 999, "product_data": {"name": "Tea <b>"}}, "quantity": 2}

pytestmark = pytest.mark.skipif(not (CHROMEDRIVER and CHROMIUM), reason=ABSENT)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser_running(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def shop(api: Api) -> str:
    """A page that is there: where buyers come back to."""
    return f"http://127.0.0.1:{api.vendors.port}/health"


@pytest.fixture
def session(api: Api, shop: str) -> Any:
    back = {"success_url": f"{shop}?paid={{CHECKOUT_SESSION_ID}}", "cancel_url": f"{shop}?cart"}
    return api.make("checkout/sessions", {"mode": "payment", "line_items": [LINE], **back})


def status(api: Api, session: Any) -> tuple[str, str, dict[str, int]]:
    now = api.get(f"checkout/sessions/{session['id']}").json
    return now["status"], now["payment_status"], api.totals()["charged"]


def test_a_buyer_reads_what_it_costs_presses_pay_and_is_back_at_the_shop(
    api: Api, browser: Browser, session: Any, shop: str
) -> None:
    browser.open(session["url"])
    assert (browser.read("h1"), browser.read("li"), browser.read("#error")) == ("19.98 USD", "2 × Tea <b>", "")
    browser.press("#pay")
    assert browser.url == f"{shop}?paid={session['id']}"
    assert status(api, session) == ("complete", "paid", {"usd": 1998})


def test_a_declined_buyer_is_told_so_and_pays_by_another_card(
    api: Api, browser: Browser, session: Any, shop: str
) -> None:
    browser.open(session["url"])
    browser.fill("[name=card]", "4000 0000 0000 0002")
    browser.press("#pay")
    assert browser.read("#error") == "Your card was declined."
    assert status(api, session) == ("open", "unpaid", {})
    browser.fill("[name=card]", "4242 4242 4242 4242")
    browser.press("#pay")
    assert (browser.url, status(api, session)[2]) == (f"{shop}?paid={session['id']}", {"usd": 1998})


def test_whose_bank_asks_proves_who_they_are_and_is_back_at_the_shop(
    api: Api, browser: Browser, session: Any, shop: str
) -> None:
    browser.open(session["url"])
    browser.fill("[name=card]", "4000 0025 0000 3155")
    browser.press("#pay")
    assert "/stripe/authenticate/" in browser.url
    assert browser.read("p") == "19.98 USD"
    browser.press("#complete")
    assert browser.url == f"{shop}?paid={session['id']}"
    assert status(api, session) == ("complete", "paid", {"usd": 1998})


def test_who_fails_to_prove_it_is_told_so_on_the_page_which_stays_open(
    api: Api, browser: Browser, session: Any
) -> None:
    browser.open(session["url"])
    browser.fill("[name=card]", "4000 0025 0000 3155")
    browser.press("#pay")
    browser.press("#fail")
    assert "authenticat" in browser.read("#error")
    assert status(api, session) == ("open", "unpaid", {})


def test_who_cancels_is_back_at_the_cart(api: Api, browser: Browser, session: Any, shop: str) -> None:
    browser.open(session["url"])
    browser.press("#cancel")
    assert (browser.url, status(api, session)[0]) == (f"{shop}?cart", "open")
