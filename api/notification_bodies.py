"""What is sent to have a mail of an order sent, read strictly."""

from typing import Any
from uuid import UUID

from msgspec import UNSET

from api.fields import Fields
from domain.accounts.mails import Template
from domain.commerce.notices import EVENTS
from domain.request_ids import read_request_id

TEMPLATES = tuple(template.value for template in EVENTS)

_ID = "must be the id of {}: a string, a UUID in its 36 characters"
_TEMPLATE = f"must be one of {', '.join(TEMPLATES)}"


def read_notification(fields: Fields) -> tuple[UUID, UUID, Template]:
    """The user, the order and the template. Raises `Invalid` with every fault."""
    user_id, order_id = _read_id(fields, "user_id", "a user"), _read_id(fields, "order_id", "an order")
    template: Any = fields.require("template", Template, _TEMPLATE)
    if template is not UNSET and template not in EVENTS:
        fields.blame("template", _TEMPLATE)
    fields.end()
    return user_id, order_id, template


def _read_id(fields: Fields, name: str, whose: str) -> Any:
    detail = _ID.format(whose)
    text = fields.require(name, str, detail)
    if not isinstance(text, str):
        return UNSET
    return read_request_id(text) or fields.blame(name, detail)
