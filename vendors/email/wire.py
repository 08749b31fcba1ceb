"""A mail's job, and the message (RFC 5322, MIME) that it becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

import msgspec

from domain.accounts.links import Purpose
from domain.accounts.mails import LinkWanted, Mail
from domain.outcomes import Failed
from vendors.email.addresses import is_address
from vendors.email.settings import PATHS, EmailSettings
from vendors.email.templates import WORDS, Rendered, ShownLink, render

BODIES = SMTP.clone(cte_type="7bit")  # in ASCII, so that no server needs an extension to take it
# Lines as long as they may be (RFC 5322, section 2.1.1): a long address that is folded arrives in pieces.
HEADERS = BODIES.clone(max_line_length=998)

TokenOf = Callable[[UUID, Purpose], str]  # a link's token, by the link's id: see `domain.accounts.ports.Tokens.link`

# No value is repeated in these: it may be an address.
UNREADABLE = Failed("email_unfit", "The job's payload is no mail; nothing was sent.")
LINES = Failed("email_unfit", "A value of the mail holds a line's end; nothing was sent.")
WRONG_LINK = Failed("email_unfit", "The mail lacks the link of its template, or has another; nothing was sent.")
NO_ADDRESS = Failed("email_address_refused", "The mail's address is none that mail can be sent to; nothing was sent.")


@dataclass(frozen=True, slots=True)
class Letter:
    """`message_id` is the same over every attempt, so that a receiver can tell a repeat."""

    message_id: str
    sender: str
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)


def read_mail(payload: str) -> Mail | Failed:
    """The mail that a job's payload is, with nothing in it that could begin a header."""
    try:
        mail = msgspec.json.decode(payload, type=Mail)
    except (msgspec.DecodeError, RecursionError):
        return UNREADABLE
    if any(set(text) & {"\r", "\n"} for text in (mail.to, *mail.values, *mail.values.values(), *mail.items)):
        return LINES
    return mail if is_address(mail.to) else NO_ADDRESS


def compose(mail: Mail, request_id: UUID, settings: EmailSettings, token_of: TokenOf, now: datetime) -> Letter | Failed:
    """The message as it leaves. The token of its link stands in the message alone."""
    words = WORDS[mail.template].filled(mail.values)
    if words is None:
        return UNREADABLE
    if words.link is not (mail.link and mail.link.purpose):
        return WRONG_LINK
    link = None if mail.link is None else _shown(mail.link, settings, token_of)
    rendered = render(words, mail.values.get("name", ""), link, settings.public_base, mail.items)
    message_id = f"<{request_id}@{settings.sender.domain}>"
    message = _message(rendered, Address(addr_spec=mail.to), settings.sender)
    message["Message-ID"] = message_id
    message["Date"] = format_datetime(now)
    message.set_boundary(f"={request_id.hex}=")
    return Letter(message_id, settings.sender.addr_spec, mail.to, message.as_bytes(policy=HEADERS))


def _shown(wanted: LinkWanted, settings: EmailSettings, token_of: TokenOf) -> ShownLink:
    """
    The token stands behind the `#`: what opens a link in passing, or logs it, is never sent that.

    Of the request the host stands apart, or mail programs would make a link of it, with the token in its path.
    """
    token, path = token_of(wanted.id, wanted.purpose), PATHS[wanted.purpose]
    return ShownLink(f"{settings.pages}{path}#{token}", f"PUT {path}/{token}")


def _message(rendered: Rendered, to: Address, sender: Address) -> EmailMessage:
    message = EmailMessage(BODIES)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = rendered.subject
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody is away for us
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message
