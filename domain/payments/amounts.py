"""
Amounts that can be charged: narrower than what ISO 4217 can count, and not the same for every currency.

Docs: https://docs.stripe.com/currencies (minimum and maximum charge amounts, special cases), read in November 2026.
The least is about 0.50 USD, in the currencies of which that page says it; in others only the processor knows. The most
is eight digits of what is sent, and ISK and UGX are sent with two zeros behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.errors import FieldError, Invalid
from domain.money import EXPONENTS, MOST, Money, written

_LEAST: Mapping[str, int] = MappingProxyType(
    {
        code: least
        for codes, least in (
            ("GBP", 30),
            ("AUD BRL CAD CHF EUR INR JPY NZD SGD USD", 50),
            ("AED MYR PLN RON", 200),
            ("DKK", 250),
            ("NOK SEK", 300),
            ("HKD", 400),
            ("MXN THB", 1_000),
            ("CZK", 1_500),
            ("HUF", 17_500),
        )
        for code in codes.split()
    }
)
_MOST: Mapping[str, int] = MappingProxyType({"ISK": 999_999, "UGX": 999_999})

_THREE_DECIMALS = 3
_LAST_DIGIT = "must end in 0: card networks take {currency} with two of its three decimals, and nothing is ever rounded"
_WHOLE_ARIARY = "must end in 00: card networks take whole MGA, and nothing is ever rounded"


@dataclass(frozen=True, slots=True)
class Limits:
    """Minor units of one amount that is charged; `told` is for who sent another."""

    least: int
    most: int
    told: str


# Where the currency is not known.
ANY = Limits(1, MOST, f"must be a whole number of minor units from 1 to {MOST}")


def limits_of(currency: str) -> Limits:
    least, most = _LEAST.get(currency, 1), _MOST.get(currency, MOST)
    shown = " to ".join(written(Money(amount=amount, currency=currency)) for amount in (least, most))
    return Limits(least, most, f"must be a whole number of minor units from {least} to {most}: {shown}")


def check_exact(amount: int, currency: str, field: str = "amount") -> None:
    """Of what is charged, and of what is given back. Raises `Invalid` with a pointer to `field`."""
    if EXPONENTS[currency] == _THREE_DECIMALS and amount % 10:
        raise _inexact(field, _LAST_DIGIT.format(currency=currency))
    if currency == "MGA" and amount % 100:
        raise _inexact(field, _WHOLE_ARIARY)


def fault_of(total: Money) -> str | None:
    """Why it cannot be charged, as what an amount has to be; None: it can."""
    limits = limits_of(total.currency)
    if not limits.least <= total.amount <= limits.most:
        return limits.told
    try:
        check_exact(total.amount, total.currency)
    except Invalid as fault:
        return fault.errors[0].detail
    return None


def _inexact(field: str, detail: str) -> Invalid:
    return Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))
