"""
Money: an integer of minor units beside its currency. No float ever touches it.

Codes and exponents: ISO 4217 as of 2026, when the lev had gone. Left out is what nobody pays in: funds, metals, codes
for testing, and VED, a second code of the bolívar.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from domain.errors import FieldError, Invalid

MOST = 99_999_999  # minor units of one amount: what card networks take, and far below what any store would round

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
    "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
    "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS = {code: digits for codes, digits in ((_TWO, 2), (_NONE, 0), (_THREE, 3)) for code in codes.split()}


class Money(BaseModel):
    """`amount` in minor units of `currency`: 1999 USD is $19.99, 1999 JPY is ¥1999. It may be 0, and is never below."""

    model_config = ConfigDict(frozen=True, strict=True)

    amount: int
    currency: str


def total_of(parts: Iterable[tuple[Money, int]]) -> Money:
    """The sum of prices times quantities, which must be of one currency. Raises `ValueError` for none, or for mixed."""
    lines = list(parts)
    currencies = {price.currency for price, _ in lines}
    if len(currencies) != 1:
        raise ValueError("a total is of one currency")
    return Money(amount=sum(price.amount * quantity for price, quantity in lines), currency=currencies.pop())


def read_currency(text: str, field: str = "currency") -> str:
    """A code, in any case. Raises `Invalid` with a pointer to `field`."""
    code = text.upper() if text.isascii() else text
    if code in EXPONENTS:
        return code
    detail = "must be the ISO 4217 code of a currency that people pay in, such as USD"
    raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))


def written(money: Money) -> str:
    """For people: `19.99 USD`, `1999 JPY`."""
    digits = EXPONENTS[money.currency]
    if digits == 0:
        return f"{money.amount} {money.currency}"
    whole, part = divmod(money.amount, 10**digits)
    return f"{whole}.{part:0{digits}} {money.currency}"
