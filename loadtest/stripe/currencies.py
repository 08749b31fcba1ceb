"""
Money by Stripe's rules: integers of its own minor units, which are not ISO 4217's for every currency.

https://docs.stripe.com/currencies: MGA has no cents there; ISK and UGX are written with two, which must be 00; amounts
of three-decimal currencies end in 0. The least is what about 0.50 USD is, the most eight digits.
"""

from loadtest.stripe.refusals import Refusal

MOST = 99_999_999


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_CENTS = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
_THREE = _codes("bhd jod kwd omr tnd")
_ENDS_IN_00 = frozenset({"isk", "ugx"})
_TWO = _codes(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc "
    "cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr "
    "kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk "
    "php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd "
    "uyu uzs wst xcd yer zar zmw"
)
CURRENCIES = _NO_CENTS | _THREE | _TWO
_LEAST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip


def exponent(currency: str) -> int:
    """How many digits stand after the point."""
    return 0 if currency in _NO_CENTS else 3 if currency in _THREE else 2


def written(amount: int, currency: str) -> str:
    """For people: `20.00 USD`."""
    digits = exponent(currency)
    whole, part = divmod(amount, 10**digits)
    return f"{whole}{f'.{part:0{digits}}' if digits else ''} {currency.upper()}"


def read_currency(code: str, param: str = "currency") -> str:
    """Lower case, in any case taken. Raises `Refusal`."""
    known = code.lower() if code.isascii() else code
    if known not in CURRENCIES:
        supported = ", ".join(sorted(CURRENCIES))
        raise Refusal(
            f"Invalid currency: {known}. Stripe currently supports these currencies: {supported}", param=param
        )
    return known


def check_spelling(amount: int, currency: str, param: str = "amount") -> None:
    """The last digits must be as the currency wants them, in refunds too. Raises `Refusal`."""
    if currency in _THREE and amount % 10:
        raise Refusal(
            f"Invalid amount. The last digit of an amount in {currency} must be 0: use a multiple of 10.", param=param
        )
    if currency in _ENDS_IN_00 and amount % 100:
        raise Refusal(f"Invalid amount. {currency} has no cents: use a multiple of 100.", param=param)


def check_charge(amount: int, currency: str, param: str = "amount") -> None:
    """Whether so much can be charged. Raises `Refusal`."""
    check_spelling(amount, currency, param)
    if amount > MOST:
        raise Refusal(f"Amount must be no more than {written(MOST, currency)}", code="amount_too_large", param=param)
    if amount < _LEAST.get(currency, 1):
        raise Refusal(
            f"Amount must be at least {written(_LEAST[currency], currency)}", code="amount_too_small", param=param
        )
