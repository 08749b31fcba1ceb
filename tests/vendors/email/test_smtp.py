"""Letters by SMTP, to a real server: what it is sent, and what its answers come to."""

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from email.headerregistry import Address

import pytest

from domain.errors import NotNow, OutcomeUnknown
from domain.outcomes import Done, Failed, Retry
from domain.vendors import Vendor
from tests.strategies import NOON
from tests.vendors.email.mail_server import (
    PASSWORD,
    USER,
    Answer,
    MailServer,
    Trust,
    answering,
    hang_up,
    listening,
    say,
    stay_silent,
)
from tests.vendors.email.samples import ADDRESS, SETTINGS, a_call, a_letter, token_of
from vendors.email.adapter import Email
from vendors.email.settings import Security, SmtpServer
from vendors.email.smtp import SmtpCarrier


def carrier_to(
    server: MailServer,
    security: Security = Security.NONE,
    tls: ssl.SSLContext | None = None,
    password: str | None = None,
) -> SmtpCarrier:
    user = USER if password else None
    return SmtpCarrier(SmtpServer("127.0.0.1", server.port, security, user, password), "gateway.example", tls)


async def test_a_letter_is_taken_whole_by_one_connection() -> None:
    async with listening(MailServer()) as server:
        outcome = await carrier_to(server).send(a_letter(), a_call())
    assert outcome == Done(f'{{"message_id":"{a_letter().message_id}"}}', 250)
    [taken] = server.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("gateway@gateway.example", [ADDRESS])
    assert taken.content == a_letter().content


async def test_it_is_a_vendor_that_is_never_asked_again_when_nobody_knows() -> None:
    async with listening(MailServer()) as server:
        vendor: Vendor = Email(carrier_to(server), SETTINGS, token_of, clock=lambda: NOON)
        assert await vendor.call(a_call()) == Done(f'{{"message_id":"{a_letter().message_id}"}}', 250)
    assert (vendor.name, vendor.policy.repeatable) == ("email", False)
    assert server.taken[0].content == a_letter().content


async def test_a_line_that_is_a_point_ends_no_letter() -> None:
    letter = replace(a_letter(), content=a_letter().content + b".\r\nMAIL FROM:<eve@example.com>\r\n..\r\n")
    async with listening(MailServer()) as server:
        await carrier_to(server).send(letter, a_call())
    assert [taken.content for taken in server.taken] == [letter.content]
    assert server.commands == ["MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("code", [421, 450, 451, 452])
async def test_not_now_is_tried_again(command: str, code: int) -> None:
    async with listening(answering(command, say(f"{code} try later, {ADDRESS}"))) as server:
        outcome = await carrier_to(server).send(a_letter(), a_call())
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.vendor_status, outcome.closes_vendor) == ("email_deferred", code, False)
    assert ADDRESS not in outcome.reason


@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("code", [550, 554])
async def test_a_no_is_final_and_repeats_no_word_of_the_servers(command: str, code: int) -> None:
    async with listening(answering(command, say(f"{code} no such user {ADDRESS}"))) as server:
        outcome = await carrier_to(server).send(a_letter(), a_call())
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.vendor_status) == ("email_refused", code)
    assert ADDRESS not in outcome.reason


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with listening(MailServer()) as server:
        pass
    outcome = await carrier_to(server).send(a_letter(), a_call())
    assert isinstance(outcome, Retry)
    assert outcome.code == "email_unreachable"


