"""A mail of each template, and what the vendor of mails is given in tests."""

from datetime import timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import msgspec

from domain.accounts.links import Purpose
from domain.accounts.mails import LinkWanted, Mail, Template
from domain.commerce.notices import EVENTS
from domain.vendors import Call
from tests.strategies import NOON
from vendors.email.settings import EmailSettings
from vendors.email.wire import Letter, compose

JOB = UUID("0192f0c0-0000-7000-8000-000000000001")
LINK = UUID("0192f0c0-0000-7000-8000-00000000aaaa")
ADDRESS = "ann@example.com"
PURPOSES = {
    Template.CONFIRM: Purpose.CONFIRM,
    Template.RESET: Purpose.RESET,
    Template.NEW_EMAIL: Purpose.NEW_EMAIL,
}
ITEMS = ["2 x Red mug: 39.98 USD", "1 x Blue mug: 5.00 USD"]
OF_AN_ORDER = {"order": "0192f0c0-0000-7000-8000-00000000bbbb", "total": "44.98 USD"}
SETTINGS = EmailSettings(
    Address("Our Gateway", "gateway", "gateway.example"), "https://gateway.example", "https://pages.example"
)


def token_of(link: UUID, purpose: Purpose) -> str:
    return f"token-of-{purpose}-{link.hex[-4:]}"


def a_mail(template: Template = Template.CONFIRM, to: str = ADDRESS, **values: str) -> Mail:
    """With the link, or the order, that its template wants."""
    link = LinkWanted(LINK, PURPOSES[template]) if template in PURPOSES else None
    if template not in EVENTS:
        return Mail(to=to, template=template, values=values, link=link)
    return Mail(to=to, template=template, values={**OF_AN_ORDER, **values}, items=ITEMS)


def payload_of(mail: Mail) -> str:
    return msgspec.json.encode(mail).decode()


def a_call(mail: Mail | None = None, *, seconds: float = 5, **parts: Any) -> Call:
    return Call(JOB, payload_of(mail or a_mail()), timedelta(seconds=seconds), **parts)


def a_letter(mail: Mail | None = None) -> Letter:
    letter = compose(mail or a_mail(), JOB, SETTINGS, token_of, NOON)
    assert isinstance(letter, Letter)
    return letter


def read(content: bytes) -> tuple[EmailMessage, str, str]:
    """The message, and both of its bodies."""
    message = message_from_bytes(content, EmailMessage, policy=default)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return message, str(plain.get_content()), str(html.get_content())
