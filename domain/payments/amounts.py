"""Amounts that can be charged: narrower than what ISO 4217 can count."""

from domain.errors import FieldError, Invalid
from domain.money import EXPONENTS

_THREE_DECIMALS = 3
_LAST_DIGIT = "must end in 0: card networks take {currency} with two of its three decimals, and nothing is ever rounded"


def check_chargeable(amount: int, currency: str, field: str = "amount") -> None:
    """Raises `Invalid` with a pointer to `field`."""
    if EXPONENTS[currency] == _THREE_DECIMALS and amount % 10:
        detail = _LAST_DIGIT.format(currency=currency)
        raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))
