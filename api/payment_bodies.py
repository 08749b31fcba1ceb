"""What is sent of payments, read strictly: every fault at once, each with its pointer, and no data of cards."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from api.fields import Fields
from domain.accounts.names import read_email
from domain.commerce.listing import read_name
from domain.errors import BadSyntax, FieldError, Invalid
from domain.json_text import is_too_deep, pointer_to, read_object
from domain.money import MOST, Money, read_currency
from domain.payments.amounts import ANY, Limits, check_exact, limits_of
from domain.payments.card_data import find_card_data, has_card_number
from domain.payments.jobs import NewCustomer
from domain.payments.payments import Method, Page
from domain.request_ids import read_request_id

LONGEST_DETAILS = 4_096  # bytes
LONGEST_METHOD_ID = 255
METHOD_ID = rf"[A-Za-z0-9_-]{{1,{LONGEST_METHOD_ID}}}"


class Reason(StrEnum):
    """Why money goes back: the processor's own words, which count refunds for fraud against the card."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    REQUESTED_BY_CUSTOMER = "requested_by_customer"


_TEXT = "must be a string"
_CURRENCY = "must be a string, the ISO 4217 code of a currency such as USD"
_METHOD = f"must be one of {', '.join(Method)}"
_REASON = f"must be one of {', '.join(Reason)}, or left out"
_DETAILS = f"must be an object of at most {LONGEST_DETAILS} bytes, each member given once"
_CARD = "is data of a card, which never passes through here; leave it out, and send the processor's payment_method_id"
_METHOD_ID = (
    f"must be the processor's id of a way to pay, such as pm_1NxYz: 1 to {LONGEST_METHOD_ID} of A-Z a-z 0-9 _ - "
    "and never a card's number"
)
_PAYMENT_ID = "must be the id of a payment: a string, a UUID in its 36 characters"
_OR_DIGITS = "{told}, or a string of its digits"
_WHOLE = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Ordered:
    """What is to be paid, how, and what the client wrote beside it, as JSON text."""

    total: Money
    method: Method
    details: str | None


@dataclass(frozen=True, slots=True)
class AskedBack:
    amount: int | None
    currency: str | None
    reason: str | None


def read_payment(fields: Fields) -> Ordered:
    """Raises `Invalid` with every fault."""
    fields.expect("amount", "currency", "payment_method")
    currency = _read_currency(fields)
    limits = _limits_of(currency)
    amount: Any = fields.take_whole("amount", limits.least, limits.most, limits.told)
    method = fields.take("payment_method", Method, _METHOD)
    details = _read_details(fields)
    _check_exact(fields, amount, currency)
    fields.end()
    return Ordered(Money(amount=amount, currency=currency), method, details)


def read_try(fields: Fields) -> str:
    """The processor's id of the way to pay. Raises `Invalid` with every fault."""
    method: str = _read_method_id(fields)
    fields.end()
    return method


def read_try_of_one(fields: Fields) -> tuple[UUID, str]:
    """The payment's id too. Raises `Invalid` with every fault."""
    text = fields.require("payment_id", str, _PAYMENT_ID)
    payment_id: Any = read_request_id(text) if isinstance(text, str) else UNSET
    if payment_id is None:
        fields.blame("payment_id", _PAYMENT_ID)
    return payment_id, read_try(fields)


def read_asked_back(fields: Fields) -> AskedBack:
    """All of it optional; null is as good as nothing for the reason alone. Raises `Invalid` with every fault."""
    amount = fields.take_whole("amount", 1, MOST)
    currency = _read_currency(fields)
    reason = fields.take("reason", Reason | None, _REASON)
    fields.end()
    return AskedBack(
        amount=amount if isinstance(amount, int) else None,
        currency=currency if isinstance(currency, str) else None,
        reason=reason.value if isinstance(reason, Reason) else None,
    )


def read_customer(fields: Fields) -> NewCustomer:
    """Raises `Invalid` with every fault."""
    fields.expect("name", "email")
    name = _read_name(fields, "name")
    email = _read_text(fields, "email", lambda text: read_email(text).shown)
    fields.end()
    return NewCustomer(name, email)


def read_checkout(fields: Fields, pages: str) -> tuple[Money, Page]:
    """`amount` may be text of digits, as earlier clients send it. Raises `Invalid` with every fault."""
    fields.expect("currency", "product_name", "amount")
    currency = _read_currency(fields)
    name = _read_name(fields, "product_name")
    amount = _read_amount_or_digits(fields, _limits_of(currency))
    _check_exact(fields, amount, currency)
    fields.end()
    back = {"success_url": f"{pages}/payments/success", "cancel_url": f"{pages}/payments/cancelled"}
    return Money(amount=amount, currency=currency), Page(product_name=name, **back)


def _read_currency(fields: Fields) -> Any:
    return _read_text(fields, "currency", read_currency, _CURRENCY)


def _read_name(fields: Fields, field: str) -> Any:
    def read(text: str) -> str:
        if has_card_number(text):
            raise Invalid(f"/{field} {_CARD}", errors=(FieldError(f"/{field}", _CARD),))
        return read_name(text, field)

    return _read_text(fields, field, read)


def _read_text(fields: Fields, name: str, read: Callable[[str], str], detail: str = _TEXT) -> Any:
    text = fields.take(name, str, detail)
    try:
        return read(text) if isinstance(text, str) else UNSET
    except Invalid as fault:
        return fields.take_over(fault)


def _read_method_id(fields: Fields) -> Any:
    text = fields.require("payment_method_id", str, _METHOD_ID)
    if isinstance(text, str) and (not re.fullmatch(METHOD_ID, text) or has_card_number(text)):
        return fields.blame("payment_method_id", _METHOD_ID)
    return text


def _limits_of(currency: Any) -> Limits:
    return limits_of(currency) if isinstance(currency, str) else ANY


def _read_amount_or_digits(fields: Fields, limits: Limits) -> Any:
    raw: Any = fields.take("amount", msgspec.Raw, limits.told)
    if raw is UNSET:
        return UNSET
    text = bytes(raw).decode().strip()
    quoted = msgspec.json.decode(raw, type=str) if text.startswith('"') else text
    if _WHOLE.fullmatch(quoted) and limits.least <= int(quoted) <= limits.most:
        return int(quoted)
    return fields.blame("amount", _OR_DIGITS.format(told=limits.told))


def _check_exact(fields: Fields, amount: Any, currency: Any) -> None:
    if isinstance(amount, int) and isinstance(currency, str):
        try:
            check_exact(amount, currency)
        except Invalid as fault:
            fields.take_over(fault)


def _read_details(fields: Fields) -> str | None:
    raw: Any = fields.take("details", msgspec.Raw, _DETAILS)
    if raw is UNSET or bytes(raw).strip() == b"null":
        return None
    details = _details(bytes(raw))
    if details is None:
        fields.blame("details", _DETAILS)
        return None
    where = find_card_data(details)
    if where is not None:
        fields.take_over(Invalid(_CARD, errors=(FieldError(pointer_to("details", *where), _CARD),)))
    return bytes(raw).decode()


def _details(text: bytes) -> dict[str, Any] | None:
    """None for what cannot be kept."""
    if len(text) > LONGEST_DETAILS or is_too_deep(text):
        return None
    try:
        read_object(text)
        return msgspec.json.decode(text, type=dict[str, Any])
    except (Invalid, BadSyntax, msgspec.DecodeError, OverflowError):
        return None
