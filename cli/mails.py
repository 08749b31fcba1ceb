"""The vendor of mails, as the settings want it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.headerregistry import Address
from typing import assert_never

from cli.home import Home
from cli.limits import vendor_limit
from cli.mail_servers import Server, mail_server
from cli.settings import Settings
from domain.errors import ConfigurationError
from domain.vendors import VendorPolicy
from vendors.email.adapter import Carrier, Email, NoCarrier, policy_of
from vendors.email.addresses import read_sender
from vendors.email.gmail import GmailCarrier
from vendors.email.gmail_tokens import GmailTokens
from vendors.email.inbox import InboxCarrier, MailFolder
from vendors.email.settings import EmailSettings, GmailAccount, SmtpServer
from vendors.email.smtp import SmtpCarrier
from vendors.email.wire import TokenOf
from vendors.http import Clock, VendorHttp

HERE = Address("Gateway", "gateway", "localhost")  # the sender of mails that never leave this machine


@asynccontextmanager
async def open_email(settings: Settings, token_of: TokenOf, clock: Clock) -> AsyncIterator[Email]:
    """`token_of` works out a link's token. Raises `ConfigurationError`."""
    server, gmail_from = mail_server()
    chosen = email_settings(settings, server, gmail_from)
    async with VendorHttp(clock=clock) as http:
        yield Email(_carrier(settings, chosen, server, http, clock), chosen, token_of, clock=clock)


def email_settings(settings: Settings, server: Server, gmail_from: str | None) -> EmailSettings:
    """Raises `ConfigurationError`."""
    return EmailSettings(
        sender=_sender(settings.mail_from, server, gmail_from),
        public_base=settings.public_base,
        pages=(settings.pages_url or settings.public_base).rstrip("/"),
        limit=vendor_limit("GATEWAY_EMAIL_LIMIT", settings.email_limit),
    )


def email_policy(settings: Settings) -> VendorPolicy:
    """For a process that sends no mail itself. Raises `ConfigurationError`."""
    limit = vendor_limit("GATEWAY_EMAIL_LIMIT", settings.email_limit)
    try:
        server, _ = mail_server()
    except ConfigurationError:  # it is the workers' setting: they are told
        server = None
    match server:
        case SmtpServer():
            return policy_of(limit, repeatable=SmtpCarrier.repeatable, at_once=SmtpCarrier.at_once)
        case GmailAccount():
            return policy_of(limit, repeatable=GmailCarrier.repeatable, at_once=GmailCarrier.at_once)
        case None:
            return policy_of(limit, repeatable=NoCarrier.repeatable, at_once=NoCarrier.at_once)
        case _:
            assert_never(server)


def mail_folder(settings: Settings) -> MailFolder:
    """The local inbox."""
    return MailFolder(Home.at(settings.home).path / "mail")


def tell_way(settings: Settings) -> str | None:
    """How mails leave, for people; None where they do not. Raises `ConfigurationError`."""
    server, gmail_from = mail_server()
    chosen = email_settings(settings, server, gmail_from)
    match server:
        case SmtpServer():
            return f"from {chosen.sender.addr_spec} by {server.host}:{server.port}, TLS: {server.security.value}"
        case GmailAccount():
            return f"from {chosen.sender.addr_spec} by Gmail"
        case None:
            return f"kept here, {settings.public_base}/dev/mail" if settings.env == "development" else None
        case _:
            assert_never(server)


def _carrier(settings: Settings, chosen: EmailSettings, server: Server, http: VendorHttp, clock: Clock) -> Carrier:
    match server:
        case SmtpServer():
            return SmtpCarrier(server, hello=chosen.sender.domain)
        case GmailAccount():
            return GmailCarrier(http, GmailTokens(http, server, clock=clock))
        case None:
            return InboxCarrier(mail_folder(settings)) if settings.env == "development" else NoCarrier()
        case _:
            assert_never(server)


def _sender(mail_from: str | None, server: Server, gmail_from: str | None) -> Address:
    name, said = ("GMAIL_FROM", gmail_from) if gmail_from else ("GATEWAY_MAIL_FROM", mail_from)
    if said is None:
        if server is None:
            return HERE
        raise ConfigurationError("GATEWAY_MAIL_FROM: SMTP_URL needs it; set it to the address that mails come from")
    try:
        return read_sender(said)
    except ValueError as fault:
        raise ConfigurationError(f"{name}: {fault}") from None
