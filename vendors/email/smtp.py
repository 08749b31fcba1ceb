"""
Letters by SMTP, one connection each.

What must be right here is one moment: from the command DATA on the server may have the letter, and before it cannot.
No text here repeats what a server said: it likes to name the address.
"""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import msgspec
from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException

from domain.errors import OutcomeUnknown
from domain.outcomes import Done, Failed, Outcome, Retry
from domain.vendors import Call
from vendors.email.settings import Security, SmtpServer
from vendors.email.wire import Letter

OK = 250


@dataclass(slots=True)
class _Passage:
    """How far one letter got."""

    sent: bool = False


class SmtpCarrier:
    """A `vendors.email.adapter.Carrier`."""

    repeatable = False
    at_once = 10  # a usual cap of servers on the connections of one client

    def __init__(self, server: SmtpServer, hello: str, tls: ssl.SSLContext | None = None) -> None:
        """`hello` is the domain that we name ourselves by; `tls` is what certificates are judged by."""
        self._server = server
        self._hello = hello
        self._tls = tls or ssl.create_default_context()

    async def send(self, letter: Letter, call: Call) -> Outcome:
        passage, smtp = _Passage(), self._client()
        try:
            async with asyncio.timeout(call.timeout.total_seconds()):
                await _deliver(smtp, letter, call, passage)
        except SMTPResponseException as refusal:
            return _read_refusal(refusal, passage)
        except (SMTPException, OSError, ValueError) as fault:  # TLS and our own timeout are OSErrors
            return _broken(f"({type(fault).__name__})", passage)
        finally:
            _hang_up(smtp)
        return Done(msgspec.json.encode({"message_id": letter.message_id}).decode(), OK)

    def _client(self) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=self._hello,
            timeout=None,  # `call.timeout` bounds all of it
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            tls_context=self._tls,
        )


async def _deliver(smtp: SMTP, letter: Letter, call: Call, passage: _Passage) -> None:
    await smtp.connect()
    await smtp.mail(letter.sender)
    await smtp.rcpt(letter.recipient)
    if call.gate is not None:
        await call.gate()
    passage.sent = True
    if call.note_sent is not None:
        call.note_sent()
    await smtp.data(letter.content)
    with suppress(SMTPException):  # said, and its answer not waited for: the letter is taken
        if smtp.protocol is not None:
            smtp.protocol.write(b"QUIT\r\n")
    smtp.close()


def _hang_up(smtp: SMTP) -> None:
    """Whatever is left of the connection of a letter that was not taken: at once, or a deaf server would hold it."""
    transport = smtp.transport
    smtp.close()
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()


def _read_refusal(refusal: SMTPResponseException, passage: _Passage) -> Outcome:
    """An explicit answer: the server has not taken the letter, whenever it says so (RFC 5321, section 4.2.1)."""
    code = refusal.code
    signing_in = isinstance(refusal, SMTPAuthenticationError)
    match code // 100:
        case 4:
            return Retry("email_deferred", f"The mail server answered {code}: not now.", vendor_status=code)
        case 5 if signing_in:
            return Failed(
                "email_sign_in_refused", f"The mail server refused user or password of SMTP_URL ({code}).", code
            )
        case 5:
            return Failed("email_refused", f"The mail server refused the mail ({code}).", code)
        case _:
            return _broken("(it does not answer as SMTP does)", passage)


def _broken(how: str, passage: _Passage) -> Outcome:
    if passage.sent:
        raise OutcomeUnknown(f"The mail was sent, and the mail server did not say that it has it {how}.") from None
    return Retry(
        "email_unreachable", f"No session with the mail server as SMTP_URL asks for it {how}; nothing was sent."
    )
