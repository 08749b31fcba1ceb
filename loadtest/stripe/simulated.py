"""The simulated Stripe put together: what calls it, and what controls it."""

from collections.abc import Iterable
from dataclasses import dataclass

from loadtest.stripe.account import Account
from loadtest.stripe.control import StripeControl
from loadtest.stripe.desk import StripeDesk
from loadtest.stripe.front import Front, Holding
from loadtest.stripe.keys import Keys
from loadtest.stripe.webhooks import Endpoint, Webhooks
from loadtest.vendors.deliveries import DeliveryLog
from loadtest.vendors.ledger import Ledger


@dataclass(frozen=True, slots=True)
class SimulatedStripe:
    desk: StripeDesk
    control: StripeControl


def simulated_stripe(ledger: Ledger, log: DeliveryLog, endpoints: Iterable[Endpoint]) -> SimulatedStripe:
    """Its calls and deliveries are written down beside the other vendors'."""
    webhooks = Webhooks(log, endpoints)
    account = Account(heard=webhooks.heard, send=webhooks.send)
    front = Front(Holding(account, Keys(account.clock)))
    desk = StripeDesk(account, front, webhooks, ledger)
    return SimulatedStripe(desk, StripeControl(account, front, desk, webhooks))
