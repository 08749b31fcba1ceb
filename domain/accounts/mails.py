"""
Mails are jobs of the vendor `email`: what to say, to whom, and the values that its template needs.

A link is named by its id and purpose: the token is worked out when the mail is sent, and stands in no job.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from domain.accounts.links import Purpose

VENDOR = "email"  # the vendor's name, which no table may take and no client may ask for


class Template(StrEnum):
    """Permanent names: jobs of every age carry them."""

    CONFIRM = "confirm"  # follow the link, and the address is yours
    ALREADY_REGISTERED = "already_registered"  # somebody, perhaps you, registered this address again
    RESET = "reset"  # follow the link to choose a new password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name; by a link, and their keys are revoked with it
    NEW_EMAIL = "new_email"  # follow the link, and this becomes the address of an account
    EMAIL_TAKEN = "email_taken"  # somebody wanted this address for another account
    EMAIL_ASKED = "email_asked"  # to the address now: it may soon be another
    EMAIL_CHANGED = "email_changed"  # to the former address
    ORDER_PLACED = "order_placed"
    ORDER_PAID = "order_paid"
    ORDER_SHIPPED = "order_shipped"
    ORDER_DELIVERED = "order_delivered"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_REFUNDED = "order_refunded"


class LinkWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    purpose: Purpose


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    The payload of a mail's job. `items` are lines of what was ordered.

    What is not there is left out: older workers, which do not know it, send all other mails as ever.
    """

    to: str
    template: Template
    values: Mapping[str, str] = {}
    link: LinkWanted | None = None
    items: Sequence[str] = ()
