"""The books: what was charged and given back, counted from the charges and refunds themselves."""

from collections import Counter

import msgspec

from loadtest.stripe.account import Account
from loadtest.stripe.charge import Charge

_GIVEN_BACK = frozenset({"succeeded", "pending", "requires_action"})


class Totals(msgspec.Struct, frozen=True):
    """
    Minor units by currency. `pending` is the part of `refunded` that may yet fail; `left` is charged less refunded.

    `statuses` counts the payment intents.
    """

    charged: dict[str, int]
    refunded: dict[str, int]
    pending: dict[str, int]
    left: dict[str, int]
    charges: int
    refunds: int
    statuses: dict[str, int]


def totals(account: Account, wanted: dict[str, str]) -> Totals:
    """Of everything, or of the intents whose metadata, or whose checkout's, has all of `wanted`."""
    intents = _intents_with(account, wanted)
    charged, refunded, pending = Counter[str](), Counter[str](), Counter[str]()
    charges = [charge for charge in account.charges.values() if charge.payment_intent in intents and _came_in(charge)]
    for charge in charges:
        charged[charge.currency] += charge.amount_captured
    refunds = [refund for refund in account.refunds.values() if refund.payment_intent in intents]
    for refund in refunds:
        refunded[refund.currency] += refund.amount if refund.status in _GIVEN_BACK else 0
        pending[refund.currency] += refund.amount if refund.status == "pending" else 0
    left = {currency: amount - refunded[currency] for currency, amount in charged.items()}
    statuses = Counter(account.intents[intent].status for intent in intents)
    return Totals(
        dict(charged), dict(refunded), dict(+pending), left, len(charges), len(refunds), dict(statuses)
    )  # fmt: skip


def _came_in(charge: Charge) -> bool:
    return charge.paid and charge.captured


def _intents_with(account: Account, wanted: dict[str, str]) -> set[str]:
    found = {intent.id for intent in account.intents.values() if wanted.items() <= intent.metadata.items()}
    of_sessions = {
        session.payment_intent
        for session in account.sessions.values()
        if session.payment_intent is not None and wanted.items() <= session.metadata.items()
    }
    return found | of_sessions
