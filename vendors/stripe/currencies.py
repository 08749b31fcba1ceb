"""
Stripe's units of money, which are not always the minor units of ISO 4217.

Docs: https://docs.stripe.com/currencies (zero-decimal, three-decimal, special cases)
Quirk: ISK and UGX have no decimals, and Stripe wants them with two, always 00; MGA has two, and Stripe wants none.
Quirk: of currencies with three decimals the last digit must be 0.
"""

from collections.abc import Mapping
from types import MappingProxyType

from domain.money import EXPONENTS, Money

# Where the two differ: Stripe's exponent. Everywhere else it counts as ISO 4217 does.
_STRIPES: Mapping[str, int] = MappingProxyType({"ISK": 2, "UGX": 2, "MGA": 0})
_NOT_TAKEN = frozenset({"IQD", "LYD"})  # three decimals by ISO 4217, and by Stripe's pages nothing


class NotChargeable(ValueError):
    """Stripe cannot charge exactly this amount of this currency; the text says which it can."""


def to_stripe(money: Money) -> tuple[int, str]:
    """The amount and currency as Stripe takes them. Raises `NotChargeable`: nothing is ever rounded."""
    if money.currency not in EXPONENTS or money.currency in _NOT_TAKEN:
        raise NotChargeable(f"{money.currency} is no currency that Stripe takes.")
    if EXPONENTS[money.currency] == 3 and money.amount % 10:
        raise NotChargeable(f"Stripe takes {money.currency} with two decimals only: the last of the three must be 0.")
    scaled, left = divmod(money.amount * 10 ** _stripes(money.currency), 10 ** EXPONENTS[money.currency])
    if left:
        raise NotChargeable(f"Stripe takes whole {money.currency} only: the minor units must be 00.")
    return scaled, money.currency.lower()


def from_stripe(amount: int, currency: str) -> Money:
    """What Stripe says, in our minor units. Raises `ValueError` where that is none: nothing is ever rounded."""
    code = currency.upper()
    if code not in EXPONENTS or currency != currency.lower():
        raise ValueError("Stripe names a currency that is none")
    ours, left = divmod(amount * 10 ** EXPONENTS[code], 10 ** _stripes(code))
    if left or amount < 0:
        raise ValueError(f"Stripe names an amount that is none in {code}")
    return Money(amount=ours, currency=code)


def _stripes(code: str) -> int:
    return _STRIPES.get(code, EXPONENTS[code])
