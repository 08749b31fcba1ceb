"""Having a mail of an order sent by hand: for what has happened to it, and to whose it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.accounts.mails import Template
from domain.accounts.ports import Post, Users
from domain.accounts.users import User
from domain.commerce.following import key_of
from domain.commerce.notices import EVENTS, happened_at, kind_of, notice
from domain.commerce.orders import Order
from domain.commerce.ports import Orders, RequestKeys
from domain.errors import Conflict, FieldError, Invalid, KeyReused
from domain.ports import Accepted

_NOBODY = "is nobody's who has an account"
_NO_MAIL = "is somebody's to whom no mail is sent: their account is locked, or its address not confirmed"
_NOT_THEIRS = "is no order of this user"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. `fingerprint` is of all that they sent."""

    user: UUID
    order: UUID
    template: Template
    client: str
    at: datetime
    fingerprint: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class ByHand:
    orders: Orders
    users: Users
    post: Post
    keys: RequestKeys
    memory: timedelta  # for so long an ended mail is on record, at least: of older ones nobody knows

    async def send(self, wanted: Wanted) -> Accepted:
        """
        The mail's job; where the mail is on record already, by itself or by hand, that one, and no other is sent.

        Raises `Invalid` with the fields, `Conflict` for what has not happened, `KeyReused`, `Unavailable`.
        """
        user, order = await self._find(wanted)
        self._check_event(order, wanted)
        await self._claim(wanted)
        return await self.post.send(notice(order, user, wanted.template), key_of(order, kind_of(wanted.template)))

    def _check_event(self, order: Order, wanted: Wanted) -> None:
        at = happened_at(order, wanted.template)
        if at is None:
            status = EVENTS[wanted.template]
            raise _refused(
                f"the order is {order.status}, and was never {status}; a mail tells what has happened", "order-state"
            )
        if wanted.at - at >= self.memory:
            raise _refused("that was so long ago that it may well have been told; no mail tells twice", "too-long-ago")

    async def _find(self, wanted: Wanted) -> tuple[User, Order]:
        user = await self.users.find(wanted.user)
        order = await self.orders.find(wanted.order, None)
        faults = []
        if user is None or not user.may_sign_in:
            faults.append(FieldError("/user_id", _NOBODY if user is None else _NO_MAIL))
        if order is None or order.user != wanted.user:
            faults.append(FieldError("/order_id", _NOT_THEIRS))
        if user is None or order is None or faults:
            told = "; ".join(f"{fault.pointer} {fault.detail}" for fault in faults)
            raise Invalid(told, errors=tuple(faults))
        return user, order

    async def _claim(self, wanted: Wanted) -> None:
        if wanted.idempotency_key is None:
            return
        first = await self.keys.claim(wanted.client, wanted.idempotency_key, wanted.fingerprint, wanted.at)
        if first != wanted.fingerprint:
            raise KeyReused(
                "this Idempotency-Key came before with another body; take a new key for another mail, "
                "or send the first body again"
            )


def _refused(detail: str, code: str) -> Conflict:
    return Conflict(f"/template: {detail}", code=code, errors=(FieldError("/template", detail),))
