"""The account itself, as its keys may see it. https://docs.stripe.com/api/accounts/retrieve"""

import msgspec

from loadtest.stripe.account import Account
from loadtest.stripe.params import Params


class OwnAccount(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "account"
    business_type: str | None = None
    charges_enabled: bool = True
    country: str = "US"
    default_currency: str = "usd"
    details_submitted: bool = True
    email: str | None = None
    metadata: dict[str, str] = {}
    payouts_enabled: bool = True
    type: str = "standard"


def retrieve(account: Account, _asked: Params) -> OwnAccount:
    return OwnAccount(id=account.id)
