"""
Stripe's test cards: what each number does, and the payment methods that stand for them (`pm_card_visa`).

https://docs.stripe.com/testing
"""

from dataclasses import dataclass, replace

from loadtest.stripe.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Decline:
    """What the issuer says no with. `code` is the error's, `reason` its `decline_code`."""

    code: str
    reason: str | None
    message: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """
    `challenge`: whether the buyer is asked by 3-D Secure (on session or off). `decline`: what becomes of a charge.

    `attaches`: it can be kept for a customer although it declines. `refund`: what becomes of one later, of itself.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    decline: Decline | None = None
    challenge: bool = False
    attaches: bool = False
    refund: str | None = None
    exp_month: int = 12
    exp_year: int = 2034

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _declined(reason: str, message: str = "Your card was declined.", advice: str = "try_again_later") -> Decline:
    return Decline("card_declined", reason, message, advice)


_FUNDS = _declined("insufficient_funds", "Your card has insufficient funds.")
_GENERIC = _declined("generic_decline")
_LIMIT = _declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
_EXPIRED = Decline("expired_card", None, "Your card has expired.", "do_not_try_again")
_CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.", "confirm_card_data")
_PROCESSING = Decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
    "try_again_later",
)
_LOST = _declined("lost_card", advice="do_not_try_again")
_STOLEN = _declined("stolen_card", advice="do_not_try_again")
_FRAUD = _declined("fraudulent", advice="do_not_try_again")

# By the name that follows `pm_card_`, or `pm_card_visa_` for declines.
_NAMED = {
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", "debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", "prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb"),
    "unionpay": Card("6200000000000005", "unionpay"),
    "chargeDeclined": Card("4000000000000002", decline=_GENERIC),
    "chargeDeclinedInsufficientFunds": Card("4000000000009995", decline=_FUNDS),
    "chargeDeclinedLostCard": Card("4000000000009987", decline=_LOST),
    "chargeDeclinedStolenCard": Card("4000000000009979", decline=_STOLEN),
    "chargeDeclinedVelocityLimitExceeded": Card("4000000000006975", decline=_LIMIT),
    "chargeDeclinedExpiredCard": Card("4000000000000069", decline=_EXPIRED),
    "chargeDeclinedIncorrectCvc": Card("4000000000000127", decline=_CVC),
    "chargeDeclinedProcessingError": Card("4000000000000119", decline=_PROCESSING),
    "chargeCustomerFail": Card("4000000000000341", decline=_GENERIC, attaches=True),
    "radarBlock": Card("4100000000000019", decline=_FRAUD),
    "authenticationRequiredOnSetup": Card("4000002500003155", challenge=True, attaches=True),
    "authenticationRequired": Card("4000002760003184", challenge=True, attaches=True),
    "threeDSecure2Required": Card("4000000000003220", challenge=True, attaches=True),
    "threeDSecureRequired": Card("4000000000003063", challenge=True, attaches=True),
    "threeDSecureRequiredChargeDeclined": Card("4000008400001629", decline=_GENERIC, challenge=True, attaches=True),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", decline=_FUNDS, challenge=True, attaches=True
    ),
    "pendingRefund": Card("4000000000007726", refund="succeeded"),
    "refundFail": Card("4000000000005126", refund="failed"),
    "bypassPending": Card("4000000000000077"),
}
_BY_NUMBER = {card.number: card for card in _NAMED.values()}


def named(payment_method: str) -> Card | None:
    """The card that a name of Stripe's documentation stands for; None for any other id."""
    if not payment_method.startswith("pm_card_"):
        return None
    name = payment_method.removeprefix("pm_card_")
    return _NAMED.get(name) or _NAMED.get(name.removeprefix("visa_"))


def numbered(number: str, exp_month: int = 12, exp_year: int = 2034) -> Card:
    """A card as it is typed. Raises `Refusal` for one that is none, or none of Stripe's test cards."""
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdecimal() and 12 <= len(digits) <= 19 and _adds_up(digits)):
        raise _wrong_number("Your card number is incorrect.", "incorrect_number")
    card = _BY_NUMBER.get(digits)
    if card is None:  # in test mode only the documented numbers are taken
        raise Refusal(
            "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test "
            "cards, visit: https://stripe.com/docs/testing.",
            status=402, kind="card_error", code="card_declined", decline_code="test_mode_live_card",
        )  # fmt: skip
    if not 1 <= exp_month <= 12:
        raise _wrong_number("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    return replace(card, exp_month=exp_month, exp_year=exp_year)


def _wrong_number(message: str, code: str, param: str = "number") -> Refusal:
    return Refusal(message, status=402, kind="card_error", code=code, param=param)


def _adds_up(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    doubled = [sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[::-2])) % 10 == 0
