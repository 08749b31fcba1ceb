"""The sweep of payments: does what was owed and not done. Any number may run at once."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.commerce.upkeep import LARGEST_LOOK
from domain.errors import Unavailable
from domain.payments.following import PaymentFollowing
from domain.payments.payments import Payment

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PaymentUpkeep:
    following: PaymentFollowing

    async def once(self, now: datetime, limit: int = LARGEST_LOOK) -> int:
        """Look at the payments that are due; answers how many were looked after. Raises `Unavailable`."""
        due = await self.following.payments.due(now, limit)
        return sum([await self._look_after(payment, now) for payment in due])

    async def _look_after(self, payment: Payment, now: datetime) -> bool:
        """One that cannot be helped now must not keep the others waiting."""
        try:
            await self.following.follow(payment, now)
        except Unavailable as fault:
            log.warning("a payment could not be looked after", payment_id=str(payment.id), fault=fault.detail)
            return False
        except Exception:
            log.exception("looking after a payment broke", payment_id=str(payment.id))
            return False
        return True
