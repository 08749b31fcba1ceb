"""Charges: looked at, and listed. They are made by `attempts`. https://docs.stripe.com/api/charges"""

from loadtest.stripe.account import Account
from loadtest.stripe.charge import Charge
from loadtest.stripe.listing import DatedListing, Page, page
from loadtest.stripe.params import Params


class ChargeListing(DatedListing, kw_only=True, frozen=True):
    customer: str | None = None
    payment_intent: str | None = None


def retrieve(account: Account, _asked: Params, sought: str) -> Charge:
    return account.charges.find(sought, "id")


def listed(account: Account, asked: ChargeListing) -> Page:
    return page(
        account.charges,
        asked,
        "/v1/charges",
        lambda charge: (
            asked.dated(charge.created)
            and asked.customer in (None, charge.customer)
            and asked.payment_intent in (None, charge.payment_intent)
        ),
    )