@pytest.mark.parametrize("greeting", [b"", b"garbage\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_server_that_speaks_something_else_is_tried_again(greeting: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        outcome = await carrier_to(MailServer(port=port)).send(a_letter(), a_call())
    assert isinstance(outcome, Retry)
    assert outcome.code in {"email_unreachable", "email_deferred"}


@pytest.mark.parametrize("command", ["mail", "rcpt"])
@pytest.mark.parametrize("answer", [hang_up, stay_silent])
async def test_what_breaks_before_the_letter_left_is_tried_again(command: str, answer: Answer) -> None:
    async with listening(answering(command, answer)) as server:
        outcome = await carrier_to(server).send(a_letter(), a_call(seconds=0.3))
    assert isinstance(outcome, Retry)
    assert outcome.code == "email_unreachable"
    assert server.taken == []


@pytest.mark.parametrize("answer", [hang_up, stay_silent, say("999 what"), say("hello")])
async def test_what_breaks_after_the_letter_left_is_unknown(answer: Answer) -> None:
    async with listening(MailServer(to_data=answer)) as server:
        with pytest.raises(OutcomeUnknown) as unknown:
            await carrier_to(server).send(a_letter(), a_call(seconds=0.3))
    assert ADDRESS not in unknown.value.detail
    assert unknown.value.__cause__ is None
    assert unknown.value.__suppress_context__


async def test_the_gate_stands_before_the_letter_and_after_the_envelope() -> None:
    seen: list[list[str]] = []
    async with listening(MailServer()) as server:

        async def gate() -> None:
            seen.append([*server.commands])

        await carrier_to(server).send(a_letter(), a_call(gate=gate, note_sent=lambda: seen.append(["sent"])))
    assert seen == [["MAIL", "RCPT"], ["sent"]]


async def test_a_letter_that_may_not_leave_now_does_not() -> None:
    async def gate() -> None:
        raise NotNow("held back", until=datetime.now(UTC))

    async with listening(MailServer()) as server:
        with pytest.raises(NotNow):
            await carrier_to(server).send(a_letter(), a_call(gate=gate))
    assert server.taken == []


async def test_a_call_that_is_cut_leaves_no_connection() -> None:
    async with listening(MailServer(to_data=stay_silent)) as server:
        sending = asyncio.create_task(carrier_to(server).send(a_letter(), a_call()))
        while "DATA" not in server.commands:
            await asyncio.sleep(0.005)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


class TestTls:
    async def test_starttls_comes_before_the_password_and_the_letter(self, trust: Trust) -> None:
        async with listening(MailServer(), tls_context=trust.server, require_starttls=True) as server:
            carrier = carrier_to(server, Security.STARTTLS, trust.client, PASSWORD)
            outcome = await carrier.send(a_letter(), a_call())
        assert isinstance(outcome, Done)
        assert (server.over_tls, server.signed_in) == ([True], [USER.encode()])

    async def test_smtps_is_tls_from_the_first_byte(self, trust: Trust) -> None:
        async with listening(MailServer(), implicit_tls=trust.server, auth_require_tls=False) as server:
            carrier = carrier_to(server, Security.TLS, trust.client, PASSWORD)
            outcome = await carrier.send(a_letter(), a_call())
        assert isinstance(outcome, Done)
        assert server.signed_in == [USER.encode()]

    async def test_a_server_without_starttls_gets_neither_password_nor_letter(self, trust: Trust) -> None:
        async with listening(MailServer(), auth_require_tls=False) as server:
            carrier = carrier_to(server, Security.STARTTLS, trust.client, PASSWORD)
            outcome = await carrier.send(a_letter(), a_call())
        assert isinstance(outcome, Retry)
        assert (outcome.code, server.commands, server.signed_in) == ("email_unreachable", [], [])

    @pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
    async def test_a_certificate_that_nobody_vouches_for_gets_nothing(self, trust: Trust, security: Security) -> None:
        implicit = {"implicit_tls": trust.server} if security is Security.TLS else {"tls_context": trust.server}
        async with listening(MailServer(), **implicit) as server:
            outcome = await carrier_to(server, security, None, PASSWORD).send(a_letter(), a_call())
        assert isinstance(outcome, Retry)
        assert (outcome.code, server.commands, server.signed_in) == ("email_unreachable", [], [])

    async def test_a_wrong_password_is_told_as_what_it_is(self, trust: Trust) -> None:
        async with listening(MailServer(), tls_context=trust.server) as server:
            outcome = await carrier_to(server, Security.STARTTLS, trust.client, "wrong").send(a_letter(), a_call())
        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.vendor_status) == ("email_sign_in_refused", 535)
        assert server.commands == []


async def test_what_it_calls_itself_is_the_senders_domain() -> None:
    named: list[str] = []

    class Listening(MailServer):
        async def handle_EHLO(  # noqa: N802 - aiosmtpd looks for this name
            self, server: object, session: object, envelope: object, name: str, lines: list[str]
        ) -> list[str]:
            named.append(name)
            session.host_name = name  # type: ignore[attr-defined]
            return lines

    async with listening(Listening()) as server:
        await carrier_to(server).send(a_letter(), a_call())
    assert named == ["gateway.example"]
    assert Address(addr_spec=a_letter().sender).domain == "gateway.example"
